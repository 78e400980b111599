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
