//! The panel Clocks: where each host's clock lies, all on one axis, by whom and how well that is known. Pure.

use super::Panel;
use super::hosts::{colour, finding_lines, hosts};
use crate::console::piece::{TextLine, labelled, piece, plain};
use crate::console::table::{Cell, Column, Row, Table};
use crate::console::text::span;
use crate::console::theme::Role;
use crate::console::view::View;
use crate::model::{HostClock, HostLevel, HostStatus};

/// Cells of the axis, and what its ends stand for: half of what the spec lets clocks differ (consensus spec, p2p interface:
/// `MAXIMUM_GOSSIP_CLOCK_DISPARITY` is 500 ms).
const AXIS: usize = 33;
const END_MS: f64 = 250.0;
const SCALE: &str = "-250 ms         0         +250 ms";
const COLUMNS: [Column; 10] = [
    Column::text("host", "HOST", 0, 8).fill(),
    Column::text("axis", SCALE, 0, AXIS as u16),
    Column::text("offset", "HOST LESS TRUE", 0, 20),
    Column::text("level", "LEVEL", 1, 6),
    Column::text("source", "SOURCE", 2, 20),
    Column::number("stratum", "STRATUM", 4, 7),
    Column::number("jitter", "JITTER", 3, 9),
    Column::text("references", "REFERENCES", 6, 14),
    Column::text("steps", "STEPS", 3, 26),
    Column::number("age", "AGE", 1, 7),
];
/// Steps that are listed.
const STEPS: usize = 10;

/// The panel.
pub struct Clocks;

impl Panel for Clocks {
    fn id(&self) -> &'static str {
        "clocks"
    }

    fn title(&self) -> &'static str {
        "Clocks"
    }

    fn table(&self, view: &View<'_>) -> Table {
        let mut clocks: Vec<&HostStatus> = hosts(view).iter().collect();
        clocks.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| a.name.cmp(&b.name)));
        Table {
            columns: &COLUMNS,
            rows: clocks.into_iter().map(|host| row(view, host)).collect(),
            empty: "no clock is known yet: the first look comes a quarter of a minute after serve starts",
        }
    }

    fn below(&self, _view: &View<'_>, _width: u16) -> Vec<TextLine> {
        let words = "= it lies there; < > beyond half of what the spec lets clocks differ; ~ an estimate";
        vec![vec![piece(Role::Dim, words)]]
    }

    fn of_hosts(&self) -> bool {
        true
    }

    fn detail(&self, view: &View<'_>, id: &str, width: u16) -> Option<Vec<TextLine>> {
        let host = hosts(view).iter().find(|host| host.name == id)?;
        let mut lines = vec![labelled("host", vec![piece(Role::Strong, host.name.clone())])];
        let Some(clock) = &host.clock else {
            lines.push(labelled("clock", plain("nobody tells where it lies")));
            return Some(lines);
        };
        lines.push(labelled("clock", vec![piece(colour(clock.level), clock_words(clock))]));
        lines.push(labelled("axis", vec![piece(Role::Dim, SCALE)]));
        lines.push(labelled("", vec![piece(colour(clock.level), axis(clock))]));
        let measured = &clock.measured;
        let told = [
            ("measured", measured.at.map(|at| format!("{} ago", span(view.now.since(at))))),
            ("stratum", measured.stratum.map(|stratum| stratum.to_string())),
            ("jitter", measured.jitter_ms.map(|ms| format!("{ms} ms"))),
            ("references", measured.references.map(references)),
        ];
        lines.extend(told.into_iter().filter_map(|(label, text)| Some(labelled(label, plain(text?)))));
        let steps = measured.steps.as_deref().unwrap_or_default();
        for (place, (at, ms)) in steps.iter().rev().take(STEPS).enumerate() {
            let text = format!("{ms:+} ms, {} ago", span(view.now.since(*at)));
            lines.push(labelled(if place == 0 { "steps" } else { "" }, plain(text)));
        }
        for finding in host.findings.iter().filter(|finding| finding.check.starts_with("time.")) {
            lines.push(Vec::new());
            lines.extend(finding_lines(finding, width));
        }
        Some(lines)
    }
}

/// Worst first, among those the farthest off, in tenths of a millisecond.
fn key(host: &HostStatus) -> (Option<HostLevel>, u64) {
    let far = host.clock.as_ref().map_or(0.0, |clock| clock.low_ms.abs().max(clock.high_ms.abs()));
    (host.clock.as_ref().map(|clock| clock.level), (far * 10.0) as u64)
}

