//! Which verdicts of the chain were told, and the lines of those that are new. Pure.

use std::collections::BTreeMap;

use super::names::Names;
use crate::duties::{Ledger, OfPath};
use crate::model::{BeaconId, ClientId, DutiesSeen, Observation, Slot};

/// Slots after which a slot's duties are told, and after which they are told again if they changed.
const TOLD: u64 = 2;
const AGAIN: u64 = 8;
/// Slots after which they are looked at no more.
const LAST: u64 = 34;

type OfSlot = BTreeMap<(ClientId, Option<BeaconId>), OfPath>;

/// What was told.
#[derive(Debug, Default)]
pub struct Told {
    slots: BTreeMap<Slot, OfSlot>,
    /// The first slot that was seen: by which path duties of earlier ones went is not known.
    first: Option<Slot>,
}

impl Told {
    /// The lines that can be told at the end of a slot, whose block is counted.
    pub fn lines(&mut self, ledger: &Ledger, now: Slot, names: &Names) -> Vec<Observation> {
        let mut lines = Vec::new();
        let first = *self.first.get_or_insert(now);
        let due: Vec<Slot> = (now.0.saturating_sub(LAST)..=now.0.saturating_sub(TOLD))
            .map(Slot)
            .filter(|slot| *slot >= first)
            .filter(|slot| match self.slots.get(slot) {
                None => now.0 <= slot.0 + AGAIN,
                Some(_) => now.0 == slot.0 + AGAIN || now.0 == slot.0 + LAST,
            })
            .collect();
        for slot in due {
            let of_slot = ledger.by_path(slot);
            if of_slot.is_empty() || !is_counted(ledger, slot, now) {
                continue;
            }
            let known = self.slots.entry(slot).or_default();
            for path in of_slot {
                let key = (path.client, path.beacon);
                if known.insert(key, path) != Some(path) {
                    lines.extend(line(slot, now, &path, names));
                }
            }
        }
        self.slots = self.slots.split_off(&Slot(now.0.saturating_sub(LAST)));
        lines
    }

    /// Names and numbers begin anew.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Whether a block could include the slot's duties.
fn is_counted(ledger: &Ledger, slot: Slot, now: Slot) -> bool {
    (slot.0 + 1..=now.0).any(|later| ledger.has_block(Slot(later)) == Some(true))
}

fn line(slot: Slot, now: Slot, path: &OfPath, names: &Names) -> Option<Observation> {
    Some(Observation::Duties(DutiesSeen {
        slot,
        as_of: now,
        client: names.client_name(path.client)?.to_owned(),
        beacon: path.beacon.and_then(|id| names.beacon_name(id)).map(ToString::to_string),
        due: path.due,
        missed: path.missed,
        late: path.late,
        wrong_head: path.wrong_head,
    }))
}
