//! `beacondeck status`: the fleet on one screen.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use super::table::{self, Side, WIDTH, cell, column, cut, latency, or_dash, span, wrap};
use super::{Global, ask};
use crate::model::{BeaconStatus, FleetStatus, UnixMs};

/// Time between two looks with `--watch`.
const LOOK: Duration = Duration::from_secs(1);
/// A snapshot older than this says so.
const FRESH_MS: i64 = 5_000;

/// Show the fleet as the running serve sees it
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Print the snapshot as JSON, one line
    #[arg(long)]
    json: bool,
    /// Look every second and print again when something changed
    #[arg(long)]
    watch: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { json, watch } = args;
    ask::run(global, async move |dir| {
        let mut shown = None;
        loop {
            let status = ask::status(&dir).await?;
            if shown.as_deref().is_none_or(|last| !same(last, &status)) {
                show(&status, json, shown.is_some())?;
                shown = Some(status);
            }
            if !watch {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

/// Whether two snapshots tell the same: the moment they were taken does not count.
fn same(a: &FleetStatus, b: &FleetStatus) -> bool {
    FleetStatus { at: b.at, ..a.clone() } == *b
}

fn show(status: &FleetStatus, json: bool, again: bool) -> anyhow::Result<()> {
    if json {
        return ask::print_json(status);
    }
    let gap = if again { "\n" } else { "" };
    ask::print(&format!("{gap}{}", render(status, ask::now())))
}

/// The whole screen: header, table, alerts.
fn render(status: &FleetStatus, now: UnixMs) -> String {
    let mut out = header(status, now);
    out.push('\n');
    out.push_str(&beacons(&status.beacons));
    for alert in &status.alerts {
        let _ = writeln!(out, "{}", wrap(&format!("! {alert}"), 0, 2));
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
    use crate::cli::fixture::{beacon, fleet};
    use crate::model::{Lifecycle, Reason};

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
    fn a_snapshot_taken_later_with_nothing_new_is_the_same() {
        let status = fleet(vec![beacon("b1")]);
        let later = FleetStatus { at: UnixMs(status.at.0 + 1), ..status.clone() };
        assert!(same(&status, &later));
        assert!(!same(&status, &FleetStatus { fleet: "x".into(), ..later }));
    }
}
