//! When the block of each slot was first seen, and what that makes of the slot. Pure.

use std::collections::BTreeMap;

use crate::chain::SlotClock;
use crate::model::{BlockSeen, Slot, Step, UnixMs};

/// Slots remembered.
const SLOTS: usize = 64;

/// When blocks were seen.
#[derive(Debug, Default)]
pub struct Blocks(BTreeMap<Slot, UnixMs>);

impl Blocks {
    /// A head was agreed.
    pub fn seen(&mut self, slot: Slot, at: UnixMs) {
        self.0.entry(slot).or_insert(at);
        while self.0.len() > SLOTS {
            self.0.pop_first();
        }
    }

    /// When the head of a slot was agreed on.
    pub fn agreed(&self, slot: Slot) -> Option<UnixMs> {
        self.0.get(&slot).copied()
    }

    /// What became of the block of a slot that is over.
    pub fn of(&self, slot: Slot, clock: &SlotClock) -> BlockSeen {
        match self.0.get(&slot) {
            None => BlockSeen::Missed,
            Some(at) if at.since(clock.due(slot, Step::Attest)) > 0 => BlockSeen::Late,
            Some(_) => BlockSeen::OnTime,
        }
    }
}
