//! Which client signs with which key: keys that sign at two clients, and keys that sign elsewhere while ours is idle.
//!
//! It owns, by validator, who signed with its key last ([`key`]) and, by slot, who signed what ([`slot`]); it asks the
//! ledger what the chain says, and decides nothing about severity. Pure: slots are handed in. What counts:
//!
//! * **A signature of its own** is what a client published after it was told the validator's duties of that epoch and asked
//!   for the data of that slot and step, or what differs from another client's message of the same duty. BLS signatures are deterministic and all clients are given
//!   the same data, so that equal bytes do not tell a second signer from a relay: whether it asked does. A client that
//!   only passes on what another signed (a relay, a failover address) asked for nothing: its messages are copies and count
//!   for nobody.
//! * Only what a beacon took counts, for that beacon checked the signature; a block counts in any case, since beacons
//!   refuse the second of a slot for being the second.
//! * **Twice**: two clients signed the same duty; or one signed between two signatures of another that lie within
//!   [`WINDOW`] epochs, by slot of the duty and in different slots each. A validator that moves changes its client once: the
//!   old one is never seen again after the new one, however close they are, and an attester signs once an epoch, so that
//!   two who take turns show within two epochs. One client that signs two attestations or blocks for one slot is two
//!   processes behind one name.
//! * **Elsewhere**: the chain has a vote or block of a key that signed here before, of an epoch in which no client of ours
//!   signed with it, and its clients asked for nothing at all in that epoch: whoever still asks may publish past the router.
//!   Of clients that ask for liveness and sign nothing (doppelganger protection) the answer is enough. Only epochs that
//!   were seen from start to end are judged, each once, when the votes of its last slots are in blocks.
//! * Clients of one *cluster* sign with the same keys by agreement (nodes of a distributed validator, a hot standby): of
//!   them only different messages for one duty are a finding, and their keys may sign elsewhere.
//!
//! A router that just started knows the keys that a process before it knew ([`Signers::recall`]), and names nobody by what it did
//! not see. To follow another kind of message
//! nothing is to be done, every [`Kind`] that a ledger's step belongs to counts.

mod elsewhere;
mod key;
mod slot;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use super::duty::AttesterDuty;
use super::ledger::Ledger;
use super::publication::{Kind, Publication, Votes};
use crate::chain::BlockKey;
use crate::model::{ClientId, Epoch, Slot, ValidatorIndex};
use elsewhere::Watch;
use key::Key;
use slot::{OfSlot, Signed};

pub use elsewhere::{Elsewhere, Sign};

/// Epochs within which two clients that take turns are found.
pub const WINDOW: u64 = 2;
/// Keys remembered at most; more than one fleet has.
pub const MAX_KEYS: usize = 1 << 18;
/// Epochs after which a key that signed nothing here is not ours any more: a day.
const AWAY_EPOCHS: u64 = 225;
/// Duties told, by validator and client, remembered at most.
const MAX_TOLD: usize = 1 << 19;
/// Validators of publications that wait for the end of their slot at most.
const MAX_WAITING: usize = 1 << 18;

/// The cluster of a client, if it is of one.
pub type Clusters<'a> = dyn Fn(ClientId) -> Option<&'a str> + 'a;

/// What was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Votes.
    Votes(Votes),
    /// A block.
    Block(BlockKey),
}

/// How it shows that a key signs at two clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Both signed this for the same duty.
    Same(What),
    /// They signed different things for the same duty, in the order of the clients.
    Differ([What; 2]),
    /// The second signed in this slot, between the first's last two, of which this is the earlier.
    Between {
        /// The second's.
        second: Slot,
        /// The first's before it.
        first: Slot,
    },
}

impl How {
    /// Whether it is an offence that gets the validator slashed (phase0 spec, `is_slashable_attestation_data`, double vote;
    /// `process_proposer_slashing`).
    pub fn is_slashable(&self, kind: Kind) -> bool {
        matches!(self, Self::Differ(_)) && matches!(kind, Kind::Attestation | Kind::Block)
    }
}

