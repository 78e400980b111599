//! What naming culprits costs: the engine of incidents over a fleet of 100 beacons, 200 clients and 200,000 validators.
//!
//! It owns two recordings, made slot by slot while they are played: one of simulated causes, with a beacon that hangs, and
//! one in which every client asks by every beacon in every slot, the most paths there can be. It measures what a slot takes,
//! told and ended, and what memory the engine has grown to. It never judges speed: `--smoke` fails only if something does
//! not work.
//!
//! ```text
//! cargo bench --bench incidents               # some two minutes
//! cargo bench --bench incidents -- --smoke    # everything once and short (or BEACONDECK_BENCH_SMOKE=1)
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot be set up fails, and prints"
)]

use std::time::{Duration, Instant};

use beacondeck::incidents::Incidents;
use beacondeck::model::{
    BlockSeen, DutiesSeen, FleetSeen, Labelled, MsSpread, Observation, ProbeSeen, ServedSeen, ServedStep,
    Slot, SlotSeen,
};
use beacondeck::sim::{Recording, Scenario};
use clap::Parser;

/// The widest window is full after so many slots.
const SLOTS: u64 = 128;
/// Slots of the short run.
const FEW: u64 = 6;
const BEACONS: usize = 100;
const CLIENTS: usize = 200;

#[derive(Debug, Parser)]
#[command(name = "incidents", about = "Measures the engine that names culprits")]
struct Args {
    /// Everything once and short; speed is not judged
    #[arg(long, env = "BEACONDECK_BENCH_SMOKE", value_parser = clap::builder::FalseyValueParser::new())]
    smoke: bool,
    /// Given by cargo; means nothing here
    #[arg(long, hide = true)]
    bench: bool,
}

/// A recording of causes: every request goes where chance has it, and a beacon hangs.
fn simulated(slots: u64) -> impl Iterator<Item = Vec<Observation>> {
    let text = format!(
        "story: a hundred beacons\nslots: {slots}\nfleet: {{ beacons: {BEACONS}, hosts: 50, els: 6, cls: 5, zones: 5, \
         clients: {CLIENTS}, signers: 20, routers: 4, validators: 200000, routing: spread, routed: true }}\nfaults:\n  \
         - {{ slot: {}, at: {{ beacon: beacon-42 }}, fault: hang }}\n",
        slots / 2
    );
    let scenario = Scenario::parse("bench", &text).unwrap();
    let mut lines = Recording::new(&scenario, 0).peekable();
    std::iter::from_fn(move || {
        let mut slot = Vec::new();
        let mut told = false;
        while let Some(line) = lines.peek() {
            // The verdicts of the chain are the last lines of a slot.
            if told && !matches!(line, Observation::Duties(_)) {
                break;
            }
            told |= matches!(line, Observation::Slot(_));
            slot.extend(lines.next());
        }
        (!slot.is_empty()).then_some(slot)
    })
}

fn labelled(name: String, labels: &[(&str, String)]) -> Labelled {
    Labelled { name, labels: labels.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect() }
}

fn fleet() -> Observation {
    let beacon = |at: usize| {
        let labels = [
            ("host", format!("h{}", at / 2)),
            ("el", format!("el{}", at % 6)),
            ("cl", format!("cl{}", at % 5)),
            ("zone", format!("z{}", at / 20)),
        ];
        labelled(format!("b{at}"), &labels)
    };
    let client = |at: usize| {
        labelled(
            format!("vc-{at}"),
            &[("signer", format!("s{}", at % 20)), ("router", format!("r{}", at % 4))],
        )
    };
    Observation::Fleet(FleetSeen {
        beacons: (0..BEACONS).map(beacon).collect(),
        clients: (0..CLIENTS).map(client).collect(),
        slot_seconds: 12.0,
    })
}

