//! Owns the course of one run: a fresh network, a warm-up, then the stages of a plan one after the other,
//! and the truth about every epoch of it.

use std::convert::Infallible;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::clock::{SLOTS_PER_EPOCH, first_slot};
use super::fault::Fault;
use super::heads::Beside;
use super::ledger::{self, Compared};
use super::lodestar::VALIDATORS;
use super::network::{BEACONS, Network};
use super::process::print_tails;
use super::proxy::Proxy;
use super::reads::Reads;
use super::router::{Door, Topology};
use super::seeds;
use super::truth::{self, EpochTruth};

/// Length of a slot unless the environment says otherwise. The preset has 8 slots an epoch.
const SECONDS_PER_SLOT: u64 = 3;
/// Epochs after which the network must be attesting in full.
const WARM_UP_EPOCHS: u64 = 5;

/// Epochs until one that is over is final and asked about.
const FINAL: u64 = 2;

/// One part of a plan: a fault, or none, at one beacon, and a time without any after it.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// What befalls the beacon; none in a control.
    pub fault: Option<Fault>,
    /// Index of the beacon it befalls.
    pub beacon: usize,
    /// Epochs it lasts.
    pub epochs: u64,
    /// Epochs without fault that follow and are judged as well.
    pub recovery: u64,
}

impl Stage {
    /// Epochs in which nothing befalls anyone.
    pub const fn control(epochs: u64) -> Self {
        Self { fault: None, beacon: 0, epochs, recovery: 0 }
    }

    /// A fault of some epochs and the recovery after it.
    pub const fn new(fault: Fault, beacon: usize, epochs: u64, recovery: u64) -> Self {
        Self { fault: Some(fault), beacon: beacon % BEACONS, epochs, recovery }
    }
}

/// What became of a stage.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The stage.
    pub stage: Stage,
    /// Its epochs.
    pub during: Vec<EpochTruth>,
    /// The epochs of recovery.
    pub after: Vec<EpochTruth>,
    /// What came of the attempt.
    pub done: Done,
}

/// What came of doing what a stage says.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Why it could not be done here; nothing happened then.
    pub skipped: Option<String>,
    /// What there was to see.
    pub notes: Vec<String>,
}

/// What became of a run.
#[derive(Debug)]
pub struct Run {
    /// One a stage, in order.
    pub outcomes: Vec<Outcome>,
    /// Finalized epoch before the first stage and after the last.
    pub finalized: Range<u64>,
    /// What the router tells of its requests; nothing if there is none or it cannot.
    pub explained: Vec<Value>,
    /// Whom the router blamed, one object an incident.
    pub incidents: Vec<Value>,
    /// The router's ledger beside the chain, until the router itself is touched.
    pub ledger: Compared,
    /// What proxies saw at beacons that were started again, a sentence each.
    pub seeded: Vec<String>,
    /// Attestation data that beacons were asked for, where proxies saw it.
    pub reads: Reads,
    /// The logs of all that ran.
    pub logs: TempDir,
}

/// Runs a plan on a fresh network. If it cannot be run to its end, the ends of all logs are printed.
pub async fn run(topology: Topology, plan: &[Stage]) -> Result<Run> {
    let mut net = Network::start(seconds_per_slot()?).await?;
    let mut outcome = course(topology, plan, &mut net).await;
    if let (Err(_), Err(dead)) = (&outcome, net.all_alive()) {
        // That one of them is gone explains whatever else went wrong.
        outcome = outcome.context(dead);
    }
    let logs = net.end();
    if outcome.is_err() {
        print_tails(logs.path());
    }
    let Course { outcomes, finalized, explained, incidents, ledger, seeded, reads } = outcome?;
    Ok(Run { outcomes, finalized, explained, incidents, ledger, seeded, reads, logs })
}

/// What there is to tell of a run but its logs.
struct Course {
    outcomes: Vec<Outcome>,
    finalized: Range<u64>,
    explained: Vec<Value>,
    incidents: Vec<Value>,
    ledger: Compared,
    seeded: Vec<String>,
    reads: Reads,
}

async fn course(topology: Topology, plan: &[Stage], net: &mut Network) -> Result<Course> {
    // All proposers of this network knock at the router: a beacon that is cut off would have most blocks from there.
    let cut_off = plan.iter().filter(|stage| stage.fault == Some(Fault::NoPeers)).map(|stage| stage.beacon);
    let mut door = Door::open(topology, net, &cut_off.collect::<Vec<_>>()).await?;
    net.start_clients(&door.urls(net))?;
    let begin = warm_up(net).await?;
    let first_finalized = truth::finalized(&net.http, &net.urls()).await;
    let length: u64 = plan.iter().map(|stage| stage.epochs + stage.recovery).sum();
    let truths = truth::collect(net.http.clone(), net.urls(), net.clock, begin..begin + length);
    let prepares = prepares(net, &door, begin);
    let ledger = ledger(plan, net, &door, begin);
    let stages = stages(topology, plan, net, &mut door, begin);
    let (truths, (done, explained), ledger) = tokio::select! {
        all = async { tokio::try_join!(truths, stages, ledger) } => all?,
        failed = prepares => match failed? {},
    };
    net.all_alive()?;
    let last_finalized = truth::finalized(&net.http, &net.urls()).await;
    let killed = |proxy: &&Proxy| {
        plan.iter().any(|stage| (stage.fault, stage.beacon) == (Some(Fault::Kill), proxy.beacon))
    };
    let seeded = door.proxies().iter().filter(killed);
    let seeded = seeded.map(|proxy| seeds::judge(proxy, &net.beacons[proxy.beacon].name));
    let seeded = seeded.collect::<Result<_>>()?;
    let reads = Reads::seen(door.proxies(), net.clock);
    let incidents = match door.router() {
        Some(router) => router.incidents().await?,
        None => Vec::new(),
    };
    door.close()?;
    let mut truths = truths.into_iter();
    let mut outcomes = Vec::new();
    for (stage, done) in plan.iter().zip(done) {
        let during = truths.by_ref().take(stage.epochs as usize).collect();
        let after = truths.by_ref().take(stage.recovery as usize).collect();
        outcomes.push(Outcome { stage: *stage, during, after, done });
    }
    let finalized = first_finalized..last_finalized;
    Ok(Course { outcomes, finalized, explained, incidents, ledger, seeded, reads })
}

