//! What beacons custody because of what they have been told: consensus-specs `specs/fulu/validator.md`, section
//! "Validator custody".
//!
//! A beacon learns of its validators by what is told to it, and what it custodies grows with them and does not shrink
//! while it runs. Validators are counted with 32 ETH each, because effective balances are not known here: of
//! consolidated ones it is an estimate from below.

use std::collections::HashMap;

use crate::chain::Spec;
use crate::model::{CustodyEstimate, Epoch};

/// Validators remembered; of more than this every beacon custodies everything anyway.
const VALIDATORS: usize = 1 << 20;
/// Effective balance assumed, Gwei.
const BALANCE: u64 = 32_000_000_000;

/// The constants of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// First epoch of Fulu; none if not told.
    fulu: Option<Epoch>,
    /// `CUSTODY_REQUIREMENT`: of a beacon without validators.
    alone: u64,
    /// `VALIDATOR_CUSTODY_REQUIREMENT`: the least with validators.
    least: u64,
    /// `BALANCE_PER_ADDITIONAL_CUSTODY_GROUP`, Gwei.
    per_group: u64,
    /// `NUMBER_OF_CUSTODY_GROUPS`.
    all: u64,
}

impl Rule {
    /// The rule as a chain's spec has it; mainnet's constants where it is silent.
    pub fn of(spec: &Spec) -> Self {
        let or = |key, usual| spec.get_u64(key).unwrap_or(usual);
        Self {
            fulu: spec.get_u64("FULU_FORK_EPOCH").map(Epoch),
            alone: or("CUSTODY_REQUIREMENT", 4),
            least: or("VALIDATOR_CUSTODY_REQUIREMENT", 8),
            per_group: or("BALANCE_PER_ADDITIONAL_CUSTODY_GROUP", BALANCE).max(1),
            all: or("NUMBER_OF_CUSTODY_GROUPS", 128),
        }
    }

    /// What so many validators imply; none before Fulu.
    pub fn estimate(&self, validators: u32, epoch: Epoch) -> Option<CustodyEstimate> {
        self.fulu.filter(|fulu| *fulu <= epoch)?;
        let groups = if validators == 0 {
            self.alone
        } else {
            (u64::from(validators) * BALANCE / self.per_group).max(self.least)
        };
        Some(CustodyEstimate { validators, groups: groups.min(self.all) as u32, of: self.all as u32 })
    }
}

/// Which validators each seat has ever been told of.
#[derive(Debug, Default)]
pub struct Reach {
    seen: HashMap<u64, u128>,
}

impl Reach {
    /// A seat was told of a validator.
    pub fn add(&mut self, validator: u64, seat: u128) {
        if self.seen.len() < VALIDATORS || self.seen.contains_key(&validator) {
            *self.seen.entry(validator).or_default() |= seat;
        }
    }

    /// A seat has another beacon now.
    pub fn clear(&mut self, seat: u128) {
        self.seen.values_mut().for_each(|seats| *seats &= !seat);
    }

    /// Validators each seat was told of.
    pub fn counts(&self) -> [u32; 128] {
        let mut counts = [0; 128];
        for mut seats in self.seen.values().copied() {
            while seats != 0 {
                counts[seats.trailing_zeros() as usize] += 1;
                seats &= seats - 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_follow_the_specs_rule() {
        let rule = Rule::of(&[("FULU_FORK_EPOCH", "5")].into_iter().collect());
        let groups = |validators| rule.estimate(validators, Epoch(5)).unwrap().groups;
        assert_eq!([0, 1, 8, 9, 127, 128, 4_000].map(groups), [4, 8, 8, 9, 127, 128, 128]);
        assert_eq!(rule.estimate(9, Epoch(4)), None, "before Fulu");
        let small =
            Rule::of(&[("FULU_FORK_EPOCH", "0"), ("NUMBER_OF_CUSTODY_GROUPS", "64")].into_iter().collect());
        assert_eq!(small.estimate(100, Epoch(0)).unwrap().groups, 64);
        assert_eq!(Rule::of(&Spec::default()).estimate(9, Epoch(9)), None);
    }

    #[test]
    fn a_validator_counts_once_for_each_beacon() {
        let mut reach = Reach::default();
        for (validator, seat) in [(1, 1), (1, 1), (2, 1), (2, 1 << 127)] {
            reach.add(validator, seat);
        }
        assert_eq!((reach.counts()[0], reach.counts()[127]), (2, 1));
        reach.clear(1);
        assert_eq!((reach.counts()[0], reach.counts()[127]), (0, 1));
    }
}
