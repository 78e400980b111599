//! Who signed with one key last.

use crate::model::{ClientId, Slot};

/// Clients remembered for one key: more that take turns with it, each once before the first comes again, would not be
/// noticed by their turns alone.
const CLIENTS: usize = 4;

/// The newest signature of one client.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    client: ClientId,
    /// Its slot, and one; 0: there is none.
    slot: u32,
}

/// Who signed with a key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Key {
    last: [Last; CLIENTS],
    /// The newest slot anybody of ours published something of, copies too.
    pub(super) newest: Slot,
}

/// Somebody signed between two signatures of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Who.
    pub(super) with: ClientId,
    /// In which slot.
    pub(super) between: Slot,
    /// The client's slot before it.
    pub(super) before: Slot,
}

impl Key {
    /// A client signed of its own. Who signed between this and its last one, if both are not older than `since` and not
    /// further apart than `window` slots.
    pub(super) fn sign(
        &mut self,
        client: ClientId,
        slot: Slot,
        (since, window): (Slot, u64),
    ) -> Option<Turn> {
        let now = u32::try_from(slot.0).unwrap_or(u32::MAX - 1) + 1;
        let is_own = |last: &&mut Last| last.slot > 0 && last.client == client;
        let Some(own) = self.last.iter_mut().find(is_own) else {
            // The oldest gives way.
            if let Some(place) = self.last.iter_mut().min_by_key(|last| last.slot)
                && place.slot < now
            {
                *place = Last { client, slot: now };
            }
            return None;
        };
        let before = own.slot;
        own.slot = now.max(before);
        let slot_of = |slot: u32| Slot(u64::from(slot) - 1);
        let is_near = now > before && u64::from(now - before) <= window && slot_of(before) >= since;
        let between =
            |last: &&Last| is_near && last.client != client && last.slot > before && last.slot < now;
        let other = self.last.iter().filter(between).max_by_key(|last| last.slot)?;
        Some(Turn { with: other.client, between: slot_of(other.slot), before: slot_of(before) })
    }

    /// The clients that signed with it.
    pub(super) fn clients(&self) -> impl Iterator<Item = ClientId> {
        self.last.iter().filter(|last| last.slot > 0).map(|last| last.client)
    }

    /// The one that signed with it last.
    pub(super) fn client(&self) -> Option<ClientId> {
        let known = self.last.iter().filter(|last| last.slot > 0);
        known.max_by_key(|last| last.slot).map(|last| last.client)
    }
}
