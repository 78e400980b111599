//! The network around the fleet: when blocks come, what gets lost whoever sends it, and which block includes what.

use super::dice::{Dice, Of};
use crate::sim::scenario::{Ill, Scenario};

/// Committees of a slot.
pub(super) const COMMITTEES: u64 = 64;
/// Slots within which an attestation can be included.
const INCLUDED_WITHIN: u64 = 32;

/// The network, the same for every fleet in it.
#[derive(Debug, Clone)]
pub(super) struct Sky {
    dice: Dice,
    /// When the block of each slot is published, and what share of its attestations is lost.
    slots: Vec<(Option<f64>, f64)>,
    away: f64,
    /// Milliseconds: of a slot, its attestation due point, and when aggregators have collected.
    pub(super) slot_ms: f64,
    pub(super) due_ms: f64,
    collected_ms: f64,
    /// Times on the network are told for slots of 12 s.
    pub(super) scale: f64,
}

impl Sky {
    pub(super) fn new(scenario: &Scenario, dice: Dice) -> Self {
        let slot_ms = scenario.fleet.slot_ms as f64;
        let forecast = Forecast { scenario, dice, slot_ms };
        // Blocks after the end include what was attested before it.
        let slots = 0..scenario.slots + 2 * INCLUDED_WITHIN;
        Self {
            dice,
            slots: slots.map(|slot| (forecast.block(slot), forecast.base(slot))).collect(),
            away: scenario.network.away,
            slot_ms,
            due_ms: slot_ms / 3.0,
            collected_ms: slot_ms * 2.0 / 3.0,
            scale: slot_ms / 12_000.0,
        }
    }

    /// When the block of a slot is published, in milliseconds from its start; none: there is no block.
    pub(super) fn block(&self, slot: u64) -> Option<f64> {
        self.slots.get(slot as usize).and_then(|(block, _)| *block)
    }

    /// Share of attestations of a slot that are lost whoever sends them.
    pub(super) fn base(&self, slot: u64) -> f64 {
        self.slots.get(slot as usize).map_or(0.0, |(_, base)| *base)
    }

    /// Share of the network's attesters of a slot that are included.
    pub(super) fn participation(&self, slot: u64) -> f64 {
        let noise = 0.9 + 0.2 * self.dice.unit(Of::Network, &[slot]);
        let away = self.away * (0.8 + 0.4 * self.dice.unit(Of::Away, &[slot / 32]));
        (1.0 - away - self.base(slot) * noise).max(0.0)
    }

    /// First slot after this one with a block.
    pub(super) fn next_block(&self, slot: u64) -> Option<u64> {
        (slot + 1..=slot + INCLUDED_WITHIN).find(|next| self.block(*next).is_some())
    }

    /// The slot whose block includes an attestation of `slot` that came into gossip at `at` milliseconds.
    ///
    /// Half of what is lost by itself is lost by committees: an aggregator that fails takes its committee along.
    pub(super) fn included(&self, slot: u64, committee: u64, validator: u64, at: f64) -> Option<u64> {
        let base = self.base(slot);
        if self.dice.chance(base * 0.3, Of::Personal, &[slot, validator]) {
            return None;
        }
        let mut later = 0;
        if self.dice.chance(base * 2.0, Of::CommitteeFate, &[slot, committee]) {
            let fate = self.dice.unit(Of::CommitteeVerdict, &[slot, validator]);
            if fate < 0.35 {
                return None;
            }
            later += u64::from(fate < 0.6);
        }
        if at > self.collected_ms {
            // Without an aggregate it takes a proposer that listens to the subnet.
            let luck = self.dice.unit(Of::LateInclusion, &[slot, validator]);
            let share = if at < self.slot_ms { 0.6 } else { 0.25 };
            if luck > share {
                return None;
            }
            later += 1 + u64::from(at > self.slot_ms) + u64::from(luck > share / 2.0);
        }
        let mut block = self.next_block(slot)?;
        let poor = self.dice.chance(0.02, Of::Packing, &[block]);
        later += u64::from(poor && self.dice.chance(0.3, Of::PackedOut, &[block, slot, committee]));
        for _ in 0..later {
            block = self.next_block(block)?;
        }
        (block <= slot + INCLUDED_WITHIN).then_some(block)
    }
}