/// The interval on the axis; what lies beyond an end is shown at it.
fn axis(clock: &HostClock) -> String {
    let place = |ms: f64| {
        let part = (ms.clamp(-END_MS, END_MS) + END_MS) / (2.0 * END_MS);
        (part * (AXIS - 1) as f64).round() as usize
    };
    let (low, high) = (place(clock.low_ms), place(clock.high_ms));
    (0..AXIS)
        .map(|cell| match cell {
            0 if clock.low_ms < -END_MS => '<',
            _ if cell == AXIS - 1 && clock.high_ms > END_MS => '>',
            _ if cell >= low && cell <= high => '=',
            _ if cell == AXIS / 2 => '|',
            _ => '·',
        })
        .collect()
}

/// Where a clock lies, and who says so.
pub(super) fn clock_words(clock: &HostClock) -> String {
    let kind = if clock.estimate { ", an estimate" } else { "" };
    format!("{:+} to {:+} ms, by {}{kind}", clock.low_ms, clock.high_ms, clock.by)
}

/// `4, 1 wrong`.
fn references((reachable, wrong): (u16, u16)) -> String {
    match wrong {
        0 => reachable.to_string(),
        wrong => format!("{reachable}, {wrong} wrong"),
    }
}

fn row(view: &View<'_>, host: &HostStatus) -> Row {
    let fresh = view.fresh();
    let nothing = || Cell::text("-").role(Role::Dim);
    let Some(clock) = &host.clock else {
        let unknown = std::iter::repeat_with(nothing).take(COLUMNS.len() - 1);
        return Row {
            id: host.name.clone(),
            fault: false,
            cells: std::iter::once(Cell::text(host.name.as_str())).chain(unknown).collect(),
        };
    };
    let role = fresh.role(colour(clock.level));
    let measured = &clock.measured;
    let or_nothing = |cell: Option<Cell>| cell.unwrap_or_else(nothing);
    let steps = measured.steps.as_ref().map(|steps| match steps.last() {
        None => "none".to_owned(),
        Some((at, ms)) => format!("{}, {ms:+} ms {} ago", steps.len(), span(view.now.since(*at))),
    });
    let age = measured.at.map(|at| view.now.since(at));
    let cells = vec![
        Cell::text(host.name.as_str()),
        Cell::text(axis(clock)).role(role),
        Cell::number(
            format!("{}{:+}..{:+} ms", if clock.estimate { "~" } else { "" }, clock.low_ms, clock.high_ms),
            clock.low_ms.midpoint(clock.high_ms),
        )
        .role(role),
        Cell::text(clock.level.word()).role(role),
        Cell::text(if clock.estimate { "estimate by Date" } else { clock.by.as_str() }),
        or_nothing(measured.stratum.map(|of| Cell::number(of.to_string(), f64::from(of)))),
        or_nothing(measured.jitter_ms.map(|ms| Cell::number(format!("{ms:.2} ms"), ms))),
        or_nothing(measured.references.map(|of| Cell::text(references(of)))),
        or_nothing(steps.map(Cell::text)),
        or_nothing(age.map(|age| Cell::number(span(age), age as f64))),
    ];
    Row { id: host.name.clone(), fault: clock.level >= HostLevel::Warn, cells }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture;

    fn clock(low_ms: f64, high_ms: f64) -> HostClock {
        HostClock { low_ms, high_ms, ..fixture::hosts()[0].clock.clone().unwrap() }
    }

    #[test]
    fn an_interval_lies_on_the_axis_where_it_is() {
        let right = axis(&clock(-1.0, 1.0));
        assert_eq!(right.chars().position(|cell| cell == '='), Some(AXIS / 2));
        let wide = axis(&clock(-250.0, 0.0));
        assert!(wide.starts_with("====") && wide.ends_with('·'), "{wide}");
        let beyond = axis(&clock(400.0, 900.0));
        assert!(beyond.ends_with("·>") && beyond.contains('|'), "{beyond}");
        assert!(axis(&clock(-900.0, 900.0)).starts_with("<=="));
        assert_eq!((SCALE.chars().count(), SCALE.find(" 0 ")), (AXIS, Some(AXIS / 2 - 1)));
    }

    #[test]
    fn the_worst_clock_comes_first_and_an_unknown_one_last() {
        let mut hosts = fixture::hosts();
        hosts.push(HostStatus { name: "h3".into(), clock: None, ..hosts[0].clone() });
        hosts.sort_by_key(|host| std::cmp::Reverse(key(host)));
        let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names, ["h2", "h1", "h3"]);
        assert_eq!((references((4, 0)), references((4, 1))), ("4".into(), "4, 1 wrong".into()));
    }
}
