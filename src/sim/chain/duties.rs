//! Who proposes, who attests where, who sits in the sync committee and in payload timeliness committees.

use std::collections::HashMap;

use super::ChainConfig;
use super::mix::{shuffled, word};
use crate::model::{Epoch, Slot, ValidatorIndex};

/// `SYNC_COMMITTEE_SIZE` of the mainnet preset.
pub(crate) const SYNC_COMMITTEE: usize = 512;
/// `PTC_SIZE` of the mainnet preset.
pub(crate) const PAYLOAD_COMMITTEE: usize = 512;
/// `SYNC_COMMITTEE_SUBNET_COUNT`.
pub(crate) const SYNC_SUBNETS: usize = 4;
/// `EPOCHS_PER_SYNC_COMMITTEE_PERIOD` of the mainnet preset.
pub(crate) const SYNC_PERIOD: u64 = 256;
/// Distinct validators a sync committee is filled with at most, so that small simulations stay small.
const SYNC_MEMBERS: u64 = 32;

/// Where a validator attests in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its slot.
    pub(crate) slot: Slot,
    /// Index of its committee in the slot.
    pub(crate) committee: u64,
    /// Its position in the committee.
    pub(crate) position: u64,
    /// Members of the committee.
    pub(crate) length: u64,
}

/// All duties of an epoch.
#[derive(Debug)]
pub(crate) struct EpochDuties {
    /// Proposer of each slot.
    pub(crate) proposers: Vec<ValidatorIndex>,
    /// Committees of each slot, members of each.
    pub(crate) committees: Vec<Vec<Vec<ValidatorIndex>>>,
    places: HashMap<ValidatorIndex, Place>,
}

impl EpochDuties {
    /// Shuffles all validators into the committees of the epoch: each attests exactly once.
    pub(crate) fn compute(config: &ChainConfig, epoch: Epoch) -> Self {
        let slots = config.slots_per_epoch;
        let per_slot = config.committees_per_slot();
        let order = shuffled(&[config.seed, epoch.0, 0xa77e], config.validators);
        let count = slots * per_slot;
        let mut places = HashMap::new();
        let mut committees = Vec::new();
        for in_epoch in 0..slots {
            let mut of_slot = Vec::new();
            for committee in 0..per_slot {
                let k = in_epoch * per_slot + committee;
                let (from, to) = (k * config.validators / count, (k + 1) * config.validators / count);
                let members: Vec<_> =
                    order[from as usize..to as usize].iter().map(|v| ValidatorIndex(*v)).collect();
                let slot = Slot(config.first_slot(epoch).0 + in_epoch);
                for (position, member) in members.iter().enumerate() {
                    let place =
                        Place { slot, committee, position: position as u64, length: members.len() as u64 };
                    places.insert(*member, place);
                }
                of_slot.push(members);
            }
            committees.push(of_slot);
        }
        let proposers = (0..slots)
            .map(|slot| {
                ValidatorIndex(word(&[config.seed, epoch.0, slot, 0xb10c]) % config.validators.max(1))
            })
            .collect();
        Self { proposers, committees, places }
    }

    /// Where a validator attests.
    pub(crate) fn place(&self, validator: ValidatorIndex) -> Option<Place> {
        self.places.get(&validator).copied()
    }
}

/// The sync committee of an epoch's period: validator at each of the 512 positions.
pub(crate) fn sync_committee(config: &ChainConfig, epoch: Epoch) -> Vec<ValidatorIndex> {
    let order = shuffled(&[config.seed, epoch.0 / SYNC_PERIOD, 0x5ca1], config.validators);
    let members = config.validators.clamp(1, SYNC_MEMBERS) as usize;
    (0..SYNC_COMMITTEE)
        .filter_map(|i| order.get(i % members))
        .map(|validator| ValidatorIndex(*validator))
        .collect()
}

/// The payload timeliness committee of a slot (Gloas): validator at each of the 512 places, out of the slot's committees.
pub(crate) fn payload_committee(of_slot: &[Vec<ValidatorIndex>]) -> Vec<ValidatorIndex> {
    let members: Vec<ValidatorIndex> = of_slot.concat();
    members.iter().copied().cycle().take(if members.is_empty() { 0 } else { PAYLOAD_COMMITTEE }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Due;
    use super::*;
    use crate::model::UnixMs;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_validator_attests_exactly_once_an_epoch(
            seed: u64, validators in 1_u64..300, slots_per_epoch in 1_u64..40, epoch in 0_u64..1000,
        ) {
            let config = ChainConfig {
                name: "t".into(), seed, genesis: UnixMs(0), slot_ms: 200, slots_per_epoch, validators,
                due: Due::default(), auto_blocks_ms: None, missed: [].into(), gossip_ms: 0, builder: false,
            };
            let duties = EpochDuties::compute(&config, Epoch(epoch));
            let mut seen: Vec<u64> =
                duties.committees.iter().flatten().flatten().map(|v| v.0).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..validators).collect::<Vec<_>>());
            for v in 0..validators {
                let place = duties.place(ValidatorIndex(v)).unwrap();
                let in_epoch = (place.slot.0 - epoch * slots_per_epoch) as usize;
                let committee = &duties.committees[in_epoch][place.committee as usize];
                prop_assert_eq!(committee[place.position as usize], ValidatorIndex(v));
                prop_assert_eq!(committee.len() as u64, place.length);
            }
            prop_assert_eq!(sync_committee(&config, Epoch(epoch)).len(), SYNC_COMMITTEE);
            prop_assert_eq!(config.validator_of(&config.pubkey(ValidatorIndex(0))), Some(ValidatorIndex(0)));
        }
    }
}
