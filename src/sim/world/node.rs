//! One beacon's view: its head, its moods, and what it was told and has forgotten at its last restart.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;
use tokio::sync::broadcast;

use super::super::chain::SYNC_COMMITTEE;
use super::super::wire::{AttestationData, BlockWire, SingleAttestation};
use super::SyncMessage;
use crate::model::{Epoch, Root, Slot, UnixMs, ValidatorIndex};

/// Events a slow reader may be behind before it loses some.
const EVENTS: usize = 1024;

/// An event of `/eth/v1/events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its topic.
    pub(crate) topic: &'static str,
    /// Its JSON.
    pub(crate) data: String,
}

/// What a beacon says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// All is well.
    #[default]
    Well,
    /// Its head is not verified by its execution client.
    Optimistic,
    /// Its execution client is offline.
    ElOffline,
    /// It is syncing and refuses duties.
    Syncing,
    /// It is of another network.
    Foreign,
}

/// Votes for one thing in one committee.
#[derive(Debug, Clone)]
pub(crate) struct Votes {
    /// What they vote for.
    pub(crate) data: AttestationData,
    /// Positions in the committee.
    pub(crate) positions: BTreeSet<u64>,
}

/// What a beacon holds in memory only.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Committees it was told to aggregate for.
    pub(crate) aggregator: HashSet<(Slot, u64)>,
    /// Committees it was told of at all.
    pub(crate) subscribed: HashSet<(Slot, u64)>,
    /// Sync subcommittees it was told of, until which epoch.
    pub(crate) sync_subnets: BTreeMap<u64, Epoch>,
    /// Fee recipients.
    pub(crate) preparations: HashMap<ValidatorIndex, [u8; 20]>,
    /// Validators with a builder registration.
    pub(crate) registrations: HashSet<ValidatorIndex>,
    /// Votes by slot, committee and data root.
    pub(crate) pool: HashMap<(Slot, u64, Root), Votes>,
    /// Sync messages by slot and block root.
    pub(crate) sync_pool: HashMap<(Slot, Root), BTreeSet<ValidatorIndex>>,
    /// Whom it saw attest.
    pub(crate) seen: BTreeMap<Epoch, HashSet<ValidatorIndex>>,
    /// Registrations of each body, in order.
    pub(crate) bodies: Vec<usize>,
    /// What it was told and asked for since its start, the first time of each, in order.
    pub(crate) firsts: Vec<&'static str>,
    /// Blocks it produced, by state root, and whether it blinded them.
    pub(crate) produced: HashMap<Root, (BlockWire, bool)>,
}

impl Memory {
    /// Something happened; kept if it is the first time.
    pub(crate) fn first(&mut self, what: &'static str) {
        if !self.firsts.contains(&what) {
            self.firsts.push(what);
        }
    }

    pub(super) fn vote(&mut self, vote: &SingleAttestation, epoch: Epoch, position: u64) {
        self.seen.entry(epoch).or_default().insert(vote.attester);
        self.pool
            .entry((vote.data.slot, vote.committee, vote.data.root()))
            .or_insert_with(|| Votes { data: vote.data, positions: BTreeSet::new() })
            .positions
            .insert(position);
    }

    pub(super) fn sync_message(&mut self, message: &SyncMessage) {
        self.sync_pool.entry((message.slot, message.root)).or_default().insert(message.validator);
    }

    pub(super) fn prune(&mut self, epoch: Epoch, first: Slot) {
        self.aggregator.retain(|(slot, _)| *slot >= first);
        self.subscribed.retain(|(slot, _)| *slot >= first);
        self.sync_subnets.retain(|_, until| *until >= epoch);
        self.pool.retain(|(slot, ..), _| *slot >= first);
        self.sync_pool.retain(|(slot, _), _| *slot >= first);
        self.seen.retain(|seen, _| seen.0 + 4 >= epoch.0);
        self.produced.retain(|_, (block, _)| block.slot >= first);
    }
}

/// One beacon.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its name, for its version string and messages.
    pub(crate) name: String,
    /// Its version string.
    pub(crate) version: String,
    /// What it says of itself.
    pub(crate) mood: Mood,
    /// What a restart takes from it.
    pub(crate) memory: Memory,
    /// When its process started.
    pub(crate) born: UnixMs,
    /// Processes before this one.
    pub(crate) past: u64,
    /// By how much its clock is ahead, in milliseconds.
    pub(crate) clock_ms: i64,
    /// Validators whose fee recipient it does not take.
    pub(crate) denied: BTreeSet<ValidatorIndex>,
    /// Its head.
    pub(crate) head: Root,
    pub(super) finalized: Epoch,
    pub(super) net: usize,
    pub(super) cursor: usize,
    /// Cursor and head on the main net, kept while it is elsewhere.
    pub(super) main: (usize, Root),
    pub(super) known: HashSet<Root>,
    events: broadcast::Sender<Event>,
}

impl Node {
    /// A beacon that has seen nothing.
    pub(crate) fn new(name: String, version: String, born: UnixMs) -> Self {
        Self {
            name,
            version,
            mood: Mood::Well,
            memory: Memory::default(),
            born,
            past: 0,
            clock_ms: 0,
            denied: BTreeSet::new(),
            head: Root::default(),
            finalized: Epoch(0),
            net: super::MAIN,
            cursor: 0,
            main: (0, Root::default()),
            known: HashSet::new(),
            events: broadcast::Sender::new(EVENTS),
        }
    }

    /// Its events from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Another process takes its place: it knows nothing of what the one before was told.
    pub(crate) fn reborn(&mut self, now: UnixMs) {
        self.memory = Memory::default();
        (self.born, self.past) = (now, self.past + 1);
    }

    pub(super) fn emit(&self, topic: &'static str, data: impl FnOnce() -> Value) {
        if self.events.receiver_count() > 0 {
            // A send without receivers fails; there is then nobody to tell.
            let _ = self.events.send(Event { topic, data: data().to_string() });
        }
    }
}

/// Positions in the sync committee, by subcommittee: `(subcommittee, position within it)`.
pub(crate) fn subcommittee_places(
    committee: &[ValidatorIndex],
    validator: ValidatorIndex,
) -> impl Iterator<Item = (u64, usize)> {
    let size = SYNC_COMMITTEE / super::chain::SYNC_SUBNETS;
    committee
        .iter()
        .enumerate()
        .filter(move |(_, member)| **member == validator)
        .map(move |(i, _)| ((i / size) as u64, i % size))
}
