//! What a reason forbids: the rank of a beacon for a use. Lower is better.

use crate::model::{Reason, Use};

/// Never, for this use.
pub const NEVER: u8 = u8::MAX;
/// Ranks up to this one are the healthy ones.
pub const GOOD: u8 = 0;
/// Best rank of an unseeded beacon for blocks and aggregates: behind one that is slow or warms up, because fees paid to
/// a default address are gone; before one that builds on an old head, because its block is nothing.
pub const UNSEEDED: u8 = 4;

/// Rank of a beacon with `reasons` for a use: the worst reason decides.
///
/// What gets signed never comes from an optimistic or wrong-chain beacon, nor from across a chain split, and from a stale one only when no better
/// rank is left; reads, publications, seeds and events fall back to the best of the bad.
pub fn grade(reasons: &[Reason], uses: Use) -> u8 {
    reasons.iter().map(|reason| rank(*reason, uses)).max().unwrap_or(GOOD)
}

fn rank(reason: Reason, uses: Use) -> u8 {
    let signs = uses == Use::Sign;
    match reason {
        Reason::WrongChain | Reason::Drained => NEVER,
        Reason::Optimistic | Reason::NeverObserved | Reason::ChainSplit if signs => NEVER,
        // By use and role: `Entry::rank`.
        Reason::Unseeded => GOOD,
        // One that comes back is told its seeds first.
        Reason::WarmingUp if uses == Use::Seed => GOOD,
        Reason::WarmingUp => 1,
        Reason::Slow => 2,
        Reason::ElOffline => 3,
        Reason::Optimistic => 4,
        Reason::StaleHead | Reason::Fork | Reason::ChainSplit => 5,
        Reason::Syncing => 6,
        Reason::NeverObserved => 7,
        Reason::Failing => 8,
        Reason::Hung => 9,
        Reason::Unreachable => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gets_signed_never_comes_from_an_optimistic_or_wrong_chain_beacon() {
        let never = [Reason::Optimistic, Reason::WrongChain, Reason::NeverObserved, Reason::Drained];
        for reason in never.into_iter().chain([Reason::ChainSplit]) {
            assert_eq!(grade(&[Reason::Slow, reason], Use::Sign), NEVER, "{reason}");
        }
        assert!(grade(&[Reason::StaleHead], Use::Sign) < NEVER);
    }

    #[test]
    fn other_uses_fall_back_to_the_best_of_the_bad() {
        for uses in [Use::Read, Use::Publish, Use::Seed, Use::Events] {
            assert_eq!(grade(&[], uses), GOOD);
            assert!(grade(&[Reason::Optimistic], uses) < grade(&[Reason::Hung], uses));
            assert!(grade(&[Reason::Hung], uses) < NEVER);
            assert_eq!(grade(&[Reason::WrongChain], uses), NEVER);
        }
    }
}