/// Keeps fee recipients told, where there is a router to be told; ends with a failure only.
fn prepares(net: &Network, door: &Door, epoch: u64) -> impl Future<Output = Result<Infallible>> + use<> {
    let (http, clock, router) = (net.http.clone(), net.clock, door.router().map(|router| router.url.clone()));
    async move {
        match router {
            Some(router) => seeds::prepare(http, router, clock, epoch).await,
            None => std::future::pending().await,
        }
    }
}

/// Compares the ledger with the chain, where there is a router: from the first epoch that it has seen whole to the last that is
/// final before the router is touched.
fn ledger(
    plan: &[Stage],
    net: &Network,
    door: &Door,
    begin: u64,
) -> impl Future<Output = Result<Compared>> + use<> {
    let untouched = plan.iter().take_while(|stage| !matches!(stage.fault, Some(Fault::Router(_))));
    let length: u64 = untouched.clone().map(|stage| stage.epochs + stage.recovery).sum();
    let touched = untouched.count() < plan.len();
    let epochs = begin..(begin + length).saturating_sub(if touched { FINAL } else { 0 });
    let (http, urls, clock) = (net.http.clone(), net.urls(), net.clock);
    let fleet = door.router().map(|router| router.fleet.path());
    async move {
        match fleet {
            Some(fleet) => ledger::compare(http, urls, fleet, clock, epochs).await,
            None => Ok(Compared::default()),
        }
    }
}

/// Executes the stages from epoch `epoch` on; what came of each, and what the router told.
async fn stages(
    topology: Topology,
    plan: &[Stage],
    net: &mut Network,
    door: &mut Door,
    mut epoch: u64,
) -> Result<(Vec<Done>, Vec<Value>)> {
    let (mut done, mut explained) = (Vec::new(), Vec::new());
    for stage in plan {
        net.clock.reach_epoch(epoch).await;
        let heads = beside(stage, net, door)?;
        done.push(execute(stage, topology, net, door, epoch).await?);
        if let Some(heads) = heads {
            // The first slot may be over before both streams are open, and the last one's head may be on its way.
            let end = first_slot(epoch + stage.epochs + stage.recovery) - 1;
            net.clock.reach_slot(end).await;
            heads.judge(&(first_slot(epoch) + 2..end - 1))?;
        }
        // Asked after every stage: the router's memory of requests has a limit.
        explained.extend(explain(door).await);
        epoch += stage.epochs + stage.recovery;
    }
    Ok((done, explained))
}

/// While a beacon is killed: what the router tells of heads, beside what another beacon tells.
fn beside(stage: &Stage, net: &Network, door: &Door) -> Result<Option<Beside>> {
    let Some(router) = door.router().filter(|_| stage.fault == Some(Fault::Kill)) else { return Ok(None) };
    let direct = net.beacons[(stage.beacon + 1) % BEACONS].url();
    Beside::open(&router.url, &direct).map(Some)
}

async fn execute(
    stage: &Stage,
    topology: Topology,
    net: &mut Network,
    door: &mut Door,
    epoch: u64,
) -> Result<Done> {
    net.all_alive()?;
    let Some(fault) = stage.fault else { return Ok(Done::default()) };
    let skipped = fault.obstacle(topology);
    let mut notes = Vec::new();
    if skipped.is_none() {
        let name = net.beacons[stage.beacon].name.clone();
        println!("epoch {epoch}: {} at {name}", fault.word());
        notes = fault
            .strike(net, door, stage.beacon, first_slot(epoch)..first_slot(epoch + stage.epochs))
            .await?;
    }
    Ok(Done { skipped, notes })
}

async fn explain(door: &Door) -> Vec<Value> {
    match door.router() {
        Some(router) => router.explain().await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Waits until all attest, and gives the epoch that has just begun then.
async fn warm_up(net: &mut Network) -> Result<u64> {
    // Those whose slot is the epoch's last cannot be in a block of it.
    let full = VALIDATORS - VALIDATORS / SLOTS_PER_EPOCH as usize;
    for epoch in 0..WARM_UP_EPOCHS {
        net.clock.reach_epoch(epoch + 1).await;
        net.all_alive()?;
        let attested = truth::attested_by_end_of(&net.http, &net.urls(), epoch).await?;
        println!("epoch {epoch}: {attested} of {full} attested by its end");
        if attested >= full {
            return Ok(epoch + 1);
        }
    }
    bail!("the network does not attest in full after {WARM_UP_EPOCHS} epochs")
}

fn seconds_per_slot() -> Result<u64> {
    let seconds = match std::env::var("BEACONDECK_DEVNET_SLOT_SECONDS") {
        Ok(text) => text.parse()?,
        Err(_) => SECONDS_PER_SLOT,
    };
    ensure!((1..=12).contains(&seconds), "a slot of {seconds} s");
    Ok(seconds)
}
