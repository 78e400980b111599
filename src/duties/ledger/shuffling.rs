//! The committees of an epoch, flat: who sits where.

use crate::model::{Epoch, Slot, ValidatorIndex};

/// Most committees of one slot (consensus spec, `MAX_COMMITTEES_PER_SLOT`).
const MAX_COMMITTEES: usize = 64;

/// One committee as a beacon tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee {
    /// The slot it attests in.
    pub slot: Slot,
    /// Its index within the slot.
    pub index: u64,
    /// Its members in order.
    pub members: Vec<ValidatorIndex>,
}

/// Committees that are none of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitteesError {
    /// A committee of a slot outside the epoch.
    #[error("a committee of slot {slot} is none of epoch {epoch}")]
    Outside {
        /// The committee's slot.
        slot: Slot,
        /// The epoch that was asked for.
        epoch: Epoch,
    },
    /// The committees of a slot are not those from index 0 on, once each.
    #[error("the committees of slot {slot} are not numbered from 0 on, at most 64")]
    Numbers {
        /// The slot.
        slot: Slot,
    },
    /// An index that no registry reaches.
    #[error("validator {0} lies beyond every registry")]
    Index(ValidatorIndex),
}

/// Who sits where in an epoch.
#[derive(Debug)]
pub(super) struct Shuffling {
    first: Slot,
    /// By slot: where each committee starts in `members`, and where the last ends.
    starts: Vec<Vec<u32>>,
    members: Vec<u32>,
}

impl Shuffling {
    /// As told, or as one client tells it: Lodestar 1.5 has the place of the slot in its epoch for the index and the index for
    /// the slot (`getEpochCommittees` of its beacon node).
    pub(super) fn new(
        epoch: Epoch,
        slots_per_epoch: u64,
        committees: Vec<Committee>,
    ) -> Result<Self, CommitteesError> {
        let first = Slot(epoch.0.saturating_mul(slots_per_epoch));
        let is_whole = |told: &Result<Self, _>| {
            told.as_ref().is_ok_and(|told| told.starts.iter().all(|of_slot| of_slot.len() > 1))
        };
        let turn = |told: &Committee| Committee {
            slot: Slot(first.0.saturating_add(told.index)),
            index: told.slot.0,
            members: told.members.clone(),
        };
        let turned: Vec<Committee> = committees.iter().map(turn).collect();
        let told = Self::of(epoch, slots_per_epoch, committees);
        if is_whole(&told) {
            return told;
        }
        let turned = Self::of(epoch, slots_per_epoch, turned);
        if is_whole(&turned) { turned } else { told }
    }

    fn of(
        epoch: Epoch,
        slots_per_epoch: u64,
        mut committees: Vec<Committee>,
    ) -> Result<Self, CommitteesError> {
        let first = Slot(epoch.0.saturating_mul(slots_per_epoch));
        committees.sort_by_key(|committee| (committee.slot, committee.index));
        let mut starts: Vec<Vec<u32>> = vec![Vec::new(); slots_per_epoch as usize];
        let mut members = Vec::with_capacity(committees.iter().map(|one| one.members.len()).sum());
        for Committee { slot, index, members: list } in committees {
            let place = slot.0.checked_sub(first.0).and_then(|place| starts.get_mut(place as usize));
            let of_slot = place.ok_or(CommitteesError::Outside { slot, epoch })?;
            if index >= MAX_COMMITTEES as u64 || index as usize != of_slot.len().saturating_sub(1) {
                return Err(CommitteesError::Numbers { slot });
            }
            if of_slot.is_empty() {
                of_slot.push(members.len() as u32);
            }
            for member in list {
                members.push(u32::try_from(member.0).map_err(|_| CommitteesError::Index(member))?);
            }
            of_slot.push(members.len() as u32);
        }
        Ok(Self { first, starts, members })
    }

    /// How many sit in any committee: everybody who is active.
    pub(super) fn members(&self) -> usize {
        self.members.len()
    }

    /// At most so many of them.
    pub(super) fn first(&self, most: usize) -> &[u32] {
        &self.members[..most.min(self.members.len())]
    }

    fn starts(&self, slot: Slot) -> &[u32] {
        let place = slot.0.checked_sub(self.first.0);
        place.and_then(|place| self.starts.get(place as usize)).map_or(&[], Vec::as_slice)
    }

    /// All members of a slot, committee by committee.
    pub(super) fn seats(&self, slot: Slot) -> &[u32] {
        match self.starts(slot) {
            [first, .., end] => &self.members[*first as usize..*end as usize],
            _ => &[],
        }
    }

    /// Places among [`Shuffling::seats`] of the members of these committees, in the order of their bits.
    pub(super) fn places(&self, slot: Slot, committees: u64) -> Option<Vec<std::ops::Range<usize>>> {
        let starts = self.starts(slot);
        let first = *starts.first()?;
        (0..MAX_COMMITTEES)
            .filter(|index| committees >> index & 1 == 1)
            .map(|index| {
                let (from, to) = (starts.get(index)?, starts.get(index + 1)?);
                Some((from - first) as usize..(to - first) as usize)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_and_index_that_changed_places_are_understood() {
        let committee = |slot, index, member| Committee {
            slot: Slot(slot),
            index,
            members: vec![ValidatorIndex(member), ValidatorIndex(member + 100)],
        };
        for epoch in [0, 3] {
            // Four slots of two committees: the member tells slot and committee.
            let right = |slot: u64, index: u64| committee(epoch * 4 + slot, index, slot * 10 + index);
            let turned = |slot: u64, index: u64| committee(index, slot, slot * 10 + index);
            let all = |of: &dyn Fn(u64, u64) -> Committee| -> Vec<Committee> {
                (0..4)
                    .flat_map(|slot| (0..2).map(move |index| (slot, index)))
                    .map(|(s, i)| of(s, i))
                    .collect()
            };
            let seats = |told: Vec<Committee>| {
                let told = Shuffling::new(Epoch(epoch), 4, told).unwrap();
                (0..4).map(|slot| told.seats(Slot(epoch * 4 + slot)).to_vec()).collect::<Vec<_>>()
            };
            assert_eq!(seats(all(&turned)), seats(all(&right)), "epoch {epoch}");
            assert_eq!(seats(all(&right))[2], [20, 120, 21, 121]);
        }
        let stray = Shuffling::new(Epoch(3), 4, vec![committee(40, 0, 1)]);
        assert!(matches!(stray, Err(CommitteesError::Outside { .. })));
    }
}
