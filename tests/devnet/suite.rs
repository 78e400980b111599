//! Owns the tests on the network and what they demand.

use std::env;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};

use super::clock::first_slot;
use super::fault::Fault;
use super::lodestar;
use super::process::print_tails;
use super::report;
use super::router::Topology;
use super::run::{Outcome, Run, Stage, run};
use super::truth::EpochTruth;

/// Two epochs of control, then every fault at another beacon. Pauses and a drain leave nothing to recover
/// from, so the next fault follows them at once.
const COMBINED: [Stage; 6] = [
    Stage::control(2),
    Stage::new(Fault::Hang, 1, 2, 1),
    Stage::new(Fault::GcPauses, 2, 2, 0),
    Stage::new(Fault::Kill, 3, 2, 1),
    Stage::new(Fault::Drain, 2, 1, 0),
    Stage::new(Fault::NoPeers, 0, 2, 1),
];

/// What a run without fault is called.
const NO_FAULT: &str = "no fault";

/// Every fault, one after another, on one network with one router: nothing is missed.
#[tokio::test]
async fn combined() -> Result<()> {
    installed()?;
    let topology = topology()?;
    let run = run(topology, &COMBINED).await?;
    println!("{}", report::table(&format!("combined, {topology:?}"), &run));
    judge(&run).inspect_err(|_| print_tails(run.logs.path()))
}

fn judge(run: &Run) -> Result<()> {
    ensure!(run.finalized.end > run.finalized.start, "finality stood still");
    let (control, stages) = run.outcomes.split_first().context("no control")?;
    for outcome in stages {
        no_worse_than(&control.during, outcome)?;
        unanswered_by_the_hung(run, outcome)?;
    }
    Ok(())
}

/// Every fault on fresh networks, beside runs without any.
#[tokio::test]
#[ignore = "45 minutes a topology: a comparison, not a check"]
async fn matrix() -> Result<()> {
    installed()?;
    let topology = topology()?;
    let runs: usize = variable("BEACONDECK_DEVNET_RUNS", 3)?;
    for number in 0..runs {
        let title = |what: &str| format!("{topology:?}, {what}, run {} of {runs}", number + 1);
        for fault in faults()? {
            let title = title(fault.map_or(NO_FAULT, Fault::word));
            if let Some(why) = fault.and_then(|fault| fault.obstacle(topology)) {
                println!("\n{title}: skipped: {why}");
                continue;
            }
            let stage = fault.map_or(Stage::control(3), |fault| Stage::new(fault, number + 1, 2, 1));
            let run = run(topology, &[stage]).await?;
            println!("{}", report::table(&title, &run));
            bites(topology, &run)?;
        }
    }
    Ok(())
}

/// A fault that costs nothing where nobody stands in for the beacon would prove nothing elsewhere.
fn bites(topology: Topology, run: &Run) -> Result<()> {
    for outcome in &run.outcomes {
        let missed: usize = outcome.during.iter().map(|epoch| epoch.missed).sum();
        let must = topology == Topology::Direct && outcome.stage.fault.is_some();
        ensure!(missed > 0 || !must, "{:?} did not bite", outcome.stage.fault);
    }
    Ok(())
}

/// One late block on a noisy machine costs one slot's committee its head vote, fault or no fault.
const NOISE: usize = 8;

/// Nothing missed, nothing later or worse than in the control's worst epoch but for the machine's own noise.
fn no_worse_than(control: &[EpochTruth], outcome: &Outcome) -> Result<()> {
    let worst = |count: fn(&EpochTruth) -> usize| control.iter().map(count).max().unwrap_or(0);
    let (not_timely, wrong_head) = (worst(EpochTruth::not_timely), worst(|epoch| epoch.wrong_head));
    for epoch in outcome.during.iter().chain(&outcome.after) {
        let what = format!("{:?} in epoch {}", outcome.stage.fault, epoch.epoch);
        ensure!(epoch.missed == 0, "{what}: {} missed", epoch.missed);
        ensure!(
            epoch.not_timely() <= not_timely + NOISE,
            "{what}: {} not timely, control {not_timely}",
            epoch.not_timely()
        );
        ensure!(
            epoch.wrong_head <= wrong_head + NOISE,
            "{what}: {} wrong heads, control {wrong_head}",
            epoch.wrong_head
        );
    }
    Ok(())
}

/// A beacon that hangs cannot have answered, whatever the router says of itself.
fn unanswered_by_the_hung(run: &Run, outcome: &Outcome) -> Result<()> {
    let (Some(first), Some(last)) = (outcome.during.first(), outcome.during.last()) else { return Ok(()) };
    if outcome.stage.fault != Some(Fault::Hang) {
        return Ok(());
    }
    // The first slot may hold an answer from before the hang, the last one's end from after it.
    let slots = first_slot(first.epoch) + 1..first_slot(last.epoch + 1) - 1;
    let hung = format!("b{}", outcome.stage.beacon + 1);
    for request in &run.explained {
        let during = request["slot"].as_u64().is_some_and(|slot| slots.contains(&slot));
        ensure!(
            !during || request["served-by"] != hung.as_str(),
            "the hung {hung} is said to have answered: {request}"
        );
    }
    Ok(())
}

/// Whether the network can be started here; a test that cannot run has not passed.
fn installed() -> Result<()> {
    ensure!(lodestar::installed().is_some(), "run tests/devnet/setup.sh first");
    Ok(())
}

fn topology() -> Result<Topology> {
    Topology::parse(&variable("BEACONDECK_DEVNET_TOPOLOGY", "router".to_owned())?)
}

fn faults() -> Result<Vec<Option<Fault>>> {
    let all = || std::iter::once(None).chain(Fault::ALL.into_iter().map(Some));
    let words: String = variable("BEACONDECK_DEVNET_FAULTS", String::new())?;
    if words.is_empty() {
        return Ok(all().collect());
    }
    let named = |word: &str| all().find(|fault| fault.map_or(NO_FAULT, Fault::word) == word);
    words.split(',').map(|word| named(word).with_context(|| format!("no fault '{word}'"))).collect()
}

fn variable<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(name: &str, unset: T) -> Result<T> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(unset),
    }
}