/// Works out what the network does, slot by slot.
struct Forecast<'a> {
    scenario: &'a Scenario,
    dice: Dice,
    slot_ms: f64,
}

impl Forecast<'_> {
    /// Greatest share of a kind that the network's faults say for a slot.
    fn fault(&self, slot: u64, share: impl Fn(Ill) -> Option<f64>) -> f64 {
        let there = self.scenario.faults.iter().filter(|fault| fault.in_force(slot));
        there.filter_map(|fault| share(fault.fault)).fold(0.0, f64::max)
    }

    fn block(&self, slot: u64) -> Option<f64> {
        let network = &self.scenario.network;
        let missed =
            self.fault(slot, |ill| if let Ill::MissedBlocks(share) = ill { Some(share) } else { None });
        if self.dice.chance(missed.max(network.missed_blocks), Of::BlockMissed, &[slot]) {
            return None;
        }
        let scale = self.slot_ms / 12_000.0;
        let late = self.fault(slot, |ill| if let Ill::LateBlocks(share) = ill { Some(share) } else { None });
        let time = if self.dice.chance(late.max(network.late_blocks), Of::BlockLate, &[slot]) {
            self.slot_ms / 3.0 + self.dice.around(900.0, 0.6, Of::LateBlockTime, &[slot]) * scale
        } else {
            self.dice.around(1_100.0, 0.35, Of::BlockTime, &[slot]) * scale
        };
        Some(time.min(self.slot_ms * 0.9))
    }

    fn base(&self, slot: u64) -> f64 {
        let network = &self.scenario.network;
        let way = slot as f64 / self.scenario.slots as f64;
        let base = network.base + (network.base_to.unwrap_or(network.base) - network.base) * way;
        let wobble = 0.6 + 0.8 * self.dice.unit(Of::Wobble, &[slot / 5]);
        let losses = self.fault(slot, |ill| if let Ill::Losses(share) = ill { Some(share) } else { None });
        (base * wobble + losses).min(0.95)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sky(rest: &str) -> Sky {
        let scenario = Scenario::parse("x", &format!("story: s\nslots: 4000\n{rest}")).unwrap();
        Sky::new(&scenario, Dice(3))
    }

    #[test]
    fn blocks_are_late_and_missed_as_often_as_said() {
        let sky = sky("network: { late-blocks: 0.2, missed-blocks: 0.1 }");
        let blocks: Vec<_> = (0..4_000).map(|slot| sky.block(slot)).collect();
        let missed = blocks.iter().filter(|block| block.is_none()).count();
        let late = blocks.iter().flatten().filter(|at| **at > sky.due_ms).count();
        assert!((320..480).contains(&missed) && (600..840).contains(&late), "{missed} {late}");
    }

    #[test]
    fn what_comes_after_the_aggregators_is_late_or_lost_and_the_base_is_the_base() {
        let sky = sky("network: { base: 0.02, missed-blocks: 0 }");
        let count = |at: f64| {
            let all = (0..100).flat_map(|slot| (0..100).map(move |validator| (slot, validator)));
            let mut sums = (0, 0);
            for (slot, validator) in all {
                match sky.included(slot, validator % COMMITTEES, validator, at) {
                    None => sums.0 += 1,
                    Some(block) if Some(block) != sky.next_block(slot) => sums.1 += 1,
                    Some(_) => {}
                }
            }
            sums
        };
        let (missed, late) = count(4_500.0);
        assert!((100..350).contains(&missed) && (50..500).contains(&late), "{missed} {late}");
        let (missed, late) = count(9_000.0);
        assert!(missed > 3_500 && missed + late == 10_000, "{missed} {late}");
    }
}
