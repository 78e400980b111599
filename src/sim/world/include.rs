//! What a block includes: the votes and sync messages that had reached the network when its slot began.

use std::collections::BTreeMap;

use super::World;
use crate::model::{Epoch, Root, Slot, UnixMs};
use crate::sim::wire::{Aggregate, AttestationData};

impl World {
    /// Votes that a block is the first of its branch to include: they came before its slot began, in one of the last two
    /// epochs, with the branch's target (deneb spec, `process_attestation`).
    pub(crate) fn included(&mut self, root: Root) -> Vec<Aggregate> {
        let Some(block) = self.tree.get(root).cloned() else { return Vec::new() };
        let before = self.tree.slot(block.parent);
        let epoch = self.config.epoch_of(block.slot);
        let first = Epoch(epoch.0.saturating_sub(1));
        let targets =
            [first, epoch].map(|of| (of, self.tree.at_or_before(root, self.config.first_slot(of)).root));
        let in_time = |slot: Slot, at: UnixMs, of: Slot| of < slot && at < self.config.slot_start(slot);
        let mut votes: Vec<(AttestationData, crate::model::ValidatorIndex)> = Vec::new();
        for (of, target) in targets {
            for (validator, seen) in self.ledger.attestations.get(&of).into_iter().flatten() {
                let counts = seen.iter().filter(|seen| seen.reached && seen.data.target.1 == target);
                let first = counts.min_by_key(|seen| seen.at);
                if let Some(seen) = first
                    && in_time(block.slot, seen.at, seen.data.slot)
                    && !in_time(before, seen.at, seen.data.slot)
                {
                    votes.push((seen.data, *validator));
                }
            }
        }
        let mut aggregates: BTreeMap<(Slot, u64, Root), Aggregate> = BTreeMap::new();
        for (data, validator) in votes {
            let duties = self.duties(self.config.epoch_of(data.slot));
            let Some(place) = duties.place(validator) else { continue };
            let key = (data.slot, place.committee, data.root());
            let aggregate = aggregates.entry(key).or_insert_with(|| Aggregate {
                data,
                committee: place.committee,
                bits: vec![false; place.length as usize],
            });
            aggregate.bits[place.position as usize] = true;
        }
        aggregates.into_values().collect()
    }

    /// Bits of the members of the sync committee whose message for the parent of a block reached the network.
    pub(crate) fn sync_bits(&self, root: Root) -> [u8; 64] {
        let mut bits = [0_u8; 64];
        let Some(block) = self.tree.get(root) else { return bits };
        let Some(slot) = block.slot.0.checked_sub(1).map(Slot) else { return bits };
        let Some(messages) = self.ledger.sync.get(&slot) else { return bits };
        let committee = self.sync_committee(self.config.epoch_of(block.slot));
        for (place, member) in committee.iter().enumerate().take(512) {
            let is_there = messages.get(member).is_some_and(|seen| seen.reached && seen.root == block.parent);
            bits[place / 8] |= u8::from(is_there) << (place % 8);
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::super::Link;
    use super::*;
    use crate::sim::wire::SingleAttestation;

    #[test]
    fn a_vote_is_in_the_first_block_after_it_came_and_in_no_other() {
        let mut world = World::of_two(Slot(21));
        let data = world.attestation_data(0, Slot(20));
        let members = world.duties(Epoch(2)).committees[4][1].clone();
        let vote = |place: usize| SingleAttestation { committee: 1, attester: members[place], data };
        world.submit_attestations(0, &[vote(0)], UnixMs(20_500));
        world.submit_attestations(0, &[vote(1)], UnixMs(22_100));
        world.link(1, Link::Cut, UnixMs(20_600));
        world.submit_attestations(1, &[vote(2)], UnixMs(20_700));
        world.tick(UnixMs(25_500));
        let head = world.main_head();
        let mut bits = |slot: u64| {
            let root = world.tree.at_or_before(head, Slot(slot)).root;
            let all = world.included(root);
            all.iter().filter(|of| of.data == data).map(|of| of.bits.clone()).collect::<Vec<_>>()
        };
        assert_eq!(bits(20), Vec::<Vec<bool>>::new());
        assert_eq!(bits(22), [[true, false, false, false]], "slot 21 has no block");
        assert_eq!(bits(23), [[false, true, false, false]]);
        assert_eq!(bits(24), Vec::<Vec<bool>>::new(), "a lone beacon's is in none");
    }
}
