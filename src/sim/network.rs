//! A whole simulated network: beacons, clients, the passing of time. Everything ends when it is dropped.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::beacon::SimBeacon;
use super::chain::{ChainConfig, Due, Report};
use super::clock::SimClock;
use super::fault::Script;
use super::validator::{ClientReport, SimValidatorClient, Style};
use super::world::{Node, Shared, World};
use crate::model::{Epoch, Root, Slot, UnixMs, ValidatorIndex};

/// Version strings given to the beacons in turn, unless others are.
const VERSIONS: [&str; 5] = [
    "Lighthouse/v8.0.1-sim/x86_64-linux",
    "Teku/v25.11.0-sim/linux-x86_64",
    "Lodestar/v1.36.0-sim/linux-x64",
    "Nimbus/v25.11.0-sim/stateofus",
    "Prysm/v7.0.0-sim/linux-amd64",
];

/// What a simulated network is made of. Every member has a default: three beacons, two clients, 64 validators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SimConfig {
    /// Beacons.
    pub beacons: usize,
    /// Validators, shared out evenly among the clients.
    pub validators: u64,
    /// Validator clients.
    pub clients: usize,
    /// Milliseconds of a slot.
    pub slot_ms: u64,
    /// Slots of an epoch.
    pub slots_per_epoch: u64,
    /// What every number is made from.
    pub seed: u64,
    /// Milliseconds before genesis at least (a chain without a past).
    pub lead_ms: u64,
    /// Epochs the chain has behind it at the start, each slot with a block.
    pub past_epochs: u64,
    /// Milliseconds each answer takes.
    pub latency_ms: u64,
    /// Milliseconds a message travels between beacons.
    pub gossip_ms: u64,
    /// When given, a slot without a proposal gets a block of its own so many milliseconds after its start.
    pub auto_blocks_ms: Option<u64>,
    /// Slots that get no block of their own.
    pub missed: BTreeSet<Slot>,
    /// Version strings given to the beacons in turn; none: one of each known client.
    pub versions: Vec<String>,
    /// Whether beacons that hold a proposer's registration answer with blinded blocks.
    pub builder: bool,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            beacons: 3,
            validators: 64,
            clients: 2,
            slot_ms: 300,
            slots_per_epoch: 8,
            seed: 1,
            lead_ms: 500,
            past_epochs: 0,
            latency_ms: 1,
            gossip_ms: 5,
            auto_blocks_ms: None,
            missed: BTreeSet::new(),
            versions: Vec::new(),
            builder: false,
        }
    }
}