/// A key that signs at two clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twice {
    /// Whose key.
    pub validator: ValidatorIndex,
    /// The clients; the same one twice: two processes behind its name.
    pub clients: [ClientId; 2],
    /// The slot of the duty; where they take turns, the first's newest.
    pub slot: Slot,
    /// What kind of message.
    pub kind: Kind,
    /// How it shows.
    pub how: How,
}

/// What a look brought to light.
#[derive(Debug, Default)]
pub struct Found {
    /// Keys that sign at two clients.
    pub twice: Vec<Twice>,
    /// Keys that sign elsewhere.
    pub elsewhere: Vec<Elsewhere>,
    /// Messages that were another client's, by who signed and who passed them on.
    pub copies: BTreeMap<(ClientId, ClientId), u32>,
}

/// Messages of one client that wait for the end of their slot.
#[derive(Debug)]
struct Waiting {
    slot: Slot,
    kind: Kind,
    client: ClientId,
    what: What,
    validators: Vec<ValidatorIndex>,
}

/// Who signs with which key.
#[derive(Debug)]
pub struct Signers {
    slots_per_epoch: u64,
    waiting: Vec<Waiting>,
    /// Validators that wait.
    count: usize,
    slots: BTreeMap<Slot, OfSlot>,
    keys: HashMap<u32, Key>,
    /// The newest epoch of which each client was told a validator's duties.
    told: HashMap<(u32, ClientId), Epoch>,
    watch: Watch,
    /// Names of clients are what they are since this slot.
    since: Slot,
}

impl Signers {
    /// Knows nothing.
    pub fn new(slots_per_epoch: u64) -> Self {
        Self {
            slots_per_epoch: slots_per_epoch.max(1),
            waiting: Vec::new(),
            count: 0,
            slots: BTreeMap::new(),
            keys: HashMap::new(),
            told: HashMap::new(),
            watch: Watch::default(),
            since: Slot(0),
        }
    }

    fn epoch(&self, slot: Slot) -> Epoch {
        slot.epoch(self.slots_per_epoch)
    }

    fn first(&self, epoch: Epoch) -> Slot {
        Slot(epoch.0.saturating_mul(self.slots_per_epoch))
    }

    /// A client published something; `taken` says whether a beacon took it. Whether there was room for it.
    pub fn published(&mut self, publication: &Publication, client: ClientId, taken: bool) -> bool {
        let what = match (publication.block, publication.votes) {
            (Some(block), _) => What::Block(block),
            (None, Some(votes)) if taken => What::Votes(votes),
            _ => return true,
        };
        let validators = publication.validators.clone();
        if self.count + validators.len() > MAX_WAITING {
            return false;
        }
        self.count += validators.len();
        let (slot, kind) = (publication.slot, publication.kind);
        self.waiting.push(Waiting { slot, kind, client, what, validators });
        true
    }

    /// A client was told these attester duties.
    pub fn told(&mut self, duties: &[AttesterDuty], client: ClientId) {
        for duty in duties {
            let epoch = self.epoch(duty.slot);
            let Ok(index) = u32::try_from(duty.validator.0) else { continue };
            if self.told.len() < MAX_TOLD || self.told.contains_key(&(index, client)) {
                let newest = self.told.entry((index, client)).or_default();
                *newest = epoch.max(*newest);
            }
        }
    }

    /// A client asked for something, whatever it was.
    pub fn heard(&mut self, client: ClientId, slot: Slot) {
        self.watch.heard(client, slot);
    }

    /// A client was told that these validators are live in an epoch.
    pub fn live(&mut self, epoch: Epoch, validators: &[ValidatorIndex], client: ClientId) {
        for index in validators.iter().filter_map(|validator| u32::try_from(validator.0).ok()) {
            if self.keys.contains_key(&index) {
                self.watch.live(epoch, index, client);
            }
        }
    }

    /// Not all that passed in this slot was seen: its epoch is not judged by what no client of ours signed.
    pub fn missed(&mut self, slot: Slot) {
        self.watch.not_before(Epoch(self.epoch(slot).0 + 1));
    }

    /// Clients may be called otherwise from this slot on: what was signed before says nothing about who signs now.
    pub fn renamed(&mut self, slot: Slot) {
        self.since = slot;
        self.slots.clear();
    }

