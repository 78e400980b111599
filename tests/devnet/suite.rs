//! Owns the tests on the network and what they demand.

use std::env;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};

use super::blame;
use super::clock::{SLOTS_PER_EPOCH, first_slot};
use super::fault::Fault;
use super::ledger;
use super::lodestar;
use super::network::{BEACONS, PER_CLIENT};
use super::process::print_tails;
use super::report;
use super::router::Topology;
use super::run::{Outcome, Run, Stage, run};
use super::truth::EpochTruth;
use super::upkeep::Upkeep;

/// Two epochs of control, then every fault for two epochs, each at another beacon than the one before; `turn` moves all by
/// so many beacons. Pauses and a drain leave nothing to recover from, so the next fault follows them at once. A client is
/// away for two epochs and has one to come back in.
const fn plan(turn: usize) -> [Stage; 7] {
    [
        Stage::control(2),
        Stage::new(Fault::Hang, 1 + turn, 2, 1),
        Stage::new(Fault::GcPauses, 2 + turn, 2, 0),
        Stage::new(Fault::Kill, 3 + turn, 2, 1),
        Stage::new(Fault::ClientStop, 1 + turn, 3, 1),
        Stage::new(Fault::Drain, 2 + turn, 2, 0),
        Stage::new(Fault::NoPeers, turn, 2, 1),
    ]
}

/// What is done to the router, and at its console, two epochs each; the beacon a reload takes out and that which is killed
/// are those that hold this network's subscriptions.
const UPKEEP: [Stage; 7] = [
    Stage::control(2),
    Stage::new(Fault::Kill, 3, 1, 1),
    Stage::new(Fault::HangAndKeys, 2, 2, 0),
    Stage::new(Fault::RestartByKeys, 1, 2, 1),
    Stage::new(Fault::Router(Upkeep::HandOver), 0, 2, 0),
    Stage::new(Fault::Router(Upkeep::Reload), 1, 2, 0),
    Stage::new(Fault::Router(Upkeep::Kill), 0, 2, 1),
];

/// Every fault, one after another, on one network with one router, and what is done to the router in calm: nothing is missed. A
/// drain is part of what is done at the console. The rest of the upkeep is left to its own command: a Lodestar 1.5 that is ended
/// hard and started again does not find its way back to the head every time, and a try takes a quarter of an hour.
#[tokio::test]
async fn combined() -> Result<()> {
    let mut stages: Vec<Stage> = plan(0).into();
    stages.retain(|stage| stage.fault != Some(Fault::Drain));
    stages.extend([
        Stage::new(Fault::HangAndKeys, 2, 2, 0),
        Stage::new(Fault::Router(Upkeep::HandOver), 0, 2, 0),
        Stage::new(Fault::Router(Upkeep::Reload), 1, 2, 0),
    ]);
    once("combined", &stages).await
}

/// All that is done to the router and at its console, `kill -9` and a restart by keys included.
#[tokio::test]
#[ignore = "ten minutes: `combined` has the calm part of it"]
async fn upkeep() -> Result<()> {
    once("upkeep", &UPKEEP).await
}

/// Ten epochs with faults in turn, each of one.
const EPOCHS: [Stage; 6] = [
    Stage::control(2),
    Stage::new(Fault::Hang, 1, 1, 1),
    Stage::new(Fault::GcPauses, 2, 1, 0),
    Stage::new(Fault::Drain, 3, 1, 0),
    Stage::new(Fault::NoPeers, 0, 1, 1),
    Stage::new(Fault::Kill, 3, 1, 1),
];
/// Most reads of attestation data for most slots: one for the head before the block, one for the block.
const READS: usize = 2;

