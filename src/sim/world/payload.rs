//! Payload attestations (Gloas): who may send them, and what the block of the next slot includes of them.

use std::collections::BTreeMap;

use super::submit::Refusal;
use super::{MAIN, World};
use crate::model::{Root, Slot, UnixMs, ValidatorIndex};
use crate::sim::chain::{PayloadSeen, payload_committee};

/// A payload attestation message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadMessage {
    /// Its slot.
    pub(crate) slot: Slot,
    /// The block it is about.
    pub(crate) root: Root,
    /// Whether it says that the payload, and its blobs, were there in time.
    pub(crate) says: (bool, bool),
    /// Who attests.
    pub(crate) validator: ValidatorIndex,
}

impl World {
    /// The payload timeliness committee of a slot, validator by place.
    pub(crate) fn payload_committee(&mut self, slot: Slot) -> Vec<ValidatorIndex> {
        let duties = self.duties(self.config.epoch_of(slot));
        let place = (slot.0 % self.config.slots_per_epoch.max(1)) as usize;
        payload_committee(&duties.committees[place])
    }

    /// Takes payload attestation messages; answers which were refused, by place in the list.
    pub(crate) fn submit_payload_attestations(
        &mut self,
        node: usize,
        messages: &[PayloadMessage],
        now: UnixMs,
    ) -> Vec<(usize, Refusal)> {
        let (mut refused, reached) = (Vec::new(), self.nodes[node].net == MAIN);
        for (place, message) in messages.iter().enumerate() {
            if let Err(refusal) = self.check_payload_attestation(node, message, now) {
                refused.push((place, refusal));
                continue;
            }
            let of_slot = self.ledger.payload_votes.entry(message.slot).or_default();
            let seen = PayloadSeen { root: message.root, says: message.says, reached };
            let known = of_slot.entry(message.validator).or_insert(seen);
            // The first that comes is kept (gloas spec, p2p interface); one given to a lone beacon alone reached nobody.
            known.reached |= reached && known.says == message.says;
        }
        refused
    }

    fn check_payload_attestation(
        &mut self,
        node: usize,
        message: &PayloadMessage,
        now: UnixMs,
    ) -> Result<(), Refusal> {
        self.timely(message.slot, now)?;
        if !self.payload_committee(message.slot).contains(&message.validator) {
            return Err(Refusal::new(
                400,
                format!("validator {} is not in the committee", message.validator),
            ));
        }
        if !self.knows(node, message.root) || self.tree.slot(message.root) != message.slot {
            return Err(Refusal::new(400, format!("no block {} of slot {}", message.root, message.slot)));
        }
        Ok(())
    }

    /// What a block includes: what was said of its parent's payload, if that is the block of the slot before, and who said
    /// it, bit by place.
    pub(crate) fn payload_votes(&mut self, root: Root) -> Vec<((bool, bool), [u8; 64])> {
        let Some(block) = self.tree.get(root).cloned() else { return Vec::new() };
        let slot = self.tree.slot(block.parent);
        let Some(messages) = self.ledger.payload_votes.get(&slot).filter(|_| slot.0 + 1 == block.slot.0)
        else {
            return Vec::new();
        };
        let messages = messages.clone();
        let mut votes: BTreeMap<(bool, bool), [u8; 64]> = BTreeMap::new();
        for (place, member) in self.payload_committee(slot).iter().enumerate() {
            let seen = messages.get(member).filter(|seen| seen.reached && seen.root == block.parent);
            if let Some(seen) = seen {
                votes.entry(seen.says).or_insert([0; 64])[place / 8] |= 1 << (place % 8);
            }
        }
        votes.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Link;
    use super::*;

    #[test]
    fn the_next_block_includes_what_the_committee_said_of_its_parent() {
        let mut world = World::of_two(Slot(22));
        let (head, committee) = (world.main_head(), world.payload_committee(Slot(20)));
        let says = |place: usize, present: bool| PayloadMessage {
            slot: Slot(20),
            root: head,
            says: (present, present),
            validator: committee[place],
        };
        let stranger = ValidatorIndex((0..64).find(|of| !committee.contains(&ValidatorIndex(*of))).unwrap());
        let sent = [says(0, true), says(1, false), PayloadMessage { validator: stranger, ..says(0, true) }];
        let refused = world.submit_payload_attestations(0, &sent, UnixMs(20_800));
        assert_eq!(refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [2]);
        world.link(1, Link::Cut, UnixMs(20_800));
        assert!(world.submit_payload_attestations(1, &[says(2, true)], UnixMs(20_800)).is_empty());
        world.tick(UnixMs(23_500));
        let tip = world.main_head();
        let mut of = |slot: u64| {
            let root = world.tree.at_or_before(tip, Slot(slot)).root;
            let places = |bits: &[u8; 64]| {
                (0..8).filter(|place| bits[place / 8] >> (place % 8) & 1 == 1).collect::<Vec<_>>()
            };
            let all = world.payload_votes(root);
            all.iter().map(|((present, _), bits)| (*present, places(bits))).collect::<Vec<_>>()
        };
        assert_eq!(of(21), [(false, vec![1]), (true, vec![0])], "a lone beacon's is in none");
        assert!(of(20).is_empty() && of(23).is_empty(), "no other block can");
    }
}