    /// A slot is over. `clusters` tells the cluster of a client, if it is of one.
    pub fn ended(&mut self, now: Slot, ledger: &Ledger, clusters: &Clusters<'_>) -> Found {
        let mut found = Found::default();
        let mut waiting = std::mem::take(&mut self.waiting);
        self.count = 0;
        // By slot of the duty: what came late is no sign of taking turns.
        waiting.sort_by_key(|one| one.slot);
        let oldest = Slot(now.0.saturating_sub(WINDOW * self.slots_per_epoch));
        for one in waiting.iter().filter(|one| one.slot >= oldest && one.slot.0 <= now.0 + 1) {
            let served = ledger.asked(one.slot, one.kind, one.client);
            self.sign(one, served, clusters, &mut found);
        }
        self.slots = self.slots.split_off(&oldest);
        let first = self.first(Epoch(self.epoch(now).0.saturating_sub(AWAY_EPOCHS)));
        if now == self.first(self.epoch(now)) {
            self.keys.retain(|_, key| key.newest >= first);
            let epoch = self.epoch(oldest);
            self.told.retain(|_, told| *told >= epoch);
        }
        found.elsewhere = self.elsewhere(now, ledger, clusters);
        found
    }

    fn sign(&mut self, one: &Waiting, served: bool, clusters: &Clusters<'_>, found: &mut Found) {
        let of_slot = self.slots.entry(one.slot).or_default();
        let Some(what) = of_slot.place(one.what) else { return };
        let epoch = one.slot.epoch(self.slots_per_epoch);
        let window = WINDOW * self.slots_per_epoch;
        let agree =
            |a: ClientId, b: ClientId| a != b && clusters(a).is_some_and(|of| clusters(b) == Some(of));
        for validator in &one.validators {
            let Ok(index) = u32::try_from(validator.0) else { continue };
            let full = self.keys.len() >= MAX_KEYS && !self.keys.contains_key(&index);
            if full {
                continue;
            }
            let known = self.keys.entry(index).or_default();
            known.newest = known.newest.max(one.slot);
            let mut twice = |clients, slot, how| {
                found.twice.push(Twice { validator: *validator, clients, slot, kind: one.kind, how });
            };
            let told = self.told.get(&(index, one.client)).is_some_and(|told| *told >= epoch);
            let asked = served && told;
            let signed = of_slot.sign((index, one.kind), what, one.client, asked);
            match signed {
                Signed::Copy { of, by } => *found.copies.entry((of, by)).or_default() += 1,
                Signed::Alone | Signed::Again => {}
                Signed::Same { with } if agree(with, one.client) => {}
                Signed::Same { with } => twice([with, one.client], one.slot, How::Same(one.what)),
                Signed::Differs { with, from } => {
                    twice([with, one.client], one.slot, How::Differ([from, one.what]));
                }
            }
            let own = asked || matches!(signed, Signed::Differs { .. });
            if own && let Some(turn) = known.sign(one.client, one.slot, (self.since, window)) {
                let clients = [one.client, turn.with];
                if !agree(one.client, turn.with) {
                    twice(clients, one.slot, How::Between { second: turn.between, first: turn.before });
                }
            }
        }
        if served {
            self.watch.signed(one.client, one.slot);
        }
    }

    /// Which client signed with each key last, and in which slot.
    pub fn last(&self) -> impl Iterator<Item = (ValidatorIndex, ClientId, Slot)> {
        let last =
            |(index, key): (&u32, &Key)| Some((ValidatorIndex(u64::from(*index)), key.client()?, key.newest));
        self.keys.iter().filter_map(last)
    }

    /// The same of a process before this one, once [`Signers::renamed`] and [`Signers::missed`] have been told when this one
    /// began: nobody takes turns with whoever signed before, and no epoch is judged that was not seen whole.
    pub fn recall(&mut self, validator: ValidatorIndex, client: ClientId, slot: Slot) {
        let Ok(index) = u32::try_from(validator.0) else { return };
        if self.keys.len() < MAX_KEYS && !self.keys.contains_key(&index) {
            let key = self.keys.entry(index).or_default();
            key.sign(client, slot, (self.since, 0));
            key.newest = slot;
        }
    }

    /// Keys that are remembered.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
