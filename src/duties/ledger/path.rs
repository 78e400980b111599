//! By which path a duty went: who served what was needed for it, when, and by whom it was published.

use std::collections::{BTreeMap, HashMap};

use super::roll::Number;
use crate::duties::Kind;
use crate::model::{BeaconId, BeaconSet, ClientId, Slot, Step};

/// Paths of one slot kept beside those of attestations: sync messages, aggregates and the like.
const MAX_OTHERS: usize = 1 << 14;
/// Answers with data kept for one slot.
const MAX_SERVED: usize = 1 << 12;

/// The path of one duty, as far as it passed the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Path {
    /// The client that published, or that asked for the duty.
    pub client: Option<ClientId>,
    /// The beacon that told the duty.
    pub duties: Option<BeaconId>,
    /// The beacon whose data was to be signed.
    pub data: Option<Given>,
    /// When the message came to be published, in milliseconds against its due point (negative: before).
    pub published_ms: Option<i32>,
    /// The beacons that took it.
    pub via: BeaconSet,
}

/// Data that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// By whom.
    pub beacon: BeaconId,
    /// When it was answered, in milliseconds against the due point of its step (negative: before).
    pub after_due_ms: i32,
}

impl Path {
    /// A publication passed. The first that a beacon took gives the time; a second from elsewhere changes nothing.
    pub(super) fn publish(&mut self, client: ClientId, via: BeaconSet, at_ms: i32, data: Option<Given>) {
        let taken = self.published_ms.is_some() && !self.via.is_empty();
        if taken && self.client != Some(client) {
            return;
        }
        if !taken {
            self.client = Some(client);
            self.published_ms = Some(at_ms);
            self.data = data.or(self.data);
        }
        self.via = self.via.or(via);
    }
}

/// The step whose data a kind of message signs.
pub(super) fn step_of(kind: Kind) -> Option<Step> {
    match kind {
        Kind::Attestation => Some(Step::Attest),
        Kind::Block => Some(Step::Propose),
        Kind::SyncMessage => Some(Step::SyncMessage),
        Kind::Aggregate => Some(Step::Aggregate),
        Kind::Contribution => Some(Step::Contribution),
        Kind::PayloadAttestation => Some(Step::PayloadAttest),
        Kind::AttesterDuties | Kind::ProposerDuties | Kind::SyncDuties | Kind::PayloadDuties => None,
    }
}

/// What passed in one slot that is not kept by epoch.
#[derive(Debug, Default)]
struct OfSlot {
    served: HashMap<(Step, ClientId), Given>,
    others: HashMap<(Number, Kind), Path>,
}

/// Paths by slot.
#[derive(Debug, Default)]
pub(super) struct Paths(BTreeMap<Slot, OfSlot>);

impl Paths {
    /// Data was served; the last answer is what is signed.
    pub(super) fn serve(&mut self, slot: Slot, step: Step, client: ClientId, given: Given) {
        let served = &mut self.0.entry(slot).or_default().served;
        if served.len() < MAX_SERVED || served.contains_key(&(step, client)) {
            served.insert((step, client), given);
        }
    }

    /// What a client was served last.
    pub(super) fn given(&self, slot: Slot, step: Step, client: ClientId) -> Option<Given> {
        self.0.get(&slot)?.served.get(&(step, client)).copied()
    }

    /// The path of another duty than an attestation, made where there is none; none where there is no room.
    pub(super) fn other(&mut self, slot: Slot, number: Number, kind: Kind) -> Option<&mut Path> {
        let others = &mut self.0.entry(slot).or_default().others;
        let room = others.len() < MAX_OTHERS || others.contains_key(&(number, kind));
        room.then(|| others.entry((number, kind)).or_default())
    }

    /// The paths of other duties of a slot.
    pub(super) fn others(&self, slot: Slot) -> impl Iterator<Item = (Number, Kind, Path)> {
        let others = self.0.get(&slot).map(|of| &of.others);
        others.into_iter().flatten().map(|((number, kind), path)| (*number, *kind, *path))
    }

    /// Forgets slots before one.
    pub(super) fn prune(&mut self, before: Slot) {
        self.0 = self.0.split_off(&before);
    }
}
