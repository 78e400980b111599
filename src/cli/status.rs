//! `beacondeck status`: the fleet on one screen.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use super::table::{self, Side, WIDTH, cell, column, cut, latency, or_dash, span, wrap};
use super::{Global, ask, follow::follow, journal, plain};
use crate::control::{Event, Wanted};
use crate::model::{BeaconStatus, ComingFork, FleetStatus, Silence, UnixMs};

/// A snapshot older than this says so.
const FRESH_MS: i64 = 5_000;

/// Show the fleet as the running serve sees it
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    format: Format,
    /// Print the snapshot as JSON, one line; the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Print again whenever something changed, through restarts of serve
    #[arg(long)]
    watch: bool,
}

/// How the fleet is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table
    Table,
    /// A sentence a line; with --watch one a change: for screen readers, dumb terminals and pipes
    Plain,
    /// A snapshot a line
    Json,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { format, json, watch } = args;
    let format = if json { Format::Json } else { format };
    ask::run(global, async move |dir| {
        let mut screen = Screen { format, shown: None, last: String::new() };
        if !watch {
            return screen.show(ask::status(&dir).await?);
        }
        let journal = (format == Format::Plain).then_some(0);
        follow(dir, "status", Wanted { journal, log: None }, |event| match event {
            Event::Snapshot(status) => screen.show(status),
            Event::Journal(entry) => ask::print(&(journal::line(&entry) + "\n")),
            _ => Ok(()),
        })
        .await
    })
}

/// What has been printed.
struct Screen {
    format: Format,
    shown: Option<Arc<FleetStatus>>,
    last: String,
}

impl Screen {
    fn show(&mut self, status: Arc<FleetStatus>) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Json => return ask::print_json(&status),
            Format::Plain => plain::changes(self.shown.as_deref(), &status)
                .iter()
                .map(|sentence| plain::line(status.at, sentence) + "\n")
                .collect(),
            Format::Table => self.table(&status),
        };
        self.shown = Some(status);
        if text.is_empty() { Ok(()) } else { ask::print(&text) }
    }

    /// The table, unless it says what the last one said.
    fn table(&mut self, status: &FleetStatus) -> String {
        let content = render(status, status.at);
        if self.last == content {
            return String::new();
        }
        let gap = if self.shown.is_some() { "\n" } else { "" };
        self.last = content;
        format!("{gap}{}", render(status, ask::now()))
    }
}

/// The whole screen: header, table, incidents, alerts.
fn render(status: &FleetStatus, now: UnixMs) -> String {
    let mut out = header(status, now);
    out.push('\n');
    out.push_str(&beacons(&status.beacons));
    for incident in status.incidents.iter().filter(|incident| incident.state.is_live()) {
        let ack = status.ack(&incident.key()).map_or_else(String::new, |ack| format!(" ({})", ack.words()));
        let quiet =
            incident.silence.as_ref().map_or_else(String::new, |silence| format!(" ({})", silence.words()));
        let _ = writeln!(out, "{}", wrap(&format!("! {}{ack}{quiet}", incident.line()), 0, 2));
    }
    for alert in &status.alerts {
        let ack = status.ack(alert).map_or_else(String::new, |ack| format!(" ({})", ack.words()));
        let _ = writeln!(out, "{}", wrap(&format!("! {alert}{ack}"), 0, 2));
    }
    out.push_str(&forks(status, now));
    let idle = |silence: &&Silence| {
        status.incidents.iter().all(|incident| incident.silence.as_ref() != Some(silence))
    };
    for silence in status.silences.iter().filter(idle) {
        let _ = writeln!(out, "{}", wrap(&format!("- {} is {}", silence.key, silence.words()), 0, 2));
    }
    out
}

