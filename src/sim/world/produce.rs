//! What a beacon makes for validator clients to sign, from its own view.

use super::super::chain;
use super::super::wire::{Aggregate, AttestationData, BlockWire};
use super::node::subcommittee_places;
use super::{NOBODYS_ADDRESS, World};
use crate::model::{Epoch, Root, Slot};

impl World {
    /// Last block before the first slot of an epoch, on a branch: what the next duties depend on.
    pub(crate) fn dependent_root(&self, head: Root, epoch: Epoch) -> Root {
        match self.config.first_slot(epoch).0.checked_sub(1) {
            Some(slot) => self.tree.at_or_before(head, Slot(slot)).root,
            None => self.tree.genesis(),
        }
    }

    /// A checkpoint on a branch; the zero root for epoch 0, as in the genesis state.
    pub(crate) fn checkpoint(&self, head: Root, epoch: Epoch) -> (Epoch, Root) {
        if epoch.0 == 0 {
            return (epoch, Root::default());
        }
        (epoch, self.tree.at_or_before(head, self.config.first_slot(epoch)).root)
    }

    /// The justified checkpoint of a branch as seen in `epoch`: the epoch before, or, of a branch that ended earlier,
    /// the last epoch that got two thirds of its blocks.
    pub(crate) fn justified(&self, head: Root, epoch: Epoch) -> (Epoch, Root) {
        let slot = self.tree.slot(head);
        let last = self.config.epoch_of(slot);
        let justified = if epoch <= last {
            epoch.0.saturating_sub(1)
        } else {
            let filled = slot.0 % self.config.slots_per_epoch.max(1) + 1;
            if filled * 3 >= self.config.slots_per_epoch * 2 { last.0 } else { last.0.saturating_sub(1) }
        };
        self.checkpoint(head, Epoch(justified))
    }

    /// The finalized checkpoint: the one before the justified.
    pub(crate) fn finalized(&self, head: Root, epoch: Epoch) -> (Epoch, Root) {
        let (justified, _) = self.justified(head, epoch);
        self.checkpoint(head, Epoch(justified.0.saturating_sub(1)))
    }

    /// What a beacon says should be attested in a slot.
    pub(crate) fn attestation_data(&self, node: usize, slot: Slot) -> AttestationData {
        let head = self.tree.at_or_before(self.nodes[node].head, slot).root;
        let epoch = self.config.epoch_of(slot);
        let target = self.tree.at_or_before(head, self.config.first_slot(epoch)).root;
        AttestationData { slot, head, source: self.justified(head, epoch), target: (epoch, target) }
    }

    /// A beacon's aggregate for a committee: none unless it was told to aggregate for it and has votes.
    pub(crate) fn aggregate(
        &mut self,
        node: usize,
        slot: Slot,
        committee: u64,
        root: Root,
    ) -> Option<Aggregate> {
        let duties = self.duties(self.config.epoch_of(slot));
        let in_epoch = (slot.0 % self.config.slots_per_epoch.max(1)) as usize;
        let members = duties.committees.get(in_epoch)?.get(committee as usize)?.len() as u64;
        self.nodes[node].memory.first("aggregate");
        let memory = &self.nodes[node].memory;
        if !memory.aggregator.contains(&(slot, committee)) {
            return None;
        }
        let votes = memory.pool.get(&(slot, committee, root))?;
        let bits = (0..members).map(|position| votes.positions.contains(&position)).collect();
        Some(Aggregate { data: votes.data, committee, bits })
    }

    /// A beacon's contribution: the 128 bits of a subcommittee. None unless it is subscribed and has messages.
    pub(crate) fn contribution(
        &self,
        node: usize,
        slot: Slot,
        subcommittee: u64,
        root: Root,
    ) -> Option<[u8; 16]> {
        let epoch = self.config.epoch_of(slot);
        let memory = &self.nodes[node].memory;
        memory.sync_subnets.get(&subcommittee).filter(|until| **until > epoch)?;
        let voters = memory.sync_pool.get(&(slot, root))?;
        let committee = self.sync_committee(epoch);
        let mut bits = [0_u8; 16];
        for voter in voters {
            for (of, position) in subcommittee_places(&committee, *voter) {
                if of == subcommittee {
                    bits[position / 8] |= 1 << (position % 8);
                }
            }
        }
        (bits != [0; 16]).then_some(bits)
    }

