//! What validator clients submit: checked as a beacon would, recorded as truth, sent on its way.

use super::super::chain::{AttestationSeen, Block, Proposal, SyncSeen};
use super::super::wire::{AttestationData, BlockWire, SingleAttestation};
use super::{Item, MAIN, World};
use crate::model::{Epoch, Root, Slot, UnixMs, ValidatorIndex};

/// A sync committee message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SyncMessage {
    /// Its slot.
    pub(crate) slot: Slot,
    /// The block it votes for.
    pub(crate) root: Root,
    /// Who votes.
    pub(crate) validator: ValidatorIndex,
}

/// Why a beacon did not take something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// What it says.
    pub(crate) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl World {
    /// Whether a beacon has a block.
    pub(super) fn knows(&self, node: usize, root: Root) -> bool {
        let node = &self.nodes[node];
        node.known.contains(&root) || self.tree.descends(node.head, root)
    }

    /// The slot is neither ahead of the clock by more than one nor older than an epoch.
    pub(super) fn timely(&self, slot: Slot, now: UnixMs) -> Result<(), Refusal> {
        let current = self.config.slot_at(now).ok_or_else(|| Refusal::new(400, "before genesis"))?;
        if slot.0 > current.0 + 1 {
            return Err(Refusal::new(400, format!("slot {slot} is in the future, it is {current}")));
        }
        if slot.0 + 2 * self.config.slots_per_epoch < current.0 {
            return Err(Refusal::new(400, format!("slot {slot} is too old, it is {current}")));
        }
        Ok(())
    }

    /// Takes single attestations; answers which were refused, by place in the list.
    pub(crate) fn submit_attestations(
        &mut self,
        node: usize,
        votes: &[SingleAttestation],
        now: UnixMs,
    ) -> Vec<(usize, Refusal)> {
        let (mut refused, mut taken) = (Vec::new(), Vec::new());
        for (i, vote) in votes.iter().enumerate() {
            match self.check_attestation(node, vote, now) {
                Ok(()) => taken.push(*vote),
                Err(refusal) => refused.push((i, refusal)),
            }
        }
        let reached = self.nodes[node].net == MAIN;
        for vote in &taken {
            let seen = AttestationSeen { data: vote.data, at: now, via: node, reached };
            self.ledger
                .attestations
                .entry(vote.data.target.0)
                .or_default()
                .entry(vote.attester)
                .or_default()
                .push(seen);
        }
        if !taken.is_empty() {
            self.gossip(node, now, Item::Votes(taken.into()));
        }
        refused
    }

    fn check_attestation(
        &mut self,
        node: usize,
        vote: &SingleAttestation,
        now: UnixMs,
    ) -> Result<(), Refusal> {
        let AttestationData { slot, head, target, .. } = vote.data;
        self.timely(slot, now)?;
        let epoch = self.config.epoch_of(slot);
        if target.0 != epoch {
            return Err(Refusal::new(400, format!("target epoch {} is not that of slot {slot}", target.0)));
        }
        let place = self.duties(epoch).place(vote.attester);
        if !place.is_some_and(|place| place.slot == slot && place.committee == vote.committee) {
            return Err(Refusal::new(400, format!("validator {} is not in that committee", vote.attester)));
        }
        if !self.knows(node, head) {
            return Err(Refusal::new(400, format!("UnknownHeadBlock {{ beacon_block_root: {head} }}")));
        }
        Ok(())
    }

    /// Takes an aggregate.
    pub(crate) fn submit_aggregate(
        &mut self,
        node: usize,
        (data, committee, votes): (AttestationData, u64, u64),
        now: UnixMs,
    ) -> Result<(), Refusal> {
        self.timely(data.slot, now)?;
        if !self.knows(node, data.head) {
            return Err(Refusal::new(
                400,
                format!("UnknownHeadBlock {{ beacon_block_root: {} }}", data.head),
            ));
        }
        if self.nodes[node].net == MAIN {
            let best = self.ledger.aggregates.entry(data.slot).or_default().entry(committee).or_default();
            *best = votes.max(*best);
        }
        Ok(())
    }

    /// Takes sync committee messages; answers which were refused, by place in the list.
    pub(crate) fn submit_sync(
        &mut self,
        node: usize,
        messages: &[SyncMessage],
        now: UnixMs,
    ) -> Vec<(usize, Refusal)> {
        let (mut refused, mut taken) = (Vec::new(), Vec::new());
        let reached = self.nodes[node].net == MAIN;
        for (i, message) in messages.iter().enumerate() {
            let epoch = self.config.epoch_of(message.slot);
            let checked = self.timely(message.slot, now).and_then(|()| {
                if self.sync_committee(epoch).contains(&message.validator) {
                    Ok(())
                } else {
                    Err(Refusal::new(400, format!("validator {} is not in the committee", message.validator)))
                }
            });
            if let Err(refusal) = checked {
                refused.push((i, refusal));
                continue;
            }
            taken.push(*message);
            let of_slot = self.ledger.sync.entry(message.slot).or_default();
            let seen = of_slot.entry(message.validator).or_insert(SyncSeen { root: message.root, reached });
            if reached && !seen.reached {
                *seen = SyncSeen { root: message.root, reached };
            }
        }
        if !taken.is_empty() {
            self.gossip(node, now, Item::Sync(taken.into()));
        }
        refused
    }

    /// Takes a contribution with so many votes.
    pub(crate) fn submit_contribution(
        &mut self,
        node: usize,
        (slot, subcommittee, votes): (Slot, u64, u64),
        now: UnixMs,
    ) -> Result<(), Refusal> {
        self.timely(slot, now)?;
        if self.nodes[node].net == MAIN {
            let best = self.ledger.contributions.entry(slot).or_default().entry(subcommittee).or_default();
            *best = votes.max(*best);
        }
        Ok(())
    }

    /// Takes a block.
    pub(crate) fn submit_block(
        &mut self,
        node: usize,
        wire: &BlockWire,
        blinded: bool,
        now: UnixMs,
    ) -> Result<(), Refusal> {
        self.check_block(node, wire, blinded, now)?;
        let root = wire.block_root();
        let reached = self.nodes[node].net == MAIN;
        let proposals = self.ledger.proposals.entry(wire.slot).or_default();
        let other = proposals.iter().any(|known| known.root != root);
        match proposals.iter_mut().find(|known| known.root == root) {
            Some(known) => known.reached |= reached && !other,
            None => proposals.push(Proposal {
                proposer: wire.proposer,
                root,
                at: now,
                reached: reached && !other,
                fee_recipient: wire.fee_recipient,
                blinded,
            }),
        }
        if other {
            return Err(Refusal::new(400, format!("a second block of slot {}: equivocation", wire.slot)));
        }
        let net = self.nodes[node].net;
        let known = self.nets[net].blocks.contains(&root);
        if !known {
            let BlockWire { slot, proposer, parent, state, .. } = *wire;
            self.publish(net, Block { slot, proposer, parent, state, root, at: now });
        }
        self.import(node, &Item::Block(root));
        Ok(())
    }

    fn check_block(
        &mut self,
        node: usize,
        wire: &BlockWire,
        blinded: bool,
        now: UnixMs,
    ) -> Result<(), Refusal> {
        self.timely(wire.slot, now)?;
        let in_epoch = (wire.slot.0 % self.config.slots_per_epoch.max(1)) as usize;
        let duties = self.duties(self.config.epoch_of(wire.slot));
        if duties.proposers.get(in_epoch) != Some(&wire.proposer) {
            return Err(Refusal::new(400, format!("{} does not propose slot {}", wire.proposer, wire.slot)));
        }
        let produced = self.nodes[node].memory.produced.get(&wire.state);
        if blinded && !produced.is_some_and(|(_, blinded)| *blinded) {
            return Err(Refusal::new(500, "cannot unblind: this beacon did not produce the block"));
        }
        if !self.knows(node, wire.parent) {
            return Err(Refusal::new(400, format!("ParentUnknown {{ parent_root: {} }}", wire.parent)));
        }
        if self.tree.slot(wire.parent) >= wire.slot {
            return Err(Refusal::new(400, "the block is not later than its parent"));
        }
        Ok(())
    }

    /// Takes the payload of a block; without its blobs it can be sent on by the beacon that made it only.
    pub(crate) fn submit_envelope(
        &mut self,
        node: usize,
        slot: Slot,
        root: Root,
        with_blobs: bool,
        now: UnixMs,
    ) -> Result<(), Refusal> {
        self.timely(slot, now)?;
        let made = self.nodes[node].memory.produced.values().any(|(wire, _)| wire.block_root() == root);
        if !made && !with_blobs {
            return Err(Refusal::new(400, "the blobs of this payload are not here"));
        }
        let known =
            self.ledger.proposals.get(&slot).is_some_and(|all| all.iter().any(|one| one.root == root));
        if !known {
            return Err(Refusal::new(400, format!("no block {root} of slot {slot}")));
        }
        self.ledger.payloads.entry(slot).or_insert(node);
        Ok(())
    }

    /// Takes a voluntary exit.
    pub(crate) fn submit_exit(&mut self, validator: ValidatorIndex) -> Result<(), Refusal> {
        if validator.0 >= self.config.validators {
            return Err(Refusal::new(400, format!("no validator {validator}")));
        }
        if !self.ledger.exits.contains(&validator) {
            self.ledger.exits.push(validator);
        }
        Ok(())
    }

    /// Whether a beacon saw a validator attest in an epoch.
    pub(crate) fn live(&self, node: usize, epoch: Epoch, validator: ValidatorIndex) -> bool {
        self.nodes[node].memory.seen.get(&epoch).is_some_and(|seen| seen.contains(&validator))
    }
}
