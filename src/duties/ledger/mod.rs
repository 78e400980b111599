//! The ledger: what became of each duty of every validator seen, and by which path it went.
//!
//! It owns two things that are joined only when asked or settled: what passed the router ([`Path`]) and what the chain
//! says ([`Verdict`]). The chain's part is never patched: a slot that a block, a reorg, a committee or a validator learned
//! late may change is marked, and counted anew as a whole by [`Ledger::settle`]. It never decides who is to blame, and
//! reads nothing itself: bodies are parsed by `wire`, names are the engine's. Every part is bounded by
//! [`KEPT`] epochs and the limits of its file. To follow another kind of duty, give it an arm in `rows`.

mod branch;
mod path;
mod payload;
mod roll;
mod rows;
mod settle;
mod shuffling;
mod sums;
#[cfg(test)]
mod tests;
mod verdict;
mod wire;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{BeaconId, BeaconSet, ClientId, Epoch, Root, Slot, Step, ValidatorIndex};

use super::Kind;
use super::duty::{AttesterDuty, ProposerDuty, SyncDuty};
use branch::Branch;
use path::{Paths, step_of};
use payload::Payloads;
use roll::{Number, Roll};
use shuffling::Shuffling;

pub use branch::{Block, Included};
pub use path::{Given, Path};
pub use payload::PayloadVotes;
pub use roll::MAX_SEEN;
pub use rows::{Ask, Fate, OfPath, Row};
pub use shuffling::{Committee, CommitteesError};
pub use sums::{Sums, SumsBy};
pub use verdict::Verdict;
pub use wire::{read_block, read_committees, read_payload_committee};

/// Epochs kept: an attestation may be included until the end of the next epoch, and is asked about for some more.
pub const KEPT: u64 = 4;
/// Shufflings kept for one epoch: one a branch.
const SHUFFLINGS: usize = 3;

/// Numbers of the chain the ledger counts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Slots in an epoch.
    pub slots_per_epoch: u64,
    /// Epochs of one sync committee (`EPOCHS_PER_SYNC_COMMITTEE_PERIOD`).
    pub sync_period: u64,
}

/// Who sent something, by which beacons it went, and when against its due point, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// The client.
    pub client: ClientId,
    /// The beacons that took it.
    pub via: BeaconSet,
    /// Arrival against the due point (negative: before).
    pub after_due_ms: i32,
}

/// Network's part in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turnout {
    /// Attesters of the slot.
    pub due: u32,
    /// Those that a block includes.
    pub included: u32,
}

/// What is kept of one epoch, by number of the roll.
#[derive(Debug, Default)]
struct OfEpoch {
    /// The shuffling the verdicts are of.
    of: Option<Root>,
    paths: Vec<Path>,
    verdicts: Vec<Option<(u16, Verdict)>>,
    /// The slots that duties told before committees were known.
    told: HashMap<Number, Slot>,
    turnout: BTreeMap<Slot, Turnout>,
}

impl OfEpoch {
    /// Forgets what was counted, by whichever shuffling.
    fn forget(&mut self) {
        (self.of, self.verdicts) = (None, Vec::new());
        self.turnout.clear();
    }

    fn path(&mut self, number: Number) -> &mut Path {
        let place = number as usize;
        if self.paths.len() <= place {
            self.paths.resize(place + 1, Path::default());
        }
        &mut self.paths[place]
    }
}

/// A validator's places in a sync committee, and the beacon that told them.
type Seats = (Vec<u16>, Option<BeaconId>);

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    shape: Shape,
    branch: Branch,
    roll: Roll,
    paths: Paths,
    shufflings: BTreeMap<Epoch, Vec<(Root, Shuffling)>>,
    epochs: BTreeMap<Epoch, OfEpoch>,
    proposers: BTreeMap<Slot, (ValidatorIndex, Option<BeaconId>)>,
    /// By period.
    sync: BTreeMap<u64, HashMap<Number, Seats>>,
    payloads: Payloads,
    marked: BTreeSet<Slot>,
    now: Slot,
}

