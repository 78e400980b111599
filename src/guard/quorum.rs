//! Checkpoints that several beacons stand by: how many must, which do, and what was confirmed before.
//!
//! A client with a bug can finalize a branch of its own, and a validator that signed for it is held there by its own
//! signatures: a wrong head costs a reward, a wrong source or target far more. Nobody is asked here.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{AttestationData, Checkpoint};
use crate::model::{Confirm, Epoch};

/// Epochs whose checkpoints are remembered.
const EPOCHS: usize = 4;

/// What must be confirmed of attestation data: once an epoch it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checkpoints {
    /// Source vote.
    pub source: Checkpoint,
    /// Target vote.
    pub target: Checkpoint,
}

impl Checkpoints {
    /// Of attestation data.
    pub fn of(data: &AttestationData) -> Self {
        Self { source: data.source, target: data.target }
    }
}

/// What was confirmed, by target epoch. Another block at the epoch's start is another target, and is confirmed anew.
#[derive(Debug, Default)]
pub struct Confirmed(BTreeMap<Epoch, Checkpoints>);

impl Confirmed {
    /// Whether this was confirmed.
    pub fn holds(&self, link: Checkpoints) -> bool {
        self.0.get(&link.target.epoch) == Some(&link)
    }

    /// So many stand by it as must.
    pub fn confirm(&mut self, link: Checkpoints) {
        self.0.insert(link.target.epoch, link);
        while self.0.len() > EPOCHS {
            self.0.pop_first();
        }
    }
}

/// How many of these voters must stand by a link: never fewer than two where there are two.
pub fn needed(confirm: Confirm, voters: usize) -> usize {
    let wanted = match confirm {
        Confirm::Majority => voters / 2 + 1,
        Confirm::Voices(number) => usize::from(number),
    };
    wanted.max(voters.min(2))
}

/// Who stands by what. A voter is a beacon, or all beacons of one client.
#[derive(Debug)]
pub struct Ballot {
    needed: usize,
    votes: Vec<(Checkpoints, BTreeSet<u16>)>,
}

impl Ballot {
    /// So many must stand by one link.
    pub fn new(needed: usize) -> Self {
        Self { needed, votes: Vec::new() }
    }

    /// A voter says this; what is confirmed by it, if something is.
    pub fn vote(&mut self, voter: u16, link: Checkpoints) -> Option<Checkpoints> {
        let place = self.votes.iter().position(|(of, _)| *of == link).unwrap_or_else(|| {
            self.votes.push((link, BTreeSet::new()));
            self.votes.len() - 1
        });
        let (_, voters) = &mut self.votes[place];
        voters.insert(voter);
        (voters.len() >= self.needed).then_some(link)
    }

    /// How many stand by this.
    pub fn of(&self, link: Checkpoints) -> usize {
        self.votes.iter().find(|(of, _)| *of == link).map_or(0, |(_, voters)| voters.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::model::Root;

    fn link(epoch: u64, target: u8) -> Checkpoints {
        let point = |epoch, root| Checkpoint { epoch: Epoch(epoch), root: Root([root; 32]) };
        Checkpoints { source: point(epoch - 1, 0), target: point(epoch, target) }
    }

    #[rstest]
    #[case(Confirm::Majority, 0, 1)]
    #[case(Confirm::Majority, 1, 1)]
    #[case(Confirm::Majority, 2, 2)]
    #[case(Confirm::Majority, 3, 2)]
    #[case(Confirm::Majority, 4, 3)]
    #[case(Confirm::Voices(1), 3, 2)]
    #[case(Confirm::Voices(3), 2, 3)]
    fn how_many_must(#[case] confirm: Confirm, #[case] voters: usize, #[case] expected: usize) {
        assert_eq!(needed(confirm, voters), expected);
    }

    #[test]
    fn what_was_confirmed_holds_until_its_target_is_another() {
        let mut confirmed = Confirmed::default();
        confirmed.confirm(link(7, 1));
        assert!(confirmed.holds(link(7, 1)) && !confirmed.holds(link(7, 2)) && !confirmed.holds(link(8, 1)));
        confirmed.confirm(link(7, 2));
        assert!(confirmed.holds(link(7, 2)) && !confirmed.holds(link(7, 1)));
        (8..20).for_each(|epoch| confirmed.confirm(link(epoch, 1)));
        assert!(!confirmed.holds(link(7, 2)) && confirmed.holds(link(19, 1)));
        assert_eq!(confirmed.0.len(), EPOCHS);
    }

    proptest! {
        #[test]
        fn a_voter_counts_once_for_what_it_says(votes in prop::collection::vec((0..5_u16, 1..3_u8), 0..30), needed in 1..5_usize) {
            let mut ballot = Ballot::new(needed);
            let mut model: BTreeMap<u8, BTreeSet<u16>> = BTreeMap::new();
            for (voter, said) in votes {
                let confirmed = ballot.vote(voter, link(9, said));
                let voices = model.entry(said).or_default();
                voices.insert(voter);
                prop_assert_eq!(confirmed, (voices.len() >= needed).then(|| link(9, said)));
                for (said, voters) in &model {
                    prop_assert_eq!(ballot.of(link(9, *said)), voters.len());
                }
            }
        }
    }
}
