//! Whose duties are when, and when a client asks and signs. Clients differ in size and habit, and a client that is
//! busy is late with all its duties of the slot.

use super::dice::{Dice, Of};
use super::effects::Effects;
use super::sky::{COMMITTEES, Sky};
use crate::sim::scenario::FleetPlan;

/// A validator client.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// Its place in the fleet.
    pub(super) place: usize,
    /// Place of the beacon it prefers.
    pub(super) home: usize,
    /// It asks when it hears of a block, not only at the due point.
    hears: bool,
    /// It asks once per committee, not once per slot.
    by_committee: bool,
    first: u32,
    validators: u32,
}

/// Duties that are asked for at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    /// What draws for it depend on, besides the slot.
    pub(super) key: u64,
    /// Committee and validator of each.
    pub(super) duties: Vec<(u64, u64)>,
}

/// The clients of a fleet: validators are shared out unevenly.
pub(super) fn clients(fleet: &FleetPlan, dice: Dice) -> Vec<Client> {
    let weight = |place: usize| 0.4 + 1.6 * dice.unit(Of::ClientSize, &[place as u64]);
    let all: f64 = (0..fleet.clients).map(weight).sum();
    let (mut first, mut passed) = (0, 0.0);
    (0..fleet.clients)
        .map(|place| {
            passed += weight(place);
            let end = (f64::from(fleet.validators) * passed / all).round() as u32;
            let habit = dice.word(Of::ClientKind, &[place as u64]);
            let client = Client {
                place,
                home: place % fleet.beacons,
                hears: !habit.is_multiple_of(3),
                by_committee: (habit >> 8).is_multiple_of(2),
                first,
                validators: end - first,
            };
            first = end;
            client
        })
        .collect()
}

impl Client {
    /// Its duties of every slot of an epoch: slot of the epoch to validators.
    pub(super) fn epoch(&self, epoch: u64, slots_per_epoch: u64, dice: Dice) -> Vec<Vec<u64>> {
        let mut slots = vec![Vec::new(); slots_per_epoch as usize];
        for validator in self.first..self.first + self.validators {
            let slot = dice.word(Of::DutySlot, &[epoch, u64::from(validator)]) % slots_per_epoch;
            slots[slot as usize].push(u64::from(validator));
        }
        slots
    }

    /// Its duties of a slot as it asks for them.
    pub(super) fn bundles(&self, slot: u64, validators: &[u64], dice: Dice) -> Vec<Bundle> {
        let mut duties: Vec<(u64, u64)> = validators
            .iter()
            .map(|validator| (dice.word(Of::Committee, &[slot, *validator]) % COMMITTEES, *validator))
            .collect();
        let key = |committee: u64| (self.place as u64) << 8 | committee;
        if !self.by_committee {
            return if duties.is_empty() { Vec::new() } else { vec![Bundle { key: key(0xff), duties }] };
        }
        duties.sort_unstable();
        let committees = duties.chunk_by(|a, b| a.0 == b.0);
        committees.map(|of| Bundle { key: key(of[0].0), duties: of.to_vec() }).collect()
    }

    /// When it asks for data, in milliseconds since the recording's start; `heard` is when it is told of the block.
    pub(super) fn asks(
        &self,
        slot: u64,
        heard: Option<f64>,
        effects: &Effects,
        sky: &Sky,
        dice: Dice,
    ) -> f64 {
        let start = slot as f64 * sky.slot_ms;
        let key = [slot, self.place as u64];
        // Its clock says when the slot begins and when the duty is due.
        let (begins, due) = (start - effects.clock, start + sky.due_ms - effects.clock);
        let moved = heard.filter(|_| self.hears).map_or(due, |at| at.max(begins).min(due));
        let jitter = dice.around(12.0, 0.8, Of::AskJitter, &key);
        let busy = if dice.chance(0.02, Of::Stall, &key) {
            dice.around(500.0, 0.8, Of::StallTime, &key)
        } else {
            0.0
        };
        effects.awake(dice, 1_000 + self.place as u64, moved + jitter + busy)
    }

    /// When it has signed what it was given at `at`.
    pub(super) fn signs(&self, slot: u64, at: f64, duties: usize, effects: &Effects, dice: Dice) -> f64 {
        let work = dice.around(45.0, 0.5, Of::Sign, &[slot, self.place as u64]) + 0.4 * duties as f64;
        effects.awake(dice, 1_000 + self.place as u64, at + work + effects.sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_validator_has_one_duty_an_epoch_and_clients_differ() {
        let fleet = FleetPlan { clients: 7, validators: 500, ..FleetPlan::default() };
        let all = clients(&fleet, Dice(4));
        let mut seen: Vec<u64> =
            all.iter().flat_map(|client| client.epoch(3, 32, Dice(4)).concat()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..500).collect::<Vec<u64>>());
        assert!(
            all.iter().any(|client| client.by_committee) && all.iter().any(|client| !client.by_committee)
        );
        let sizes: Vec<u32> = all.iter().map(|client| client.validators).collect();
        assert!(sizes.iter().max().unwrap() > &(sizes.iter().min().unwrap() * 3 / 2), "{sizes:?}");
    }

    #[test]
    fn bundles_hold_every_duty_once() {
        let fleet = FleetPlan::default();
        for client in clients(&fleet, Dice(4)) {
            let validators: Vec<u64> = (0..90).collect();
            let bundles = client.bundles(5, &validators, Dice(4));
            let mut held: Vec<u64> = bundles.iter().flat_map(|b| b.duties.iter().map(|d| d.1)).collect();
            held.sort_unstable();
            assert_eq!(held, validators);
            assert_eq!(bundles.len() > 1, client.by_committee);
        }
    }
}
