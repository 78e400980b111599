//! The panel Hosts: host by class what was found, worst first; details with what helps. Pure.

use super::Panel;
use super::clocks::clock_words;
use crate::console::piece::{TextLine, labelled, piece, plain};
use crate::console::remedy;
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::{count, span, wrap};
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::{AgentStatus, HostChange, HostFinding, HostLevel, HostStatus, RemedyState, cost_words};

const CLASSES: [&str; 7] = ["time", "storage", "network", "cpu", "memory", "process", "system"];
const COLUMNS: [Column; 12] = [
    Column::text("host", "HOST", 0, 10).fill(),
    Column::text("worst", "WORST", 0, 8),
    Column::text("time", "TIME", 2, 6),
    Column::text("storage", "DISK", 2, 6),
    Column::text("network", "NET", 2, 6),
    Column::text("cpu", "CPU", 2, 6),
    Column::text("memory", "MEM", 2, 6),
    Column::text("process", "PROC", 2, 6),
    Column::text("system", "SYS", 2, 6),
    Column::text("finding", "WORST FINDING", 1, 30).fill(),
    Column::number("age", "AGE", 3, 7),
    Column::text("beacons", "BEACONS", 4, 14),
];
/// The panel.
pub struct Hosts;

impl Panel for Hosts {
    fn id(&self) -> &'static str {
        "hosts"
    }

    fn title(&self) -> &'static str {
        "Hosts"
    }

    fn table(&self, view: &View<'_>) -> Table {
        let mut hosts: Vec<&HostStatus> = hosts(view).iter().collect();
        hosts.sort_by(|a, b| worst(b).0.cmp(&worst(a).0).then_with(|| a.name.cmp(&b.name)));
        Table {
            columns: &COLUMNS,
            rows: hosts.into_iter().map(|host| row(view, host)).collect(),
            empty: "no host was looked at yet: the first look comes a quarter of a minute after serve starts",
        }
    }

    fn of_hosts(&self) -> bool {
        true
    }

    fn detail(&self, view: &View<'_>, id: &str, width: u16) -> Option<Vec<TextLine>> {
        let host = hosts(view).iter().find(|host| host.name == id)?;
        let mut lines = vec![labelled("host", vec![piece(Role::Strong, host.name.clone())])];
        let beacons: Vec<&str> = host.beacons.iter().map(crate::model::BeaconName::as_str).collect();
        if !beacons.is_empty() {
            lines.push(labelled("beacons", vec![piece(Role::Text, beacons.join(", "))]));
        }
        if let Some(clock) = &host.clock {
            lines.push(labelled("clock", vec![piece(colour(clock.level), clock_words(clock))]));
        }
        let looked = match host.at {
            Some(at) => {
                format!("{} ago: {}", span(view.now.since(at)), count(host.findings.len(), "finding"))
            }
            None if view.replay => "nothing was recorded of it".to_owned(),
            None if host.agent.is_some() => "not yet".to_owned(),
            None => "not from here: give it an agent, or run `beacondeck audit` on it".to_owned(),
        };
        lines.extend(host.agent.iter().flat_map(|agent| agent_lines(view, agent, width)));
        lines.push(labelled("looked at", vec![piece(Role::Text, looked)]));
        for finding in &host.findings {
            lines.push(Vec::new());
            lines.extend(finding_lines(finding, width));
            lines.extend(so_far(view, host, finding));
        }
        lines.extend(done(view, host, width));
        lines.extend(past(view, host));
        Some(lines)
    }
}

/// The hosts of the status.
pub(super) fn hosts<'a>(view: &View<'a>) -> &'a [HostStatus] {
    view.status.map_or(&[], |status| &status.hosts)
}

/// The colour of a level.
pub fn colour(level: HostLevel) -> Role {
    match level {
        HostLevel::Ok => Role::Ok,
        HostLevel::Advice => Role::Info,
        HostLevel::Warn => Role::Warn,
        HostLevel::Bad => Role::Crit,
    }
}

