//! Counting marked slots anew: the join of the branch, the committees and the roll.

use super::verdict::judge;
use super::{Ledger, Turnout};
use crate::model::{Epoch, Root, Slot};

impl Ledger {
    /// Counts one marked slot anew and returns it; none when nothing is marked.
    pub fn settle(&mut self) -> Option<Slot> {
        loop {
            let slot = self.marked.pop_first()?;
            if self.keeps(slot) && self.recount(slot) {
                return Some(slot);
            }
        }
    }

    fn recount(&mut self, slot: Slot) -> bool {
        let epoch = self.epoch(slot);
        let decided = self.decided(epoch);
        let of = self.epochs.entry(epoch).or_default();
        if of.of != decided {
            // Another shuffling: whoever sat in one slot sits in another now.
            of.forget();
            of.of = decided;
            self.mark(epoch);
            self.marked.remove(&slot);
        }
        let known =
            self.shufflings.get(&epoch).into_iter().flatten().find(|(root, _)| Some(*root) == decided);
        let Some((_, shuffling)) = known else { return self.unknown(epoch, slot) };
        let Some(verdicts) = judge(&self.branch, shuffling, slot, self.shape.slots_per_epoch) else {
            return self.unknown(epoch, slot);
        };
        let Some(of) = self.epochs.get_mut(&epoch) else { return false };
        of.verdicts.resize(self.roll.len(), None);
        let place = (slot.0 % self.shape.slots_per_epoch) as u16;
        for (index, verdict) in shuffling.seats(slot).iter().zip(&verdicts) {
            if let Some(number) = self.roll.due(*index, epoch) {
                of.verdicts[number as usize] = Some((place, *verdict));
            }
        }
        let included = verdicts.iter().filter(|verdict| verdict.included()).count() as u32;
        of.turnout.insert(slot, Turnout { due: verdicts.len() as u32, included });
        true
    }

    /// The branch does not reach back to a slot any more, or its committees are not known.
    fn unknown(&mut self, epoch: Epoch, slot: Slot) -> bool {
        let place = (slot.0 % self.shape.slots_per_epoch) as u16;
        let Some(of) = self.epochs.get_mut(&epoch) else { return false };
        for verdict in &mut of.verdicts {
            if verdict.is_some_and(|(at, _)| at == place) {
                *verdict = None;
            }
        }
        of.turnout.remove(&slot).is_some()
    }

    /// The root an epoch's shuffling depends on, on the present branch; the zero root for the first two.
    pub(super) fn decided(&self, epoch: Epoch) -> Option<Root> {
        match epoch.0.checked_sub(1) {
            None | Some(0) => Some(Root::default()),
            Some(before) => self.branch.root_at(Slot(self.first(Epoch(before)).0 - 1)),
        }
    }
}
