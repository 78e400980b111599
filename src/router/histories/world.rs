//! Blocks, beacons and signers of generated histories: what is true, whatever the router knows of it.

use std::collections::HashMap;

use super::EPOCH;
use crate::guard::{AttestationData, Checkpoint};
use crate::model::{Epoch, Root, Slot};
use crate::pool::Block;

/// A beacon as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Node {
    /// Its head, by place among the blocks.
    pub head: usize,
    pub optimistic: bool,
    pub foreign: bool,
    pub down: bool,
}

/// A block, and how far back sources are on it.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub block: Block,
    pub parent: usize,
    pub lag: u64,
}

/// All blocks there are.
pub struct Blocks(Vec<Made>);

impl Blocks {
    /// One in each slot before this one; no root is another's.
    pub fn until(slot: u64) -> Self {
        let made = |slot: u64| Made {
            block: Block { root: root(slot), slot: Slot(slot), parent: root(slot.wrapping_sub(1)) },
            parent: (slot as usize).saturating_sub(1),
            lag: 0,
        };
        Self((0..slot).map(made).collect())
    }

    pub fn last(&self) -> usize {
        self.0.len() - 1
    }

    pub fn at(&self, place: usize) -> Made {
        self.0[place]
    }

    /// A new block upon another, of the present slot or the one after its parent's.
    pub fn make(&mut self, parent: usize, lag: u64, present: Slot) -> usize {
        let upon = self.0[parent].block;
        let slot = Slot(present.0.max(upon.slot.0 + 1));
        let block = Block { root: root(self.0.len() as u64), slot, parent: upon.root };
        self.0.push(Made { block, parent, lag });
        self.last()
    }

    /// What a beacon at this head says about a slot.
    pub fn said(&self, head: usize, slot: Slot) -> AttestationData {
        let below = |mut at: usize, slot: Slot| {
            while self.0[at].block.slot > slot {
                at = self.0[at].parent;
            }
            at
        };
        let head = below(head, slot);
        let epoch = slot.0 / EPOCH;
        let target = self.0[below(head, Slot(epoch * EPOCH))].block.root;
        let source = (epoch - 1).saturating_sub(self.0[head].lag);
        AttestationData {
            slot,
            index: 0,
            head: self.0[head].block.root,
            source: Checkpoint { epoch: Epoch(source), root: root(source * EPOCH) },
            target: Checkpoint { epoch: Epoch(epoch), root: target },
        }
    }
}

/// What one client was given and signed.
#[derive(Default)]
pub struct Client {
    /// And whether by the process that serves now.
    pub last: Option<(AttestationData, bool)>,
    pub votes: HashMap<u64, Vec<AttestationData>>,
    /// Slots of which it signed what this router gave.
    pub signed: HashMap<u64, AttestationData>,
}

/// Of a slot; each attests once an epoch, in another slot of each.
pub fn attester(slot: u64) -> u64 {
    (slot + slot / EPOCH * 3) % EPOCH
}

impl Client {
    /// Whether EIP-3076 forbids the next vote.
    pub fn refuses(&self, next: &AttestationData) -> bool {
        let (source, target) = (next.source.epoch, next.target.epoch);
        self.votes.get(&attester(next.slot.0)).into_iter().flatten().any(|old| {
            let (old_source, old_target) = (old.source.epoch, old.target.epoch);
            old_target == target && old != next
                || source < old_source && old_target < target
                || old_source < source && target < old_target
        })
    }
}

pub fn root(number: u64) -> Root {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Root(bytes)
}