fn row(view: &View<'_>, host: &HostStatus) -> Row {
    let fresh = view.fresh();
    let (level, word) = worst(host);
    // Of a host where nobody looks its clock may still be known.
    let by_clock = |class: &str| host.clock.as_ref().filter(|_| class == "time").map(|clock| clock.level);
    let of_class = |class: &str| {
        let found = host.classes.iter().find(|(name, _)| name == class).map(|(_, level)| *level);
        found.into_iter().chain(by_clock(class)).max()
    };
    let mut cells = vec![Cell::text(host.name.as_str()), Cell::text(word).role(colour(level))];
    cells.extend(CLASSES.into_iter().map(|class| match of_class(class) {
        Some(level) => Cell::text(level.word()).role(fresh.role(colour(level))),
        None => Cell::text("-").role(Role::Dim),
    }));
    cells.push(Cell::text(worst_words(view, host)));
    let age = host.at.map(|at| view.now.since(at));
    cells.push(age.map_or_else(|| Cell::text("-"), |age| Cell::number(span(age), age as f64)));
    let beacons: Vec<&str> = host.beacons.iter().map(crate::model::BeaconName::as_str).collect();
    cells.push(Cell::text(beacons.join(" ")));
    Row { id: host.name.clone(), fault: level >= HostLevel::Warn, cells }
}

/// The worst that was found: of the checks, else of the clock.
fn worst_words(view: &View<'_>, host: &HostStatus) -> String {
    let found = host.findings.first().map(|worst| format!("{}: {}", worst.check, worst.actual));
    let clock = host.clock.as_ref().filter(|clock| clock.level > HostLevel::Ok);
    let clock = clock.map(|clock| format!("clock: {}", clock_words(clock)));
    let silent = trouble(host).map(|why| format!("its agent gives no answer: {why}"));
    silent.or(found).or(clock).unwrap_or_else(|| {
        match host.at {
            Some(_) => "nothing",
            None if view.replay => "nothing was recorded",
            None if host.agent.is_some() => "not looked at yet",
            None => "not looked at from here",
        }
        .to_owned()
    })
}

/// Why its agent gives no answer.
fn trouble(host: &HostStatus) -> Option<&str> {
    host.agent.as_ref()?.trouble.as_ref().map(|(_, why)| why.as_str())
}

/// The worst of it, and its word; of a host whose agent is silent nothing good is known.
fn worst(host: &HostStatus) -> (HostLevel, &'static str) {
    match host.level() {
        level if level < HostLevel::Warn && trouble(host).is_some() => (HostLevel::Warn, "silent"),
        level => (level, level.word()),
    }
}

/// What the host is for, and whether its agent answers.
fn agent_lines(view: &View<'_>, agent: &AgentStatus, width: u16) -> Vec<TextLine> {
    let mut lines = Vec::new();
    if !agent.roles.is_empty() {
        lines.push(labelled("is for", plain(agent.roles.join(", "))));
    }
    let answered = match agent.answered {
        Some(at) => {
            let way = agent.round_trip_us.map(|us| format!(", round trip {:.1} ms", us as f64 / 1_000.0));
            let ago = span(view.now.since(at));
            format!("version {}, answered {ago} ago{}", agent.version, way.unwrap_or_default())
        }
        None => "has not answered since serve started".to_owned(),
    };
    let Some((since, why)) = &agent.trouble else {
        lines.push(labelled("agent", plain(answered)));
        return lines;
    };
    lines.push(labelled("agent", vec![piece(Role::Warn, answered)]));
    let why = format!("{why} (for {})", span(view.now.since(*since)));
    let room = usize::from(width).saturating_sub(12).max(20);
    lines.extend(wrap(&why, room).into_iter().map(|part| labelled("", vec![piece(Role::Warn, part)])));
    lines
}