/// Every client by every beacon in every slot; one duty in a hundred is missed.
fn crowded(slots: u64) -> impl Iterator<Item = Vec<Observation>> {
    let pairs = || (0..CLIENTS).flat_map(|client| (0..BEACONS).map(move |beacon| (client, beacon)));
    let slot = move |now: u64| {
        let mut lines = if now == 0 { vec![fleet()] } else { Vec::new() };
        let slot = Slot(1_000 + now);
        lines.extend((0..BEACONS).map(|beacon| {
            Observation::Probe(ProbeSeen {
                slot,
                beacon: format!("b{beacon}"),
                reachable: true,
                hung: false,
                head_lag: Some(0),
                latency_ms: Some(12.0),
                el_offline: false,
                optimistic: false,
                peers: Some(80),
            })
        }));
        for (client, beacon) in pairs() {
            let (client, beacon) = (format!("vc-{client}"), format!("b{beacon}"));
            let times = |ms: f64| Some(MsSpread { p50: ms, max: ms });
            for (step, after_due_ms) in [(ServedStep::Data, times(12.0)), (ServedStep::Publish, times(60.0))]
            {
                let (client, beacon) = (client.clone(), beacon.clone());
                lines.push(Observation::Served(ServedSeen {
                    slot,
                    client,
                    beacon,
                    step,
                    n: 1,
                    failed: 0,
                    after_due_ms,
                }));
            }
        }
        lines.push(Observation::Slot(SlotSeen {
            slot,
            block: BlockSeen::OnTime,
            proposer: None,
            began: None,
            participation: Some(0.99),
        }));
        lines.extend(pairs().map(|(client, beacon)| {
            let draw = now * 7_919 + client as u64 * 104_729 + beacon as u64 * 1_299_709;
            Observation::Duties(DutiesSeen {
                slot: Slot(slot.0 - 2),
                as_of: slot,
                client: format!("vc-{client}"),
                beacon: Some(format!("b{beacon}")),
                due: 1,
                missed: u32::from(draw.is_multiple_of(100)),
                late: 0,
                wrong_head: 0,
            })
        }));
        lines
    };
    (0..slots).map(slot)
}

/// Memory that is resident, in MB (10^6 bytes).
fn memory() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1_024.0 / 1e6
}

fn distribution(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    println!("  {what}: p50 {:.1} ms, p90 {:.1} ms, most {:.1} ms", at(50), at(90), at(100));
}

/// Plays a recording; gives who was blamed in the end.
fn play(what: &str, slots: impl Iterator<Item = Vec<Observation>>) -> Vec<String> {
    let mut engine = Incidents::default();
    let (mut told, mut ended, mut both) = (Vec::new(), Vec::new(), Vec::new());
    let (mut lines, mut blamed, mut before) = (0, Vec::new(), None);
    for slot in slots {
        // Memory that lines take is taken by the first slot's.
        let _ = before.get_or_insert_with(memory);
        let began = Instant::now();
        let mut changes: Vec<_> = slot.iter().flat_map(|line| engine.observe(line)).collect();
        let looked = Instant::now();
        changes.extend(engine.ended());
        told.push(looked - began);
        ended.push(looked.elapsed());
        both.push(began.elapsed());
        lines += slot.len();
        blamed.extend(changes.iter().flat_map(|change| &change.culprits).map(ToString::to_string));
    }
    println!("{what}: {} slots, {} lines a slot", told.len(), lines / told.len());
    distribution("told", told);
    distribution("ended", ended);
    distribution("a slot", both);
    println!("  memory: {:.0} MB more than before", memory() - before.unwrap_or_default());
    blamed
}

fn main() {
    let args = Args::parse();
    let slots = if args.smoke { FEW } else { SLOTS };
    println!(
        "{BEACONS} beacons, {CLIENTS} clients, 200,000 validators; promised: a slot within 200 ms of one core"
    );
    let blamed = play("a simulated fleet, a beacon hangs", simulated(slots));
    let hung = |name: &String| name == "beacon beacon-42";
    assert!(blamed.iter().any(hung), "the beacon that hangs is to blame: {blamed:?}");
    // What is usual is not known after a few slots.
    assert!(args.smoke || blamed.iter().all(hung), "nobody else is: {blamed:?}");
    let blamed = play("every client by every beacon", crowded(slots));
    assert!(blamed.is_empty(), "nobody is to blame: {blamed:?}");
}