/// Head votes through the router while one beacon after another fails, beside those of clients each at its own beacon, all of
/// them well; and how often beacons are asked for attestation data meanwhile.
#[tokio::test]
#[ignore = "twelve minutes on two networks: a comparison, not a check"]
async fn epochs() -> Result<()> {
    installed()?;
    let direct = run(Topology::Direct, &[Stage::control(5)]).await?;
    println!("{}", report::table("each client at its own healthy beacon", &direct));
    let routed = run(Topology::Router, &EPOCHS).await?;
    println!("{}\n{}", report::table("faults in turn, through the router", &routed), report::trail(&routed));
    println!("{}", blame::report(&routed));
    let compared = compared(&direct, &routed);
    compared.inspect_err(|_| print_tails(routed.logs.path()))
}

fn compared(direct: &Run, routed: &Run) -> Result<()> {
    let own = &direct.outcomes.first().context("no control")?.during;
    let all = || routed.outcomes.iter().flat_map(|outcome| outcome.during.iter().chain(&outcome.after));
    let share = |wrong: usize, due: usize| wrong as f64 * 100.0 / due.max(1) as f64;
    let sum = |epochs: &mut dyn Iterator<Item = &EpochTruth>| {
        epochs.fold((0, 0), |(wrong, due), epoch| (wrong + epoch.wrong_head, due + epoch.due))
    };
    let ((own_wrong, own_due), (wrong, due)) = (sum(&mut own.iter()), sum(&mut all()));
    println!(
        "head votes wrong or late: {wrong} of {due} ({:.1} %) through the router, {own_wrong} of {own_due} ({:.1} %) direct",
        share(wrong, due),
        share(own_wrong, own_due)
    );
    let (first, last) = (all().next().context("no epoch")?.epoch, all().last().context("no epoch")?.epoch);
    let reads = routed.reads.over(first..last + 1).context("no proxy saw a read of attestation data")?;
    println!("reads of attestation data a slot: {reads:?}");
    ensure!(routed.finalized.end > routed.finalized.start, "finality stood still");
    routed.outcomes.iter().try_for_each(|outcome| no_worse_than(own, outcome))?;
    ensure!(reads.mean > 0.0 && reads.median <= READS, "reads of attestation data a slot: {reads:?}");
    Ok(())
}

/// Slots in which a machine that is busy itself may name late.
const GRACE: u64 = 3;

async fn once(title: &str, stages: &[Stage]) -> Result<()> {
    installed()?;
    let topology = topology()?;
    let run = run(topology, stages).await?;
    println!("{}\n{}", report::table(&format!("{title}, {topology:?}"), &run), report::trail(&run));
    println!("{}", blame::report(&run));
    let judged = judge(&run).and_then(|()| blame::judge(&run, GRACE));
    judged.inspect_err(|_| print_tails(run.logs.path()))
}

fn judge(run: &Run) -> Result<()> {
    ensure!(run.finalized.end > run.finalized.start, "finality stood still");
    let (control, stages) = run.outcomes.split_first().context("no control")?;
    blame::all_over(run)?;
    ledger::judge(&run.ledger)?;
    for outcome in stages {
        match outcome.stage.fault {
            Some(Fault::Router(Upkeep::Kill)) => bounded(outcome)?,
            Some(Fault::ClientStop) => of_others(&control.during, outcome)?,
            _ => no_worse_than(&control.during, outcome)?,
        }
        unanswered_by_the_hung(run, outcome)?;
        aggregates_flow(run, outcome)?;
    }
    Ok(())
}

/// A router that was killed costs what was due while there was none: at most what one slot has to attest, each time.
fn bounded(outcome: &Outcome) -> Result<()> {
    for epoch in outcome.during.iter().chain(&outcome.after) {
        let most = if outcome.during.contains(epoch) { epoch.due / SLOTS_PER_EPOCH as usize } else { 0 };
        ensure!(epoch.missed <= most, "kill -9 in epoch {}: {} missed", epoch.epoch, epoch.missed);
        let worse = epoch.not_timely().max(epoch.wrong_head);
        ensure!(worse <= 2 * most + NOISE, "kill -9 in epoch {}: {worse} late or wrong", epoch.epoch);
    }
    Ok(())
}

