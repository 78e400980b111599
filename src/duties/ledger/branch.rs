//! Blocks by root, and the branch of them that counts.
//!
//! The branch is never patched: after every change it is walked anew from the head, and what differs from before is
//! told. A reorg, a late block and a hole that is filled are one and the same thing to it.

use std::collections::{BTreeMap, HashMap};

use super::PayloadVotes;
use crate::model::{Root, Slot, ValidatorIndex};

/// Blocks kept at most, of all branches; the oldest beside the branch give way.
const MAX_BLOCKS: usize = 4_096;

/// Votes of one or several committees of one slot, as a block includes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Included {
    /// The slot voted in.
    pub slot: Slot,
    /// The committees, bit by index; one before Electra.
    pub committees: u64,
    /// One bit a member, committee by committee, without a delimiter.
    pub bits: Box<[u8]>,
    /// Members the bits are of.
    pub members: u32,
    /// Head vote.
    pub head: Root,
    /// Root of the target vote.
    pub target: Root,
}

impl Included {
    /// Whether the member at a place voted.
    pub fn has(&self, place: usize) -> bool {
        self.bits.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
    }
}

/// What the ledger needs of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its root.
    pub root: Root,
    /// Its slot.
    pub slot: Slot,
    /// Who proposed it.
    pub proposer: ValidatorIndex,
    /// The block it builds upon.
    pub parent: Root,
    /// Root of its state.
    pub state: Root,
    /// The votes it includes.
    pub votes: Vec<Included>,
    /// Bits of the sync committee, for the slot before; empty before Altair.
    pub sync: Box<[u8]>,
    /// Payload attestations for the slot before; none before Gloas.
    pub payload: Vec<PayloadVotes>,
}

/// All blocks, and those that count.
#[derive(Debug, Default)]
pub(super) struct Branch {
    blocks: HashMap<Root, Block>,
    head: Option<Root>,
    canonical: BTreeMap<Slot, Root>,
}

impl Branch {
    /// Adds a block; returns the slots whose block on the branch is another one now, if any.
    pub(super) fn insert(&mut self, block: Block) -> Vec<Slot> {
        if self.blocks.len() >= MAX_BLOCKS {
            let beside = self.blocks.values().filter(|block| !self.counts(block));
            let Some(oldest) = beside.min_by_key(|block| block.slot).map(|block| block.root) else {
                return Vec::new();
            };
            self.blocks.remove(&oldest);
        }
        self.blocks.entry(block.root).or_insert(block);
        self.walk()
    }

    /// Another head; returns as [`Branch::insert`] does.
    pub(super) fn follow(&mut self, head: Root) -> Vec<Slot> {
        self.head = Some(head);
        self.walk()
    }

    fn walk(&mut self) -> Vec<Slot> {
        let mut here = self.head.and_then(|head| self.blocks.get(&head));
        if here.is_none() {
            // The head's block is not read yet: what counted before still does.
            return Vec::new();
        }
        let mut now = BTreeMap::new();
        while let Some(block) = here {
            now.insert(block.slot, block.root);
            here = self.blocks.get(&block.parent).filter(|parent| parent.slot < block.slot);
        }
        let gone = self.canonical.iter().filter(|(slot, root)| now.get(slot) != Some(root));
        let new = now.iter().filter(|(slot, root)| self.canonical.get(slot) != Some(root));
        let mut changed: Vec<Slot> = gone.chain(new).map(|(slot, _)| *slot).collect();
        changed.sort_unstable();
        changed.dedup();
        self.canonical = now;
        changed
    }

    fn counts(&self, block: &Block) -> bool {
        self.canonical.get(&block.slot) == Some(&block.root)
    }

    /// Whether a block is known.
    pub(super) fn has(&self, root: Root) -> bool {
        self.blocks.contains_key(&root)
    }

    /// The last block of the branch.
    pub(super) fn head(&self) -> Option<&Block> {
        self.blocks.get(self.canonical.last_key_value()?.1)
    }

    /// The head that was told and whose block is not known.
    pub(super) fn headless(&self) -> Option<Root> {
        self.head.filter(|head| !self.has(*head))
    }

    /// The first block of the branch, behind which it is not known.
    pub(super) fn first(&self) -> Option<&Block> {
        self.blocks.get(self.canonical.first_key_value()?.1)
    }

    /// The branch's block of a slot.
    pub(super) fn at(&self, slot: Slot) -> Option<&Block> {
        self.blocks.get(self.canonical.get(&slot)?)
    }

    /// The last block of the branch before a slot.
    pub(super) fn before(&self, slot: Slot) -> Option<&Block> {
        self.blocks.get(self.canonical.range(..slot).next_back()?.1)
    }

    /// Blocks of the branch after a slot, up to and with another.
    pub(super) fn after(&self, slot: Slot, last: Slot) -> impl Iterator<Item = &Block> {
        let range = (slot < last).then(|| self.canonical.range(Slot(slot.0 + 1)..=last));
        range.into_iter().flatten().filter_map(|(_, root)| self.blocks.get(root))
    }

    /// Root of the branch's last block at or before a slot; none where the branch is not known so far back.
    pub(super) fn root_at(&self, slot: Slot) -> Option<Root> {
        if let Some((_, root)) = self.canonical.range(..=slot).next_back() {
            return Some(*root);
        }
        // Between a block and its parent there is none.
        self.first().filter(|first| slot.0 + 1 == first.slot.0).map(|first| first.parent)
    }

    /// Whether a slot has a block by this validator on another branch.
    pub(super) fn aside(&self, slot: Slot, proposer: ValidatorIndex) -> bool {
        self.blocks
            .values()
            .any(|block| block.slot == slot && block.proposer == proposer && !self.counts(block))
    }

    /// Votes for these slots stand in a block of any branch at one of `slots`.
    pub(super) fn voted(&self, slots: &[Slot]) -> Vec<Slot> {
        let blocks = self.blocks.values().filter(|block| slots.binary_search(&block.slot).is_ok());
        blocks.flat_map(|block| &block.votes).map(|votes| votes.slot).collect()
    }

    /// Forgets blocks before a slot, but the last of the branch among them.
    pub(super) fn prune(&mut self, before: Slot) {
        let last = self.root_at(Slot(before.0.saturating_sub(1)));
        self.blocks.retain(|root, block| block.slot >= before || last == Some(*root));
        self.canonical.retain(|slot, root| *slot >= before || last == Some(*root));
    }
}