/// Why a simulation could not do as told.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A port of loopback could not be had.
    #[error("cannot listen on 127.0.0.1")]
    Listen(#[source] io::Error),
    /// A script names a beacon that is not there.
    #[error("the script names beacon {0}, there are only {1}")]
    NoSuchBeacon(usize, usize),
    /// A length that must not be zero.
    #[error("beacons, validators, slot-ms and slots-per-epoch must not be zero")]
    Zero,
    /// A scenario's text is not of the format.
    #[error("the scenario {0} does not parse")]
    Scenario(String, #[source] Box<serde_yaml::Error>),
    /// The parts of a scenario do not fit together.
    #[error("the scenario {0} cannot be: {1}")]
    Misfit(String, String),
}

/// A running network.
#[derive(Debug)]
pub struct SimNetwork {
    config: SimConfig,
    chain: ChainConfig,
    world: Shared,
    clock: SimClock,
    beacons: Vec<Arc<SimBeacon>>,
    clients: Vec<SimValidatorClient>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl SimNetwork {
    /// Starts the beacons. Clients are started apart, once it is known which URL they shall have.
    pub async fn start(config: SimConfig) -> Result<Self, SimError> {
        if config.beacons == 0 || config.validators == 0 || config.slot_ms == 0 || config.slots_per_epoch == 0
        {
            return Err(SimError::Zero);
        }
        let clock = SimClock::new();
        let chain = chain_of(&config, clock.now());
        let version = |i: usize| match config.versions.len() {
            0 => VERSIONS[i % VERSIONS.len()].to_owned(),
            given => config.versions[i % given].clone(),
        };
        let nodes = (0..config.beacons)
            .map(|i| Node::new(format!("beacon-{}", i + 1), version(i), clock.now()))
            .collect();
        let mut world = World::new(chain.clone(), nodes);
        if config.past_epochs > 0 {
            world.backfill(clock.now());
        }
        let world = Shared::new(world);
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut beacons = Vec::new();
        for node in 0..config.beacons {
            let beacon = SimBeacon::start(
                node,
                world.clone(),
                clock,
                config.latency_ms,
                cancel.clone(),
                tasks.clone(),
            )
            .await
            .map_err(SimError::Listen)?;
            beacons.push(Arc::new(beacon));
        }
        let (stop, ticking) = (cancel.clone(), tick(world.clone(), clock, config.slot_ms));
        tasks.spawn(async move { stop.run_until_cancelled(ticking).await });
        Ok(Self { config, chain, world, clock, beacons, clients: Vec::new(), cancel, tasks })
    }

    /// The configuration it was started with.
    pub fn config(&self) -> &SimConfig {
        &self.config
    }

    /// The virtual chain: genesis, slot times, due points.
    pub fn chain(&self) -> &ChainConfig {
        &self.chain
    }

    /// The beacons, in order.
    pub fn beacons(&self) -> &[Arc<SimBeacon>] {
        &self.beacons
    }

    /// One beacon. Panics when there is none of that number, as indexing does.
    pub fn beacon(&self, place: usize) -> &SimBeacon {
        &self.beacons[place]
    }

    /// Base URLs of the beacons, in order.
    pub fn urls(&self) -> Vec<String> {
        self.beacons.iter().map(|beacon| beacon.url()).collect()
    }

    /// Starts all clients at one URL, the router's.
    pub fn start_clients(&mut self, url: &str) {
        self.start_clients_at(&[url.to_owned()]);
    }

    /// Starts all clients, the first at the first URL and so on, in turn: with the beacons' URLs this is the 1:1 world.
    pub fn start_clients_at(&mut self, urls: &[String]) {
        let count = self.config.clients.max(1);
        for client in 0..count {
            let Some(url) = urls.get(client % urls.len().max(1)) else { return };
            let indices = (0..self.config.validators)
                .filter(|index| *index as usize % count == client)
                .map(ValidatorIndex)
                .collect();
            let style = Style { ssz: client % 2 == 1, one_by_one: client % 3 == 2, ..Style::default() };
            let name = format!("client-{}", client + 1);
            self.clients.push(SimValidatorClient::start(&name, url, indices, style));
        }
    }

    /// Ends one client for good: its validators do nothing any more.
    pub async fn stop_client(&self, client: usize) {
        if let Some(client) = self.clients.get(client) {
            client.stop().await;
        }
    }

    /// What each client did so far, in order.
    pub fn client_reports(&self) -> Vec<ClientReport> {
        self.clients.iter().map(SimValidatorClient::report).collect()
    }

    /// Validators of a client.
    pub fn validators_of(&self, client: usize) -> Vec<ValidatorIndex> {
        let count = self.config.clients.max(1);
        (0..self.config.validators)
            .filter(|index| *index as usize % count == client)
            .map(ValidatorIndex)
            .collect()
    }

    /// Lets a script run; its slot 0 is the next slot.
    pub fn run(&self, script: &Script) -> Result<(), SimError> {
        if let Some(act) = script.0.iter().find(|act| act.beacon >= self.beacons.len()) {
            return Err(SimError::NoSuchBeacon(act.beacon, self.beacons.len()));
        }
        let first = self.slot().map_or(0, |slot| slot.0 + 1);
        let (steps, beacons) = (script.steps(), self.beacons.clone());
        let (chain, clock, stop) = (self.chain.clone(), self.clock, self.cancel.clone());
        let play = async move {
            for (slot, beacon, fault) in steps {
                clock.until(chain.slot_start(Slot(first + slot.0))).await;
                match fault {
                    Some(fault) => beacons[beacon].set(fault),
                    None => beacons[beacon].heal(),
                }
            }
        };
        self.tasks.spawn(async move { stop.run_until_cancelled(play).await });
        Ok(())
    }

    /// The simulation's time.
    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// The present slot; none before genesis.
    pub fn slot(&self) -> Option<Slot> {
        self.chain.slot_at(self.clock.now())
    }

    /// The present epoch; 0 before genesis.
    pub fn epoch(&self) -> Epoch {
        self.chain.epoch_of(self.slot().unwrap_or_default())
    }

    /// Waits until a slot starts.
    pub async fn until_slot(&self, slot: Slot) {
        self.clock.until(self.chain.slot_start(slot)).await;
    }

    /// Waits until an epoch has ended and its last messages have arrived.
    pub async fn until_end_of(&self, epoch: Epoch) {
        self.until_slot(Slot(self.chain.first_slot(Epoch(epoch.0 + 1)).0 + 1)).await;
    }

    /// What became of the duties of an epoch, of the slots that have ended.
    pub fn report(&self, epoch: Epoch) -> Report {
        let now = self.clock.now();
        self.world.with(|world| world.report(epoch, now))
    }

    /// The same of several epochs together.
    pub fn report_of(&self, epochs: Range<u64>) -> Report {
        let mut sum = Report::default();
        epochs.for_each(|epoch| sum += self.report(Epoch(epoch)));
        sum
    }

    /// The beacon by which the payload of a slot's block came (Gloas), if it did.
    pub fn payload_by(&self, slot: Slot) -> Option<usize> {
        self.world.with(|world| world.ledger.payloads.get(&slot).copied())
    }

    /// Head of the main chain.
    pub fn head(&self) -> (Slot, Root) {
        self.world.with(|world| {
            let root = world.main_head();
            (world.tree.slot(root), root)
        })
    }

    /// Attestations a beacon accepted from clients, repeated ones too.
    pub fn attestations_via(&self, beacon: usize) -> u64 {
        self.world.with(|world| {
            let all = world.ledger.attestations.values().flat_map(|of| of.values()).flatten();
            all.filter(|seen| seen.via == beacon).count() as u64
        })
    }

    /// Blocks that were published in blinded form.
    pub fn blinded_blocks(&self) -> u64 {
        self.world.with(|world| {
            let all = world.ledger.proposals.values().flatten();
            all.filter(|proposal| proposal.blinded).count() as u64
        })
    }

    /// Voluntary exits that were accepted.
    pub fn exits(&self) -> Vec<ValidatorIndex> {
        self.world.with(|world| world.ledger.exits.clone())
    }

    /// These slots get no block of their own from now on.
    pub fn miss(&self, slots: impl IntoIterator<Item = Slot>) {
        self.world.with(|world| world.miss(slots));
    }

    /// Ends clients and beacons and waits for them.
    pub async fn stop(mut self) {
        for client in std::mem::take(&mut self.clients) {
            client.stop().await;
        }
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for SimNetwork {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Genesis is a whole second, because the API says it in seconds.
fn chain_of(config: &SimConfig, now: UnixMs) -> ChainConfig {
    let genesis = if config.past_epochs > 0 {
        let past = config.past_epochs * config.slots_per_epoch * config.slot_ms;
        now.0.saturating_sub(past) / 1000 * 1000
    } else {
        (now.0 + config.lead_ms).div_ceil(1000) * 1000
    };
    ChainConfig {
        name: "simnet".to_owned(),
        seed: config.seed,
        genesis: UnixMs(genesis),
        slot_ms: config.slot_ms,
        slots_per_epoch: config.slots_per_epoch,
        validators: config.validators,
        due: Due::default(),
        auto_blocks_ms: config.auto_blocks_ms,
        missed: config.missed.clone(),
        gossip_ms: config.gossip_ms,
        builder: config.builder,
    }
}

/// Lets the world's time pass, in steps that are short against a slot.
async fn tick(world: Shared, clock: SimClock, slot_ms: u64) {
    let mut every = tokio::time::interval(Duration::from_millis((slot_ms / 100).clamp(2, 20)));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        every.tick().await;
        let now = clock.now();
        world.with(|world| world.tick(now));
    }
}