/// A line for each coming fork, and one for each beacon that is not ready for it.
fn forks(status: &FleetStatus, now: UnixMs) -> String {
    let mut out = String::new();
    for fork in &status.forks {
        let ComingFork { name, epoch, at, .. } = fork;
        let when = if fork.has_begun(now) {
            format!("began {} ago", span(now.since(*at)))
        } else {
            format!("begins in {}", span(at.since(now)))
        };
        let _ = writeln!(
            out,
            "{}",
            wrap(&format!("- fork {name} {when}, with epoch {epoch}: {}", fork.count()), 0, 2)
        );
        for of in fork.unready() {
            let version = status.beacons.iter().find(|beacon| beacon.name == of.beacon);
            let version = version.and_then(|beacon| beacon.version.as_deref()).unwrap_or("version not told");
            let line = format!("{} ({version}): {}", of.beacon, of.missing.join(", "));
            let _ = writeln!(out, "{}", wrap(&line, 4, 6));
        }
    }
    out
}

fn header(status: &FleetStatus, now: UnixMs) -> String {
    let mut text = status.fleet.clone();
    if let Some(network) = &status.network {
        let _ = write!(text, " · {network}");
    }
    match (status.slot, status.epoch) {
        (Some(slot), Some(epoch)) => {
            let _ = write!(text, " · slot {slot} · epoch {epoch}");
        }
        (Some(slot), None) => {
            let _ = write!(text, " · slot {slot}");
        }
        _ => text.push_str(" · no slot yet"),
    }
    match status.agreed {
        Some(head) => {
            let _ = write!(text, " · agreed head {} {}", head.slot, head.root.short());
        }
        None => text.push_str(" · no agreed head"),
    }
    let age = now.since(status.at);
    if age > FRESH_MS {
        let _ = write!(text, " · as of {} ago", span(age));
    }
    wrap(&text, 0, 2)
}

