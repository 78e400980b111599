//! `beacondeck beacons`: each beacon in detail.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::table::{Side, WIDTH, cell, column, cut, latency, or_dash, span, state, wrap};
use super::{Global, ask, follow::follow, plain};
use crate::control::{Event, Wanted};
use crate::model::{BeaconStatus, FleetStatus, UnixMs};

/// Show each beacon in detail: state and why, peers, versions, answers
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// Print one JSON object a beacon, one a line
    #[arg(long)]
    json: bool,
    /// Print a beacon again whenever its state or its version changed, through restarts of serve
    #[arg(long)]
    watch: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { json, watch } = args;
    ask::run(global, async move |dir| {
        if !watch {
            return show(&ask::status(&dir).await?.beacons, json);
        }
        let mut shown: Option<std::sync::Arc<FleetStatus>> = None;
        follow(dir, "beacons", Wanted::default(), |event| {
            let Event::Snapshot(status) = event else { return Ok(()) };
            let changed: Vec<BeaconStatus> = plain::changed(shown.as_deref(), &status).cloned().collect();
            shown = Some(status);
            show(&changed, json)
        })
        .await
    })
}

fn show(beacons: &[BeaconStatus], json: bool) -> anyhow::Result<()> {
    if json {
        return beacons.iter().try_for_each(ask::print_json);
    }
    ask::print(&render(beacons, ask::now()))
}

/// Four to eight lines a beacon: who and how, what it said, what it runs, what it was told.
fn render(beacons: &[BeaconStatus], now: UnixMs) -> String {
    let name = column(beacons.iter().map(|beacon| beacon.name.as_str()), 1, 32);
    let mut out = String::new();
    for beacon in beacons {
        let name = cell(beacon.name.as_str(), name, Side::Left);
        let held = span(now.since(beacon.since));
        let seen =
            beacon.observed.map_or("never seen".into(), |at| format!("seen {} ago", span(now.since(at))));
        let _ = writeln!(out, "{}", wrap(&format!("{name} {} for {held}, {seen}", state(beacon)), 0, 2));
        if !beacon.detail.is_empty() {
            let _ = writeln!(out, "{}", wrap(&beacon.detail, 2, 2));
        }
        let reasons: Vec<&str> = beacon.reasons.iter().map(|reason| reason.words()).collect();
        // One reason is in the state already.
        if reasons.len() > 1 {
            let _ = writeln!(out, "{}", wrap(&format!("all reasons: {}", reasons.join(", ")), 2, 2));
        }
        let head =
            beacon.head.map_or("no head".into(), |head| format!("head {} {}", head.slot, head.root.short()));
        let cpu = beacon.cpu.map_or_else(String::new, |cpu| format!(", processors {cpu} % busy"));
        let line = format!(
            "{head}, lag {}, peers {}, {} in flight{cpu}",
            beacon.lag,
            or_dash(beacon.peers),
            beacon.in_flight,
        );
        let _ = writeln!(out, "{}", wrap(&line, 2, 2));
        let spread = |us: Option<u32>| latency(us.unwrap_or(0));
        let _ = writeln!(
            out,
            "  latency {}, median {}, 99 in 100 within {}",
            latency(beacon.latency_us),
            spread(beacon.p50_us),
            spread(beacon.p99_us),
        );
        let (version, execution) = (beacon.version.as_deref(), beacon.execution.as_deref());
        let (version, execution) = (version.unwrap_or("-"), execution.unwrap_or("-"));
        let counts = format!("{} answered, {} failed", beacon.answered, beacon.failed);
        let _ = writeln!(out, "  {counts}; {}", cut_versions(version, execution, counts.len() + 4));
        out.push_str(&seeds(beacon, now));
    }
    out
}

/// What it was told and when, and what custody follows; nothing of one that was told nothing.
fn seeds(beacon: &BeaconStatus, now: UnixMs) -> String {
    let mut out = String::new();
    let told: Vec<String> =
        beacon.told.iter().map(|told| format!("{}, {} ago", told.said(), span(now.since(told.at)))).collect();
    if !told.is_empty() {
        let _ = writeln!(out, "{}", wrap(&format!("told {}", told.join("; ")), 2, 2));
    }
    if let Some(custody) = beacon.custody {
        let (groups, of, validators) = (custody.groups, custody.of, custody.validators);
        let text =
            format!("custody about {groups} of {of} groups: {validators} validators, counted at 32 ETH each");
        let _ = writeln!(out, "{}", wrap(&text, 2, 2));
    }
    out
}

/// Both versions in what is left of the line.
fn cut_versions(version: &str, execution: &str, used: usize) -> String {
    cut(&format!("{version}, {execution}"), WIDTH.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::beacon;
    use crate::model::{CustodyEstimate, Reason, SeedKind, Told};

    #[test]
    fn a_sick_beacon_says_since_when_and_why() {
        let sick = BeaconStatus {
            healthy: false,
            reasons: vec![Reason::StaleHead, Reason::Slow],
            detail: "3 slots behind the agreed head".into(),
            lag: 3,
            cpu: Some(97),
            ..beacon("b2")
        };
        let expected = "\
b2 ▼ DOWN stale head for 2 h 05, seen 4 s ago
  3 slots behind the agreed head
  all reasons: stale head, slow
  head 9876543 0xabababab…, lag 3, peers 101, 12 in flight, processors 97 % busy
  latency 3.1 ms, median 2.6 ms, 99 in 100 within 12.3 ms
  1234567 answered, 89 failed; Lighthouse/v8.0.1-ced49dd/x86_64-linux, Geth/v1.…
";
        let shown = render(&[sick], UnixMs(1_700_000_004_000));
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn what_a_beacon_was_told_is_told_with_its_age_and_its_price() {
        let at = |s: u64| UnixMs(1_700_000_000_000 + s * 1_000);
        let told = vec![
            Told { kind: SeedKind::Committees, count: 96, refused: 0, at: at(0) },
            Told { kind: SeedKind::Preparations, count: 64, refused: 3, at: at(3) },
        ];
        let custody = Some(CustodyEstimate { validators: 64, groups: 64, of: 128 });
        let shown = render(&[BeaconStatus { told, custody, ..beacon("b1") }], at(4));
        let expected = "\
  told 96 committees, 4 s ago; 64 preparations (refuses 3), 1 s ago
  custody about 64 of 128 groups: 64 validators, counted at 32 ETH each
";
        assert!(shown.ends_with(expected), "\n{shown}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let wide = BeaconStatus {
            detail: "word ".repeat(40),
            answered: u64::MAX,
            failed: u64::MAX,
            execution: Some("x".repeat(100)),
            in_flight: u32::MAX,
            cpu: Some(100),
            ..beacon(&"n".repeat(40))
        };
        let shown = render(&[wide], UnixMs(1_700_000_004_000));
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "\n{shown}");
    }
}
