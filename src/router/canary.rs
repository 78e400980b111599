//! Canary reads: a share of what is asked about attestation data is asked again of another healthy beacon than the one that
//! answered, once it has, and what that one says is told to the [`Sink`](super::Sink) and given to nobody.
//!
//! A beacon that serves all of a client's questions goes together with that client in whatever is seen: what another one
//! answers to the same question tells them apart. Off unless the fleet file asks for it (`probing: {canary: …}`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::header::CONTENT_TYPE;

use super::flow::Case;
use super::upstream::Ask;
use super::{Router, head};
use crate::guard::AttestationData;
use crate::model::{BeaconId, Bps, ClientId, Lifecycle, Outcome, Root, Slot};
use crate::pool::{Entry, Table};

/// What a beacon said to a question that another one had answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    /// Whose question.
    pub client: ClientId,
    /// About which slot.
    pub slot: Slot,
    /// Who was asked besides.
    pub beacon: BeaconId,
    /// What came of it.
    pub outcome: Outcome,
    /// Microseconds it took.
    pub took_us: u32,
    /// The head to vote for by its answer; none: it gave none.
    pub head: Option<Root>,
}

/// Counts questions.
#[derive(Debug, Default)]
pub struct Turns(AtomicU64);

impl Turns {
    /// Whether it is this question's turn, by a share of them, and its number among those whose turn it was.
    fn next(&self, share: Bps) -> Option<u64> {
        let share = u64::from(share.0);
        if share == 0 {
            return None;
        }
        let before = self.0.fetch_add(1, Relaxed).wrapping_mul(share);
        let number = before.wrapping_add(share) / 10_000;
        (number != before / 10_000).then_some(number)
    }
}

/// Asks this question, which `by` has answered, of another beacon, if it is its turn. Nobody waits for it.
pub fn repeat(
    router: &Arc<Router>,
    ask: &Arc<Ask>,
    case: Case,
    by: BeaconId,
    table: &Table,
    limit: Duration,
) {
    let Some(turn) = router.memory.decided().canaries.next(router.policy.canary) else { return };
    let fit =
        |entry: &&Entry| entry.id != by && entry.good(ask.row.needs) && entry.lifecycle == Lifecycle::Active;
    let others: Vec<BeaconId> = table.entries.iter().filter(fit).map(|entry| entry.id).collect();
    let Some(place) = turn.checked_rem(others.len() as u64) else { return };
    let (router, ask, id) = (router.clone(), ask.clone(), others[place as usize]);
    tokio::spawn(async move {
        let (attempt, reply) = router.lane.upstreams[id.index()].attempt(&ask, limit, router.clock()).await;
        if attempt.outcome == Outcome::None {
            return;
        }
        let data = reply.as_ref().and_then(|reply| {
            AttestationData::of(reply.bytes()?, head::is_ssz(&reply.headers, &CONTENT_TYPE))
        });
        router.sink.canary(Canary {
            client: case.client,
            slot: case.slot,
            beacon: id,
            outcome: attempt.outcome,
            took_us: attempt.took_us,
            head: data.map(|data| data.head),
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_questions_has_its_turn_and_turns_are_numbered() {
        for (share, questions, expected) in [(0, 1_000, 0), (200, 1_000, 20), (5_000, 7, 3), (10_000, 5, 5)] {
            let turns = Turns::default();
            let had: Vec<u64> = (0..questions).filter_map(|_| turns.next(Bps(share))).collect();
            assert_eq!(had, (1..=expected).collect::<Vec<u64>>(), "{share}");
        }
    }
}