    /// Makes a block upon a beacon's head; each call makes another. Blinded when a builder is known for the proposer.
    pub(crate) fn produce(&mut self, node: usize, slot: Slot) -> (BlockWire, bool) {
        self.productions += 1;
        let duties = self.duties(self.config.epoch_of(slot));
        let in_epoch = (slot.0 % self.config.slots_per_epoch.max(1)) as usize;
        let proposer = duties.proposers[in_epoch];
        let before = Slot(slot.0.saturating_sub(1));
        let parent = self.tree.at_or_before(self.nodes[node].head, before).root;
        self.nodes[node].memory.first("block");
        let memory = &self.nodes[node].memory;
        let wire = BlockWire {
            slot,
            proposer,
            parent,
            state: chain::root(&[self.config.seed, slot.0, node as u64, self.productions]),
            fee_recipient: memory.preparations.get(&proposer).copied().unwrap_or(NOBODYS_ADDRESS),
        };
        let blinded = self.config.builder && memory.registrations.contains(&proposer);
        self.nodes[node].memory.produced.insert(wire.state, (wire, blinded));
        (wire, blinded)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Link;
    use super::*;
    use crate::model::{UnixMs, ValidatorIndex};
    use crate::sim::wire::SingleAttestation;

    const NOW: UnixMs = UnixMs(20 * 1000 + 500);

    fn world() -> World {
        World::of_two(Slot(18))
    }

    /// All members of a committee of slot 20 vote for what the first beacon says.
    fn votes(world: &mut World) -> (AttestationData, Vec<SingleAttestation>) {
        let data = world.attestation_data(0, Slot(20));
        let members = world.duties(Epoch(2)).committees[4][1].clone();
        let vote = |attester| SingleAttestation { committee: 1, attester, data };
        (data, members.into_iter().map(vote).collect())
    }

    #[test]
    fn an_aggregate_needs_the_subscription_the_votes_and_the_memory() {
        let mut world = world();
        let (data, votes) = votes(&mut world);
        assert_eq!(world.submit_attestations(0, &votes[..3], NOW), vec![]);
        let ask = |world: &mut World, node| world.aggregate(node, Slot(20), 1, data.root());
        assert_eq!(ask(&mut world, 0), None);
        for node in [0, 1] {
            world.nodes[node].memory.aggregator.insert((Slot(20), 1));
        }
        let found = ask(&mut world, 0).unwrap();
        assert_eq!((found.data, found.bits), (data, vec![true, true, true, false]));
        // The other beacon hears of it after the gossip delay.
        world.advance(1, UnixMs(NOW.0 + 49));
        assert_eq!(ask(&mut world, 1), None);
        world.advance(1, UnixMs(NOW.0 + 50));
        assert!(ask(&mut world, 1).is_some());
        world.nodes[0].reborn(UnixMs(0));
        world.nodes[0].memory.aggregator.insert((Slot(20), 1));
        assert_eq!(ask(&mut world, 0), None);
    }

    #[test]
    fn a_report_tells_every_kind_of_loss_apart() {
        let mut world = world();
        let (data, votes) = votes(&mut world);
        let later = UnixMs(24 * 1000);
        world.submit_attestations(0, &votes[..1], UnixMs(20_100));
        world.submit_attestations(1, &votes[..1], UnixMs(20_200));
        world.submit_attestations(0, &votes[1..2], UnixMs(20_900));
        let old = world.tree.at_or_before(data.head, Slot(17)).root;
        let wrong = SingleAttestation { data: AttestationData { head: old, ..data }, ..votes[2] };
        world.submit_attestations(0, &[wrong], UnixMs(20_100));
        world.submit_attestations(0, &votes[2..3], UnixMs(20_100));
        world.link(1, Link::Cut, NOW);
        world.submit_attestations(1, &votes[3..4], UnixMs(20_100));
        world.tick(later);
        let report = world.report(Epoch(2), later);
        assert_eq!(
            (report.due, report.missed),
            (64, 64 - 3),
            "the epoch is over, one vote was given to a lone beacon"
        );
        assert_eq!((report.late, report.duplicates), (1, 1));
        assert_eq!((report.wrong_head, report.double_votes), (1, 1));
        assert!(report.missed_by.contains(&votes[3].attester));
        assert_eq!(
            (report.proposals_due, report.proposals_missed),
            (8, 8),
            "blocks that come by themselves are nobody's"
        );
    }

    #[test]
    fn a_missed_slot_has_no_block_and_a_fork_ends_where_it_began() {
        let mut world = world();
        let main = world.main_head();
        assert_eq!(world.tree.at_or_before(main, Slot(18)).slot, Slot(17));
        world.advance(1, UnixMs(NOW.0 + 100));
        world.link(1, Link::Fork, NOW);
        world.tick(UnixMs(23_500));
        let (here, there) = (world.nodes[0].head, world.nodes[1].head);
        assert_eq!((world.tree.slot(here), world.tree.slot(there)), (Slot(23), Slot(23)));
        assert_ne!(here, there);
        assert_eq!(world.common(here, there), Slot(20));
        let stray = SingleAttestation {
            committee: 0,
            attester: ValidatorIndex(0),
            data: world.attestation_data(1, Slot(23)),
        };
        let duties = world.duties(Epoch(2));
        let member = duties.committees[7][0][0];
        let stray = SingleAttestation { attester: member, ..stray };
        let refused = world.submit_attestations(0, &[stray], UnixMs(23_600));
        assert!(refused[0].1.message.contains("UnknownHeadBlock"), "{refused:?}");
        world.link(1, Link::Main, UnixMs(23_600));
        assert_eq!(world.nodes[1].head, world.main_head());
    }
}
