//! Keys of ours that sign where we do not see it, while the clients that had them are idle.

use std::collections::{BTreeMap, HashMap};

use super::key::Key;
use super::{Clusters, Signers};
use crate::duties::Ledger;
use crate::model::{ClientId, Epoch, Slot, ValidatorIndex};

/// Slots after the end of an epoch until the votes of its last slots are in blocks.
const SETTLED: u64 = 2;
/// Answers about liveness remembered at most.
const MAX_LIVE: usize = 1 << 18;

/// What shows that a key signs elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A block includes its attestation of this slot.
    Voted(Slot),
    /// It proposed the block of this slot.
    Proposed(Slot),
    /// Beacons saw it live in this epoch.
    Live(Epoch),
}

/// A key that signs elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// Whose key.
    pub validator: ValidatorIndex,
    /// The client that signed with it last, and is idle.
    pub client: ClientId,
    /// The newest slot in which it signed here.
    pub last: Slot,
    /// What shows it.
    pub sign: Sign,
}

/// Which clients are idle, and who is live.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The newest slot in which each client asked for anything.
    heard: HashMap<ClientId, Slot>,
    /// The newest slot for which each client signed anything.
    signed: HashMap<ClientId, Slot>,
    /// Who is live, and who asked.
    live: BTreeMap<(Epoch, u32), ClientId>,
    /// The first epoch that can be judged, and the one after the last that was.
    from: Epoch,
}

impl Watch {
    pub(super) fn heard(&mut self, client: ClientId, slot: Slot) {
        let newest = self.heard.entry(client).or_default();
        *newest = slot.max(*newest);
    }

    pub(super) fn signed(&mut self, client: ClientId, slot: Slot) {
        let newest = self.signed.entry(client).or_default();
        *newest = slot.max(*newest);
    }

    pub(super) fn live(&mut self, epoch: Epoch, index: u32, client: ClientId) {
        if self.live.len() < MAX_LIVE {
            self.live.insert((epoch, index), client);
        }
    }

    pub(super) fn not_before(&mut self, epoch: Epoch) {
        self.from = self.from.max(epoch);
    }

    /// Whether a client asked for nothing since a slot.
    fn is_silent(&self, client: ClientId, since: Slot) -> bool {
        self.heard.get(&client).is_none_or(|heard| *heard < since)
    }

    /// Whether a client that asked who is live signed nothing since a slot, with any key: it waits whether others do.
    fn is_waiting(&self, client: ClientId, since: Slot) -> bool {
        self.signed.get(&client).is_none_or(|signed| *signed < since)
    }
}

impl Signers {
    /// Looks once at each epoch that is over.
    pub(super) fn elsewhere(
        &mut self,
        now: Slot,
        ledger: &Ledger,
        clusters: &Clusters<'_>,
    ) -> Vec<Elsewhere> {
        let settled = self.epoch(Slot(now.0.saturating_sub(SETTLED)));
        let Some(epoch) = settled.0.checked_sub(1).map(Epoch).filter(|epoch| *epoch >= self.watch.from)
        else {
            return Vec::new();
        };
        let from = std::mem::replace(&mut self.watch.from, settled);
        let mut found = self.by_chain(epoch, ledger);
        let later = self.watch.live.split_off(&(settled, 0));
        let live = std::mem::replace(&mut self.watch.live, later);
        // What was told after its epoch was looked at is looked at now, if that was not long ago.
        let recent = |(of, _): &(Epoch, u32)| of.0 + 1 >= from.0.min(epoch.0);
        found.extend(live.iter().filter(|(key, _)| recent(key)).filter_map(|((of, index), asker)| {
            let (key, since) = (self.keys.get(index)?, self.first(*of));
            let idle = |client| {
                self.watch.is_silent(client, since)
                    || client == *asker && self.watch.is_waiting(client, since)
            };
            let is_idle = key.newest < since && key.clients().all(idle);
            is_idle.then(|| elsewhere(*index, key, Sign::Live(*of)))?
        }));
        found.retain(|one| clusters(one.client).is_none());
        found
    }

    fn by_chain(&self, epoch: Epoch, ledger: &Ledger) -> Vec<Elsewhere> {
        let first = self.first(epoch);
        let is_idle =
            |key: &Key| key.newest < first && key.clients().all(|client| self.watch.is_silent(client, first));
        let mut found: Vec<Elsewhere> = self
            .keys
            .iter()
            .filter(|(_, key)| is_idle(key))
            .filter_map(|(index, key)| {
                let slot = ledger.voted(ValidatorIndex(u64::from(*index)), epoch)?;
                elsewhere(*index, key, Sign::Voted(slot))
            })
            .collect();
        let slots = (first.0..self.first(Epoch(epoch.0 + 1)).0).map(Slot);
        found.extend(slots.filter_map(|slot| {
            let index = u32::try_from(ledger.proposer(slot)?.0).ok()?;
            let key = self.keys.get(&index).filter(|key| is_idle(key))?;
            elsewhere(index, key, Sign::Proposed(slot))
        }));
        found.sort_by_key(|one| one.validator);
        found
    }
}

/// None: nobody of ours signed with it of its own.
fn elsewhere(index: u32, key: &Key, sign: Sign) -> Option<Elsewhere> {
    let validator = ValidatorIndex(u64::from(index));
    Some(Elsewhere { validator, client: key.client()?, last: key.newest, sign })
}
