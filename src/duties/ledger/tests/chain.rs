//! A made-up chain: a tree of blocks whose branches shuffle validators differently.

use proptest::prelude::*;

use super::super::{Block, Committee, Included, Shape};
use crate::model::{Epoch, Root, Slot, ValidatorIndex};

pub(super) const PER_EPOCH: u64 = 4;
pub(super) const VALIDATORS: u64 = 26;
pub(super) const COMMITTEES: u64 = 2;
pub(super) const SHAPE: Shape = Shape { slots_per_epoch: PER_EPOCH, sync_period: 2 };

/// How a vote is to be made.
#[derive(Debug, Clone)]
pub(super) struct VotePlan {
    age: u64,
    committees: u64,
    voters: u16,
    wrong_head: bool,
    wrong_target: bool,
}

/// How a block is to be made.
#[derive(Debug, Clone)]
pub(super) struct BlockPlan {
    skip: u64,
    back: usize,
    votes: Vec<VotePlan>,
}

pub(super) fn plans() -> impl Strategy<Value = Vec<BlockPlan>> {
    let vote = (1..=8_u64, 1..4_u64, any::<u16>(), prop::bool::weighted(0.3), prop::bool::weighted(0.2))
        .prop_map(|(age, committees, voters, wrong_head, wrong_target)| VotePlan {
            age,
            committees,
            voters,
            wrong_head,
            wrong_target,
        });
    let skip = prop_oneof![5 => Just(1_u64), 2 => Just(2), 1 => 3..6_u64];
    let back = prop_oneof![6 => Just(0_usize), 2 => Just(1), 1 => 2..5_usize];
    let block = (skip, back, prop::collection::vec(vote, 0..5)).prop_map(|(skip, back, votes)| BlockPlan {
        skip,
        back,
        votes,
    });
    prop::collection::vec(block, 1..28)
}

/// A vote as everybody can read it: who, not which bit.
#[derive(Debug, Clone)]
pub(super) struct Vote {
    pub(super) slot: Slot,
    pub(super) voters: Vec<u64>,
    pub(super) head: Root,
    pub(super) target: Root,
}

#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) block: Block,
    pub(super) parent: Option<usize>,
    pub(super) votes: Vec<Vote>,
}

#[derive(Debug)]
pub(super) struct Chain(pub(super) Vec<Made>);

fn root(number: usize) -> Root {
    let mut root = Root([0xb0; 32]);
    root.0[..8].copy_from_slice(&(number as u64 + 1).to_le_bytes());
    root
}

/// Who sits where, by what an epoch's shuffling depends on.
pub(super) fn committees(epoch: Epoch, decided: Root) -> Vec<Committee> {
    let seed = u64::from(decided.0[0]) + 1 + epoch.0;
    let mut order: Vec<u64> = (0..VALIDATORS).collect();
    order
        .sort_by_key(|validator| (validator + 1).wrapping_mul(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 7);
    let seats = PER_EPOCH * COMMITTEES;
    (0..seats)
        .map(|seat| Committee {
            slot: Slot(epoch.0 * PER_EPOCH + seat / COMMITTEES),
            index: seat % COMMITTEES,
            members: order
                .iter()
                .skip(seat as usize)
                .step_by(seats as usize)
                .map(|v| ValidatorIndex(*v))
                .collect(),
        })
        .collect()
}

impl Chain {
    pub(super) fn make(plans: &[BlockPlan]) -> Self {
        let genesis = Block {
            root: root(0),
            slot: Slot(0),
            proposer: ValidatorIndex(0),
            parent: Root::default(),
            state: root(1_000),
            votes: Vec::new(),
            sync: Box::default(),
            payload: Vec::new(),
        };
        let mut chain = Self(vec![Made { block: genesis, parent: None, votes: Vec::new() }]);
        for plan in plans {
            chain.grow(plan);
        }
        chain
    }

    fn grow(&mut self, plan: &BlockPlan) {
        let number = self.0.len();
        let parent = number - 1 - plan.back.min(number - 1);
        let slot = Slot(self.0[parent].block.slot.0 + plan.skip);
        let made: Vec<(Included, Vote)> =
            plan.votes.iter().filter_map(|vote| self.vote(parent, slot, vote)).collect();
        let (included, votes) = made.into_iter().unzip();
        let block = Block {
            root: root(number),
            slot,
            proposer: ValidatorIndex(number as u64 % VALIDATORS),
            parent: self.0[parent].block.root,
            state: root(1_000 + number),
            votes: included,
            sync: Box::default(),
            payload: Vec::new(),
        };
        self.0.push(Made { block, parent: Some(parent), votes });
    }

    fn vote(&self, parent: usize, block: Slot, plan: &VotePlan) -> Option<(Included, Vote)> {
        let slot = Slot(block.0.checked_sub(plan.age)?);
        let epoch = slot.epoch(PER_EPOCH);
        if block.epoch(PER_EPOCH).0 > epoch.0 + 1 {
            return None;
        }
        let right = |wrong: bool, slot| if wrong { root(7_000) } else { self.root_at(parent, slot) };
        let head = right(plan.wrong_head, slot);
        let target = right(plan.wrong_target, Slot(epoch.0 * PER_EPOCH));
        let of_slot = committees(epoch, self.decided(parent, epoch));
        let members: Vec<u64> = of_slot
            .iter()
            .filter(|committee| committee.slot == slot && plan.committees >> committee.index & 1 == 1)
            .flat_map(|committee| committee.members.iter().map(|member| member.0))
            .collect();
        let mut bits = vec![0_u8; members.len().div_ceil(8)];
        let mut voters = Vec::new();
        for (place, member) in
            members.iter().enumerate().filter(|(place, _)| plan.voters >> (place % 16) & 1 == 1)
        {
            bits[place / 8] |= 1 << (place % 8);
            voters.push(*member);
        }
        let included = Included {
            slot,
            committees: plan.committees,
            bits: bits.into(),
            members: members.len() as u32,
            head,
            target,
        };
        Some((included, Vote { slot, voters, head, target }))
    }

    /// The blocks of a branch, genesis first.
    pub(super) fn branch(&self, head: usize) -> Vec<&Made> {
        let mut out: Vec<&Made> =
            std::iter::successors(Some(&self.0[head]), |made| made.parent.map(|parent| &self.0[parent]))
                .collect();
        out.reverse();
        out
    }

    pub(super) fn root_at(&self, head: usize, slot: Slot) -> Root {
        self.branch(head).into_iter().rfind(|made| made.block.slot <= slot).unwrap().block.root
    }

    pub(super) fn decided(&self, head: usize, epoch: Epoch) -> Root {
        match epoch.0 {
            0 | 1 => Root::default(),
            _ => self.root_at(head, Slot((epoch.0 - 1) * PER_EPOCH - 1)),
        }
    }
}