impl Ledger {
    /// An empty one.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            branch: Branch::default(),
            roll: Roll::default(),
            paths: Paths::default(),
            shufflings: BTreeMap::new(),
            epochs: BTreeMap::new(),
            proposers: BTreeMap::new(),
            sync: BTreeMap::new(),
            payloads: Payloads::default(),
            marked: BTreeSet::new(),
            now: Slot(0),
        }
    }

    fn epoch(&self, slot: Slot) -> Epoch {
        slot.epoch(self.shape.slots_per_epoch)
    }

    fn first(&self, epoch: Epoch) -> Slot {
        Slot(epoch.0.saturating_mul(self.shape.slots_per_epoch))
    }

    /// The first slot that is kept.
    pub fn horizon(&self) -> Slot {
        self.first(Epoch(self.epoch(self.now).0.saturating_sub(KEPT - 1)))
    }

    /// Whether a slot is kept: not too old, and not further ahead than duties are told.
    fn keeps(&self, slot: Slot) -> bool {
        slot >= self.horizon() && self.epoch(slot).0 <= self.epoch(self.now).0 + 2
    }

    /// Time passed: forgets what lies behind the horizon.
    pub fn advance(&mut self, now: Slot) {
        if now <= self.now {
            return;
        }
        self.now = now;
        let (first, epoch) = (self.horizon(), self.epoch(self.horizon()));
        self.branch.prune(Slot(first.0.saturating_sub(2 * self.shape.slots_per_epoch)));
        self.paths.prune(first);
        self.shufflings = self.shufflings.split_off(&epoch);
        self.epochs = self.epochs.split_off(&epoch);
        self.proposers = self.proposers.split_off(&first);
        self.sync = self.sync.split_off(&(epoch.0 / self.shape.sync_period.max(1)));
        self.payloads.prune(first);
        self.marked = self.marked.split_off(&first);
    }

    fn see(&mut self, validator: ValidatorIndex, client: ClientId, epoch: Epoch) -> Option<Number> {
        let (number, new) = self.roll.see(validator, client, epoch)?;
        if new {
            let kept: Vec<Epoch> = self.epochs.keys().copied().collect();
            for epoch in kept {
                self.mark(epoch);
            }
        }
        Some(number)
    }

    /// Marks all slots of an epoch.
    fn mark(&mut self, epoch: Epoch) {
        let first = self.first(epoch).0;
        self.marked.extend((first..first + self.shape.slots_per_epoch).map(Slot));
    }

    /// Validators were named by a client, with nothing due yet.
    pub fn named(&mut self, validators: &[ValidatorIndex], client: ClientId) {
        let epoch = self.epoch(self.now);
        for validator in validators {
            self.see(*validator, client, epoch);
        }
    }

    /// Attester duties were told.
    pub fn attester_duties(&mut self, duties: &[AttesterDuty], client: ClientId, by: Option<BeaconId>) {
        for duty in duties {
            let epoch = self.epoch(duty.slot);
            let Some(number) = self.see(duty.validator, client, epoch.min(self.epoch(self.now))) else {
                continue;
            };
            if !self.keeps(duty.slot) {
                continue;
            }
            let of = self.epochs.entry(epoch).or_default();
            of.told.insert(number, duty.slot);
            let path = of.path(number);
            path.duties = by.or(path.duties);
            if path.published_ms.is_none() {
                path.client = Some(client);
            }
        }
    }

    /// Proposer duties were told: the whole network's, so that nobody is learned by them.
    pub fn proposer_duties(&mut self, duties: &[ProposerDuty], by: Option<BeaconId>) {
        for duty in duties {
            if self.keeps(duty.slot) {
                self.proposers.insert(duty.slot, (duty.validator, by));
            }
        }
    }

    /// Sync duties were told for an epoch.
    pub fn sync_duties(&mut self, epoch: Epoch, duties: &[SyncDuty], client: ClientId, by: Option<BeaconId>) {
        let period = epoch.0 / self.shape.sync_period.max(1);
        let now = self.epoch(self.now).0 / self.shape.sync_period.max(1);
        for duty in duties {
            let Some(number) = self.see(duty.validator, client, self.epoch(self.now)) else { continue };
            if period <= now + 1 {
                let places = duty.positions.iter().filter_map(|place| u16::try_from(*place).ok()).collect();
                self.sync.entry(period).or_default().insert(number, (places, by));
            }
        }
    }

    /// Data to sign was served.
    pub fn served(&mut self, slot: Slot, step: Step, client: ClientId, given: Given) {
        if self.keeps(slot) {
            self.paths.serve(slot, step, client, given);
        }
    }

    /// Signed messages were published.
    pub fn published(&mut self, slot: Slot, kind: Kind, validators: &[ValidatorIndex], passage: Passage) {
        let (Some(step), true) = (step_of(kind), self.keeps(slot)) else { return };
        let Passage { client, via, after_due_ms } = passage;
        let data = self.paths.given(slot, step, client);
        let epoch = self.epoch(slot);
        for validator in validators {
            let Some(number) = self.see(*validator, client, epoch.min(self.epoch(self.now))) else {
                continue;
            };
            let path = if kind == Kind::Attestation {
                let of = self.epochs.entry(epoch).or_default();
                of.told.insert(number, slot);
                Some(of.path(number))
            } else {
                if kind == Kind::PayloadAttestation {
                    self.payloads.tell(slot, number, None);
                }
                self.paths.other(slot, number, kind)
            };
            if let Some(path) = path {
                path.publish(client, via, after_due_ms, data);
            }
        }
    }

    /// The committees of an epoch, on branches whose shuffling depends on this root ([`Ledger::wanted`]).
    ///
    /// # Errors
    /// They are none of the epoch.
    pub fn committees(
        &mut self,
        epoch: Epoch,
        decided: Root,
        committees: Vec<Committee>,
    ) -> Result<(), CommitteesError> {
        let shuffling = Shuffling::new(epoch, self.shape.slots_per_epoch, committees)?;
        if !self.keeps(self.first(epoch)) {
            return Ok(());
        }
        let known = self.shufflings.entry(epoch).or_default();
        known.retain(|(root, _)| *root != decided);
        if known.len() >= SHUFFLINGS {
            known.remove(0);
        }
        known.push((decided, shuffling));
        self.epochs.entry(epoch).or_default().forget();
        self.mark(epoch);
        Ok(())
    }

    /// A block was read.
    pub fn block(&mut self, block: Block) {
        if block.slot.0 + 2 * self.shape.slots_per_epoch < self.horizon().0 {
            return;
        }
        let changed = self.branch.insert(block);
        self.changed(&changed);
    }

    /// The chain's head is this one, whether its block is known yet or not.
    pub fn head(&mut self, root: Root) {
        let changed = self.branch.follow(root);
        self.changed(&changed);
    }

    fn changed(&mut self, changed: &[Slot]) {
        let (Some(first), Some(last)) = (changed.first(), changed.last()) else { return };
        self.marked.extend(self.branch.voted(changed));
        // From the block before on: which block is the first to include a vote of these slots may have changed.
        let from = self.branch.before(*first).map_or(0, |block| block.slot.0).max(self.horizon().0);
        let end = self.first(Epoch(self.epoch(self.now.max(*last)).0 + 1)).0;
        self.marked.extend((from..end).map(Slot));
    }

    /// Epochs whose committees are to be read from the state of [`Ledger::tip`], with the root they depend on.
    pub fn wanted(&self) -> Vec<(Epoch, Root)> {
        let Some(head) = self.branch.head() else { return Vec::new() };
        let present = self.epoch(head.slot);
        let epochs = [present.0.checked_sub(1).map(Epoch), Some(present)];
        let known = |epoch: &Epoch, root: Root| {
            self.shufflings.get(epoch).into_iter().flatten().any(|(of, _)| *of == root)
        };
        epochs
            .into_iter()
            .flatten()
            .filter_map(|epoch| Some((epoch, self.decided(epoch)?)))
            .filter(|(epoch, root)| !known(epoch, *root))
            .collect()
    }

    /// The next block to read: the head's, or the one before the first of the branch; none when nothing is missing.
    pub fn missing(&self) -> Option<Root> {
        if let Some(head) = self.branch.headless() {
            return Some(head);
        }
        let first = self.branch.first()?;
        let far = self.first(Epoch(self.epoch(self.now).0.saturating_sub(2)));
        (first.slot.0 > 0 && first.slot >= far && !self.branch.has(first.parent)).then_some(first.parent)
    }

    /// Slot and state root of the last block of the branch.
    pub fn tip(&self) -> Option<(Slot, Root)> {
        self.branch.head().map(|head| (head.slot, head.state))
    }

    /// The head that was right to vote for in a slot; none where that is not known.
    pub fn head_at(&self, slot: Slot) -> Option<Root> {
        let known = self.branch.head().is_some_and(|head| head.slot > slot);
        self.branch.root_at(slot).filter(|_| known)
    }

    /// Whether a slot has a block; none where that is not known.
    pub fn has_block(&self, slot: Slot) -> Option<bool> {
        let known =
            self.branch.head().is_some_and(|head| head.slot >= slot) && self.branch.root_at(slot).is_some();
        known.then(|| self.branch.at(slot).is_some())
    }

    /// The network's part in a slot, as far as it is counted.
    pub fn turnout(&self, slot: Slot) -> Option<Turnout> {
        self.epochs.get(&self.epoch(slot))?.turnout.get(&slot).copied()
    }

    /// Whether a client was served what is signed by this kind of message in a slot.
    pub fn asked(&self, slot: Slot, kind: Kind, client: ClientId) -> bool {
        step_of(kind).is_some_and(|step| self.paths.given(slot, step, client).is_some())
    }

    /// Validators on the roll.
    pub fn validators(&self) -> usize {
        self.roll.len()
    }
}
