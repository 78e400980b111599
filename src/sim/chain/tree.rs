//! The tree of all blocks of all branches.

use std::collections::HashMap;

use crate::model::{Root, Slot, UnixMs, ValidatorIndex};

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Its slot.
    pub(crate) slot: Slot,
    /// Its proposer.
    pub(crate) proposer: ValidatorIndex,
    /// The block it builds upon.
    pub(crate) parent: Root,
    /// Its state root, which identifies its body.
    pub(crate) state: Root,
    /// Its own root.
    pub(crate) root: Root,
    /// When it was published first.
    pub(crate) at: UnixMs,
}

/// Blocks by root. Never empty: it holds genesis.
#[derive(Debug)]
pub(crate) struct Tree {
    blocks: HashMap<Root, Block>,
    genesis: Block,
}

impl Tree {
    /// A tree of one block.
    pub(crate) fn new(genesis: Block) -> Self {
        Self { blocks: HashMap::from([(genesis.root, genesis.clone())]), genesis }
    }

    /// Root of the first block.
    pub(crate) fn genesis(&self) -> Root {
        self.genesis.root
    }

    /// A block by root; genesis for one long pruned.
    pub(crate) fn get(&self, root: Root) -> Option<&Block> {
        self.blocks.get(&root)
    }

    /// Slot of a block; 0 for one that is not known.
    pub(crate) fn slot(&self, root: Root) -> Slot {
        self.get(root).map_or(Slot(0), |block| block.slot)
    }

    /// Adds a block.
    pub(crate) fn insert(&mut self, block: Block) {
        self.blocks.insert(block.root, block);
    }

    /// The last block at or before `slot` on the branch that ends in `head`; genesis when the branch is not kept so far back.
    pub(crate) fn at_or_before(&self, head: Root, slot: Slot) -> &Block {
        let mut here = self.get(head).unwrap_or(&self.genesis);
        while here.slot > slot {
            here = self.get(here.parent).unwrap_or(&self.genesis);
        }
        here
    }

    /// Whether `ancestor` lies on the branch that ends in `head`.
    pub(crate) fn descends(&self, head: Root, ancestor: Root) -> bool {
        self.get(ancestor).is_some_and(|block| self.at_or_before(head, block.slot).root == ancestor)
    }

    /// Forgets blocks before `slot`.
    pub(crate) fn prune(&mut self, slot: Slot) {
        let genesis = self.genesis.root;
        self.blocks.retain(|root, block| block.slot >= slot || *root == genesis);
    }

    /// Every block that is kept.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Block> {
        self.blocks.values()
    }
}