/// The table: the name and the state keep their width, the version takes what is left.
fn beacons(beacons: &[BeaconStatus]) -> String {
    let states: Vec<String> = beacons.iter().map(table::state).collect();
    let name = column(beacons.iter().map(|beacon| beacon.name.as_str()), 4, 20);
    let state = column(states.iter().map(String::as_str), 5, 21);
    let line = |name_text: &str, state_text: &str, numbers: [&str; 4], version: &str| {
        let [head, lag, answer, busy] = numbers;
        let mut row = format!(
            "{} {} {} {} {} {}  ",
            cell(name_text, name, Side::Left),
            cell(state_text, state, Side::Left),
            cell(head, 9, Side::Right),
            cell(lag, 4, Side::Right),
            cell(answer, 7, Side::Right),
            cell(busy, 5, Side::Right),
        );
        let left = WIDTH.saturating_sub(row.chars().count());
        row.push_str(&cut(version, left));
        row.truncate(row.trim_end().len());
        row + "\n"
    };
    let mut out = line("NAME", "STATE", ["HEAD", "LAG", "LATENCY", "BUSY"], "VERSION");
    for (beacon, state_text) in beacons.iter().zip(&states) {
        let head = or_dash(beacon.head.map(|head| head.slot));
        let (lag, busy) = (beacon.lag.to_string(), beacon.in_flight.to_string());
        let answer = latency(beacon.latency_us);
        let version = beacon.version.as_deref().unwrap_or("-");
        out.push_str(&line(beacon.name.as_str(), state_text, [&head, &lag, &answer, &busy], version));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{beacon, fleet};
    use crate::model::{BeaconName, Epoch, Lifecycle, Readiness, Reason};

    #[test]
    fn the_screen_reads_as_intended() {
        let down = BeaconStatus {
            healthy: false,
            reasons: vec![Reason::StaleHead],
            lag: 3,
            version: None,
            ..beacon("b2")
        };
        let draining = BeaconStatus { lifecycle: Lifecycle::Draining(7), ..beacon("beacon-3") };
        let unseen = BeaconStatus {
            healthy: false,
            reasons: vec![Reason::NeverObserved],
            head: None,
            latency_us: 0,
            in_flight: 0,
            version: None,
            ..beacon("b4")
        };
        let mut status = fleet(vec![beacon("b1"), down, draining, unseen]);
        status.alerts.push("2 of 4 beacons are down".into());
        let expected = "\
home · mainnet · slot 9876544 · epoch 308642 · agreed head 9876543 0xabababab…
NAME     STATE                      HEAD  LAG LATENCY  BUSY  VERSION
b1       ● UP                    9876543    0  3.1 ms    12  Lighthouse/v8.0.1-…
b2       ▼ DOWN stale head       9876543    3  3.1 ms    12  -
beacon-3 ◐ DRAIN 7               9876543    0  3.1 ms    12  Lighthouse/v8.0.1-…
b4       ▼ DOWN never observed         -    0       -     0  -
! 2 of 4 beacons are down
";
        let shown = render(&status, status.at);
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn a_coming_fork_names_who_is_not_ready_and_why() {
        let mut status = fleet(vec![beacon("b1"), BeaconStatus { version: None, ..beacon("b2") }]);
        let of = |name: &str, missing: Vec<String>| Readiness {
            beacon: BeaconName::new(name),
            lost: !missing.is_empty(),
            missing,
        };
        let lacks = vec!["its release does not know it: upgrade it".to_owned()];
        let beacons = vec![of("b1", Vec::new()), of("b2", lacks)];
        let at = UnixMs(status.at.0 + 100_000_000);
        status.forks = vec![ComingFork { name: "gloas".into(), epoch: Epoch(308_900), at, beacons }];
        let expected = "\
- fork gloas begins in 1 d 03 h, with epoch 308900: 1 of 2 ready
    b2 (version not told): its release does not know it: upgrade it
";
        let shown = render(&status, status.at);
        assert!(shown.ends_with(expected), "\n{shown}");
        let later = render(&status, UnixMs(at.0 + 60_000));
        assert!(later.contains("fork gloas began 1 min ago"), "\n{later}");
    }

    #[test]
    fn what_is_silenced_says_so_with_its_incident_or_by_itself() {
        let silence = |key: &str| Silence {
            key: key.into(),
            by: "alice".into(),
            at: UnixMs(0),
            until: UnixMs(7_200_000),
            why: None,
        };
        let mut status = fleet(vec![beacon("b1")]);
        status.silences = vec![silence("client vc-2"), silence("beacon b1")];
        status.incidents = crate::console::fixture::incidents();
        status.incidents[1].silence = status.silences.first().cloned();
        let expected = "\
! incident 7: beacon beacon-2: does not answer (critical, open)
! incident 8: client vc-2: signs late (notice, suspected) (silenced until
  1970-01-01T02:00:00Z by alice)
- beacon b1 is silenced until 1970-01-01T02:00:00Z by alice
";
        let shown = render(&status, status.at);
        assert!(shown.ends_with(expected), "\n{shown}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let wide = BeaconStatus {
            healthy: false,
            reasons: vec![Reason::NeverObserved],
            latency_us: 99_949,
            in_flight: 99_999,
            lag: 9_999,
            ..beacon("a-beacon-with-quite-a-long-name")
        };
        let mut status = fleet(vec![wide, beacon("b")]);
        status.fleet = "a-fleet-with-a-name-that-somebody-found-funny".into();
        status.alerts.push("word ".repeat(60));
        let shown = render(&status, UnixMs(status.at.0 + 60_000));
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "\n{shown}");
        assert!(shown.contains("as of 1 min ago"), "\n{shown}");
    }

    #[test]
    fn a_table_is_printed_again_when_it_says_something_new() {
        let mut screen = Screen { format: Format::Table, shown: None, last: String::new() };
        let status = fleet(vec![beacon("b1")]);
        assert!(screen.table(&status).starts_with("home"));
        screen.shown = Some(Arc::new(status.clone()));
        let later = FleetStatus { at: UnixMs(status.at.0 + 1), ..status.clone() };
        assert_eq!(screen.table(&later), "");
        let other = fleet(vec![BeaconStatus { lag: 1, ..beacon("b1") }]);
        assert!(screen.table(&other).starts_with("\nhome"));
    }
}