/// What it is, what it costs, what helps now and for good, and what takes it back.
pub(super) fn finding_lines(finding: &HostFinding, width: u16) -> Vec<TextLine> {
    let room = usize::from(width).saturating_sub(12).max(20);
    let expected = match finding.expected.as_str() {
        "" => String::new(),
        expected => format!(" (expected {expected})"),
    };
    let mut lines = vec![labelled(
        finding.level.word(),
        vec![
            piece(colour(finding.level), finding.check.clone()),
            piece(Role::Text, format!(": {}{expected}", finding.actual)),
        ],
    )];
    let cost = match finding.why.as_str() {
        "" => String::new(),
        why => format!(
            "{}. It can cost {} before an attestation is due.",
            why.trim_end_matches('.'),
            cost_words(finding.cost_ms)
        ),
    };
    for (label, text) in [
        ("why", cost.as_str()),
        ("risk", finding.risk.as_str()),
        ("now", finding.remedy.as_str()),
        ("for good", finding.persistent.as_str()),
        ("undo", finding.revert.as_str()),
    ] {
        for (place, part) in wrap(text, room).into_iter().enumerate().filter(|_| !text.is_empty()) {
            lines.push(labelled(if place == 0 { label } else { "" }, plain(part)));
        }
    }
    lines
}

/// Since when it is so, and what is done about it.
fn so_far(view: &View<'_>, host: &HostStatus, finding: &HostFinding) -> Vec<TextLine> {
    let since = finding.since.map(|at| {
        let role = Role::Dim;
        labelled("since", vec![piece(role, format!("{} ago it is as bad", span(view.now.since(at))))])
    });
    let begun = remedy::begun(host, finding).map(|of| {
        let stands = of.state == RemedyState::Stands && remedy::is_unseen(host, of);
        let then = if stands { "; seen at the next look" } else { "" };
        let words = format!("{}{then}", remedy::state_words(of, view.now));
        labelled("written", vec![piece(Role::Strong, words)])
    });
    since.into_iter().chain(begun).collect()
}

/// Remedies that were written, and what became of them.
fn done(view: &View<'_>, host: &HostStatus, width: u16) -> Vec<TextLine> {
    let room = usize::from(width).saturating_sub(12).max(20);
    let mut lines = Vec::new();
    for (place, of) in host.remedies.iter().enumerate() {
        if place == 0 {
            lines.extend([Vec::new(), vec![piece(Role::Title, "remedies, newest first")]]);
        }
        let words = format!("{}: {}", of.check, remedy::state_words(of, view.now));
        for (place, part) in wrap(&words, room).into_iter().enumerate() {
            let label = if place == 0 { if of.state.stands() { "stands" } else { "was" } } else { "" };
            lines.push(labelled(label, plain(part)));
        }
    }
    lines
}

/// What came and went.
fn past(view: &View<'_>, host: &HostStatus) -> Vec<TextLine> {
    let mut lines = Vec::new();
    for (place, HostChange { at, check, was, is, actual }) in host.past.iter().enumerate() {
        if place == 0 {
            lines.extend([Vec::new(), vec![piece(Role::Title, "history, newest first")]]);
        }
        let ago = format!("{} ago", span(view.now.since(*at)));
        let words = match (was, is) {
            (HostLevel::Ok, is) => format!("came, {}: {actual}", is.word()),
            (was, HostLevel::Ok) => format!("went; was {}: {actual}", was.word()),
            (was, is) => format!("{} to {}: {actual}", was.word(), is.word()),
        };
        let line = vec![piece(colour(*is), format!("{check} ")), piece(Role::Text, words)];
        lines.push(labelled(&ago, line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture;

    #[test]
    fn a_finding_is_told_with_what_helps() {
        let hosts = fixture::hosts();
        let text = |line: &TextLine| line.iter().map(|piece| piece.text.as_str()).collect::<String>();
        let lines: Vec<String> = finding_lines(&hosts[0].findings[0], 80).iter().map(text).collect();
        assert!(lines[0].contains("storage.flush: a flush takes 48 ms (expected below 10 ms)"), "{lines:?}");
        for word in ["why", "now", "for good", "undo"] {
            assert!(lines.iter().any(|line| line.starts_with(word)), "{word}: {lines:?}");
        }
    }
}
