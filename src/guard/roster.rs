//! Lists of duties as beacons told them: what stands of each, and until when.
//!
//! Who has which duty is decided by a block of long ago, whose root beacons tell beside each list (*dependent root*). While
//! they stand by that block, what was told of a validator is told of it again. What rests on different blocks is never put
//! together, nor are the two generations of proposer duties, whose blocks differ by an epoch. Nothing is asked here, and no
//! clock is kept. To add a kind of duty, add it to [`DutyKind`].

use std::collections::{BTreeMap, HashMap};

use crate::model::{BeaconName, Epoch, Root, Slot};

/// Validators remembered, all lists together: five lists of 200,000.
const ENTRIES: usize = 1 << 20;
/// Beacons whose word is remembered.
const VOICES: usize = 1_024;

/// Which list of duties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DutyKind {
    /// `duties/attester`.
    Attester,
    /// `duties/proposer` of the first generation.
    Proposer,
    /// `duties/proposer` of the second: decided an epoch earlier.
    ProposerV2,
    /// `duties/sync`: its answers tell no root.
    Sync,
    /// `duties/ptc` (Gloas): who attests to payloads.
    PayloadAttester,
}

impl DutyKind {
    /// Whether a list is told of all validators at once, whoever asks.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Proposer | Self::ProposerV2)
    }
}

/// A list of duties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DutyList {
    /// Of which duty.
    pub kind: DutyKind,
    /// Of which epoch.
    pub epoch: Epoch,
}

impl DutyList {
    /// The last block before this epoch decided the list (Beacon API, `getAttesterDuties`, `getProposerDuties` and
    /// `getProposerDutiesV2`, on `dependent_root`). Of sync duties no later one can change it.
    pub fn decided_before(self) -> Epoch {
        match self.kind {
            DutyKind::Proposer => self.epoch,
            _ => Epoch(self.epoch.0.saturating_sub(1)),
        }
    }
}

/// What a beacon says of the blocks that decide duties, with a new head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deciders {
    /// Its head.
    pub head: Root,
    /// The head's slot.
    pub slot: Slot,
    /// The head's epoch.
    pub epoch: Epoch,
    /// The last block before the epoch before that one.
    pub previous: Root,
    /// The last block before that epoch.
    pub current: Root,
}

impl Deciders {
    /// The last block before an epoch; none where this says nothing of it.
    fn before(&self, epoch: Epoch) -> Option<Root> {
        if epoch == self.epoch {
            Some(self.current)
        } else if epoch.0.checked_add(1) == Some(self.epoch.0) {
            Some(self.previous)
        } else {
            None
        }
    }
}

/// What is known of the validators one asks about.
#[derive(Debug, PartialEq, Eq)]
pub struct Known<V> {
    /// What they have, in the order of the question.
    pub told: Vec<V>,
    /// Validators of whom nothing is known.
    pub missing: Vec<u64>,
}

struct Edition<V> {
    /// The block it rests on.
    root: Root,
    /// By validator, those without a duty among them.
    entries: HashMap<u64, V>,
}

/// The lists that stand; `V` is what was told of a validator, be it that it has no such duty.
pub struct Roster<V> {
    tickets: u64,
    /// Reads that began up to this one may have been answered before a reorg.
    overtaken: u64,
    voices: BTreeMap<BeaconName, Deciders>,
    lists: BTreeMap<DutyList, Edition<V>>,
}

impl<V> Default for Roster<V> {
    fn default() -> Self {
        Self { tickets: 0, overtaken: 0, voices: BTreeMap::new(), lists: BTreeMap::new() }
    }
}

impl<V: Clone> Roster<V> {
    /// A beacon has a new head. Lists of epochs long over are forgotten.
    pub fn hear(&mut self, beacon: &BeaconName, deciders: Deciders) {
        if self.voices.len() < VOICES || self.voices.contains_key(beacon) {
            self.voices.insert(beacon.clone(), deciders);
        }
        let newest = self.voices.values().map(|voice| voice.epoch).max().unwrap_or_default();
        self.lists.retain(|list, _| list.epoch.0.saturating_add(1) >= newest.0);
    }

    /// Forgets what all beacons but these said.
    pub fn keep(&mut self, beacons: &[BeaconName]) {
        self.voices.retain(|name, _| beacons.contains(name));
    }

    /// Blocks after this epoch's were replaced, perhaps some of it, too: what they decided is asked anew.
    pub fn reorg(&mut self, since: Epoch) {
        self.overtaken = self.tickets;
        self.lists.retain(|list, _| list.decided_before() <= since);
    }

    /// The block a list rests on, as most of the beacons that `count` say; of equally many the one the agreed head rests
    /// on, then the one with the newest head. None if nobody says.
    pub fn expected(
        &self,
        list: DutyList,
        agreed: Option<Root>,
        counts: impl Fn(&BeaconName) -> bool,
    ) -> Option<Root> {
        let mut votes: BTreeMap<Root, (usize, bool, Slot)> = BTreeMap::new();
        for (_, voice) in self.voices.iter().filter(|(name, _)| counts(name)) {
            let Some(root) = voice.before(list.decided_before()) else { continue };
            let (voices, is_agreed, newest) = votes.entry(root).or_default();
            *voices += 1;
            *is_agreed |= Some(voice.head) == agreed;
            *newest = voice.slot.max(*newest);
        }
        votes.into_iter().max_by_key(|(root, vote)| (*vote, *root)).map(|(root, _)| root)
    }

    /// What stands of a list for those who ask, where it is expected to rest on this block.
    pub fn known(&self, list: DutyList, expected: Option<Root>, validators: &[u64]) -> Known<V> {
        let edition = self.lists.get(&list).filter(|edition| Some(edition.root) == expected);
        let Some(edition) = edition else {
            return Known { told: Vec::new(), missing: validators.to_vec() };
        };
        let mut known = Known { told: Vec::new(), missing: Vec::new() };
        for validator in validators {
            match edition.entries.get(validator) {
                Some(told) => known.told.push(told.clone()),
                None => known.missing.push(*validator),
            }
        }
        known
    }

    /// The number of a read that begins.
    pub fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// A read brought what validators have of a list that rests on this block. It is kept if the list is expected to do so, and
    /// no reorg has overtaken the read.
    pub fn settle(
        &mut self,
        list: DutyList,
        ticket: u64,
        (root, expected): (Root, Option<Root>),
        told: impl IntoIterator<Item = (u64, V)>,
    ) {
        if Some(root) != expected || ticket <= self.overtaken {
            return;
        }
        let edition = self.lists.entry(list).or_insert_with(|| Edition { root, entries: HashMap::new() });
        if edition.root != root {
            *edition = Edition { root, entries: HashMap::new() };
        }
        edition.entries.extend(told);
        self.shrink();
    }

    /// Forgets the oldest lists where too much is remembered.
    fn shrink(&mut self) {
        while self.lists.values().map(|edition| edition.entries.len()).sum::<usize>() > ENTRIES {
            let Some(oldest) = self.lists.keys().min_by_key(|list| list.epoch).copied() else { return };
            self.lists.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