/// A client that is stopped misses all of its own, and nobody else anything. The slots of its blocks are empty, so that heads and
/// inclusion of all others are later; once it is back all is as it was.
fn of_others(control: &[EpochTruth], outcome: &Outcome) -> Result<()> {
    let own = outcome.stage.beacon;
    let per_slot = PER_CLIENT / SLOTS_PER_EPOCH as usize;
    for (number, epoch) in outcome.during.iter().enumerate() {
        let last = outcome.during.len() - 1;
        // Votes of an epoch's first slot for a block of the epoch before, as they are where that slot is empty, go into no block
        // of Lodestar 1.5: it compares the shuffling of the block's epoch with the target's (`isValidAttestationData`).
        let mut dropped = epoch.empty_from_first() * PER_CLIENT * BEACONS / SLOTS_PER_EPOCH as usize;
        for (client, missed) in epoch.missed_by_client.iter().enumerate() {
            let (least, most) = match (client == own, number) {
                (false, _) => (0, dropped),
                (true, number) if number == last => (0, PER_CLIENT),
                // It may still do what is due in the slot in which it is ended.
                (true, 0) => (PER_CLIENT - per_slot, PER_CLIENT),
                (true, _) => (PER_CLIENT, PER_CLIENT),
            };
            ensure!(
                (least..=most).contains(missed),
                "v{} stopped, epoch {}: v{} missed {missed}, {least} to {most} are its doing",
                own + 1,
                epoch.epoch,
                client + 1
            );
            if client != own {
                dropped -= missed;
            }
        }
    }
    no_worse_than(control, &Outcome { during: Vec::new(), ..outcome.clone() })
}

/// While a beacon that held subscriptions is dead, and after its return, aggregates are accepted for every slot.
fn aggregates_flow(run: &Run, outcome: &Outcome) -> Result<()> {
    let (Some(first), Some(last)) = (outcome.during.first(), outcome.after.last()) else { return Ok(()) };
    if outcome.stage.fault != Some(Fault::Kill) {
        return Ok(());
    }
    // Those of the last slot may not have been sent when the router was asked.
    for slot in first_slot(first.epoch)..first_slot(last.epoch + 1) - 1 {
        let accepted = run.explained.iter().any(|told| {
            told["slot"] == slot && told["endpoint"] == "publishAggregateAndProofs" && told["status"] == 200
        });
        ensure!(accepted, "no aggregate of slot {slot} was accepted");
    }
    Ok(())
}

/// The same several times over, each on a fresh network, for any topology: a table each.
#[tokio::test]
#[ignore = "30 minutes a topology: a comparison, not a check"]
async fn matrix() -> Result<()> {
    installed()?;
    let topology = topology()?;
    let runs: usize = variable("BEACONDECK_DEVNET_RUNS", 3)?;
    let only: String = variable("BEACONDECK_DEVNET_ONLY", String::new())?;
    let mut failed = Ok(());
    for number in 0..runs {
        let mut stages: Vec<Stage> = plan(number).into();
        stages.retain(|stage| stage.fault.is_none_or(|fault| only.is_empty() || fault.word() == only));
        ensure!(stages.len() > 1, "BEACONDECK_DEVNET_ONLY={only}: no such fault");
        let run = run(topology, &stages).await?;
        let title = format!("{topology:?}, run {} of {runs}", number + 1);
        println!("{}\n{}\n{}", report::table(&title, &run), report::trail(&run), blame::report(&run));
        bites(topology, &run)?;
        if topology == Topology::Router {
            // The runs that are left are reported all the same.
            failed = failed.and(judge(&run)).and(blame::judge(&run, 0));
        }
    }
    failed
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

fn variable<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(name: &str, unset: T) -> Result<T> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text}")),
        Err(_) => Ok(unset),
    }
}
