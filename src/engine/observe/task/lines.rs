//! What is told of a slot: its lines, and what people see of it.

use std::sync::Arc;

use super::Observer;
use crate::chain::SlotClock;
use crate::engine::hosts;
use crate::engine::observe::{Shown, answer, fleet, turnout};
use crate::model::{BlockSeen, Epoch, Observation, Slot, SlotSeen, SplitSeen};

/// Slots after which the network's part in one is told.
const TURNOUT: u64 = 2;
/// Epochs of duties that the status sums.
const SUMMED: u64 = 2;

impl Observer {
    pub(super) fn lines(&mut self, slot: Slot, clock: &SlotClock) -> Vec<Observation> {
        let mut lines = Vec::new();
        let status = self.status.borrow().clone();
        let seen = fleet::seen(&self.fleet.load(), &status, clock.slot_ms(slot));
        if self.seen.as_ref() != Some(&seen) {
            lines.push(Observation::Fleet(seen.clone()));
            self.seen = Some(seen);
        }
        lines.extend(self.probes.lines(slot, &status));
        lines.extend(hosts::lines(&self.hosts.load(), slot));
        lines.extend(self.counts.lines(slot, &self.names));
        let block = |slot: Slot| self.blocks.of(slot, clock);
        if let Some(agreed) = self.blocks.agreed(slot).filter(|_| block(slot) == BlockSeen::OnTime) {
            lines.extend(self.heads.lines(slot, agreed, &status));
        }
        let seen = |slot: Slot, participation: Option<f64>| {
            Observation::Slot(SlotSeen {
                slot,
                block: block(slot),
                proposer: self.proposer(slot),
                began: Some(clock.start_of(slot)),
                participation,
            })
        };
        lines.push(seen(slot, None));
        lines.extend(status.split.clone().map(|split| Observation::Split(SplitSeen { slot, split })));
        let Some(ledger) = &self.ledger else { return lines };
        let before = Slot(slot.0.saturating_sub(TURNOUT));
        if let Some(participation) = turnout::of_others(ledger, before) {
            lines.push(seen(before, Some(participation)));
        }
        lines.extend(self.told.lines(ledger, slot, &self.names));
        lines.extend(self.canaries.lines(ledger, slot, &self.names));
        lines.extend(self.shadows.lines(ledger, slot, &self.names));
        lines.extend(self.key_lines(slot));
        lines
    }

    /// The client of ours that was to propose in a slot.
    fn proposer(&self, slot: Slot) -> Option<String> {
        let client = self.ledger.as_ref()?.proposer_of(slot)?;
        self.names.client_name(client).map(ToOwned::to_owned)
    }

    /// Base reward of one of our validators an epoch, in Gwei.
    pub(super) fn base_reward(&self, epoch: Epoch) -> Option<f64> {
        let active = self.ledger.as_ref()?.active(epoch)?;
        self.worth.base_reward(active, self.spec.as_ref()?.get_u64("BASE_REWARD_FACTOR")?)
    }

    pub(super) fn show(&self, now: Option<(Slot, &SlotClock)>) {
        let duties = now.zip(self.ledger.as_ref()).and_then(|((slot, clock), ledger)| {
            let to = Slot(slot.0.saturating_sub(TURNOUT));
            let from = Slot((to.0 + 1).saturating_sub(SUMMED * clock.slots_per_epoch()));
            answer::status(ledger, &self.names, (from, to))
        });
        let ahead =
            now.zip(self.ledger.as_ref()).map(|((slot, _), ledger)| ledger.proposing(Slot(slot.0 + 1)));
        let proposing = ahead.unwrap_or_default();
        let (incidents, groups) = (self.board.list(), self.engine.groups());
        self.shown.store(Arc::new(Shown { incidents, groups, duties, proposing }));
    }
}
