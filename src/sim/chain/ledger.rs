//! The truth: everything validator clients submitted, to whom and when.
//!
//! It never judges; `report` does. It forgets epochs older than it is told to keep.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Epoch, Root, Slot, UnixMs, ValidatorIndex};
use crate::sim::wire::AttestationData;

/// An attestation as a beacon accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AttestationSeen {
    /// What was signed.
    pub(crate) data: AttestationData,
    /// When it arrived.
    pub(crate) at: UnixMs,
    /// Place of the beacon that accepted it.
    pub(crate) via: usize,
    /// Whether that beacon was connected to the main network.
    pub(crate) reached: bool,
}

/// A sync committee message as a beacon accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyncSeen {
    /// The block it votes for.
    pub(crate) root: Root,
    /// Whether the beacon was connected to the main network.
    pub(crate) reached: bool,
}

/// A payload attestation as a beacon accepted it (Gloas).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadSeen {
    /// The block it is about.
    pub(crate) root: Root,
    /// Whether it says that the payload, and its blobs, were there in time.
    pub(crate) says: (bool, bool),
    /// Whether the beacon was connected to the main network.
    pub(crate) reached: bool,
}

/// A block a validator client published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// Its proposer.
    pub(crate) proposer: ValidatorIndex,
    /// Its root.
    pub(crate) root: Root,
    /// When it was accepted first.
    pub(crate) at: UnixMs,
    /// Whether it reached the main network.
    pub(crate) reached: bool,
    /// Whom its execution payload pays.
    pub(crate) fee_recipient: [u8; 20],
    /// Whether it was published in blinded form.
    pub(crate) blinded: bool,
}

/// All that was submitted.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By target epoch and validator, in order of arrival.
    pub(crate) attestations: BTreeMap<Epoch, HashMap<ValidatorIndex, Vec<AttestationSeen>>>,
    /// By slot and validator.
    pub(crate) sync: BTreeMap<Slot, HashMap<ValidatorIndex, SyncSeen>>,
    /// Best aggregate of each committee: members covered.
    pub(crate) aggregates: BTreeMap<Slot, HashMap<u64, u64>>,
    /// Best contribution of each subcommittee: members covered.
    pub(crate) contributions: BTreeMap<Slot, HashMap<u64, u64>>,
    /// Blocks by slot, in order of arrival; a second one is an equivocation.
    pub(crate) proposals: BTreeMap<Slot, Vec<Proposal>>,
    /// By slot, the beacon that sent the payload of its block on first (Gloas).
    pub(crate) payloads: BTreeMap<Slot, usize>,
    /// Payload attestations by slot and validator (Gloas).
    pub(crate) payload_votes: BTreeMap<Slot, HashMap<ValidatorIndex, PayloadSeen>>,
    /// Voluntary exits accepted.
    pub(crate) exits: Vec<ValidatorIndex>,
}

impl Ledger {
    /// Forgets what lies before an epoch.
    pub(crate) fn prune(&mut self, epoch: Epoch, first_slot: Slot) {
        self.attestations = self.attestations.split_off(&epoch);
        self.sync = self.sync.split_off(&first_slot);
        self.aggregates = self.aggregates.split_off(&first_slot);
        self.contributions = self.contributions.split_off(&first_slot);
        self.proposals = self.proposals.split_off(&first_slot);
        self.payloads = self.payloads.split_off(&first_slot);
        self.payload_votes = self.payload_votes.split_off(&first_slot);
    }
}
