//! One after the other, hedged where the follow column allows: *any*, *one* and *pinned*.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::{Finished, Lane, Plan, Tried, badness, keep_better};
use crate::endpoint::Follow;
use crate::model::{Attempt, BeaconId, Outcome};
use crate::router::upstream::{Ask, Reply};

/// After so many beacons said "not found" or "bad request" alike, that is the answer.
pub(super) const AGREEING_REFUSALS: usize = 2;

/// A beacon that has not the agreed head is asked beside one that has it only after this: its answer would be the
/// faster for being the older.
const STALE_WAIT: Duration = Duration::from_millis(150);

/// Asks along `order` until one has a usable answer; the first `fresh` of it have the agreed head.
///
/// What is not `usable` counts as no answer.
pub async fn sequence(
    lane: &Lane,
    ask: &Arc<Ask>,
    order: &[BeaconId],
    fresh: usize,
    plan: Plan,
    usable: impl Fn(BeaconId, &Reply) -> bool,
) -> Finished {
    let mut finished = Finished::default();
    let mut best = None;
    let mut refusals = 0;
    let mut next = order.iter().copied();
    let mut running = FuturesUnordered::new();
    let end = Instant::now() + plan.total;
    let mut again = order.len() == 1;
    let launch = |id, running: &FuturesUnordered<_>, tried: &mut Tried| {
        tried.begin(id, lane.elapsed_us(ask));
        running.push(lane.attempt(id, ask, plan.attempt));
    };
    let mut left = Outcome::Overtaken;
    next.next().into_iter().for_each(|first| launch(first, &running, &mut finished.tried));
    while !running.is_empty() {
        let hedge = plan.hedge.filter(|_| plan.follow == Follow::Anytime && next.len() > 0);
        let asked = order.len() - next.len();
        let hedge = hedge.map(|hedge| if asked < fresh { hedge } else { hedge.max(STALE_WAIT) });
        let wake = hedge.map_or(end, |hedge| end.min(Instant::now() + hedge));
        let (attempt, reply) = tokio::select! {
            biased;
            Some(done) = running.next() => judged(done, &usable),
            () = sleep_until(wake) => {
                if Instant::now() >= end {
                    left = Outcome::TimedOut;
                    break;
                }
                next.next().into_iter().for_each(|id| launch(id, &running, &mut finished.tried));
                continue;
            }
        };
        let refuses = reply.is_some() && matches!(attempt.outcome, Outcome::Empty | Outcome::Refused);
        finished.tried.end(attempt);
        keep_better(&mut best, attempt, reply);
        if badness(attempt.outcome) <= badness(Outcome::AlreadyKnown) {
            break;
        }
        refusals += usize::from(refuses);
        if refusals >= AGREEING_REFUSALS || !may_follow(plan.follow, attempt.outcome) {
            break;
        }
        if let Some(id) = next.next() {
            launch(id, &running, &mut finished.tried);
        } else if again && matches!(attempt.outcome, Outcome::Broken) && plan.follow == Follow::Anytime {
            // A kept-alive connection that the beacon had just closed; there is nobody else to ask.
            again = false;
            launch(attempt.beacon, &running, &mut finished.tried);
        }
    }
    finished.tried.let_go(left, lane.elapsed_us(ask));
    finished.reply = best.map(|(_, id, reply)| (id, reply));
    finished
}

/// A success that is not usable is a failure without an answer; that there is nothing is no failure.
fn judged(
    (mut attempt, reply): (Attempt, Option<Reply>),
    usable: &impl Fn(BeaconId, &Reply) -> bool,
) -> (Attempt, Option<Reply>) {
    let bad = |reply: &Reply| reply.status.is_success() && !usable(attempt.beacon, reply);
    if !reply.as_ref().is_some_and(bad) {
        return (attempt, reply);
    }
    if attempt.outcome != Outcome::Empty {
        attempt.outcome = Outcome::Failed;
    }
    (attempt, None)
}

/// Whether another beacon may be asked after this outcome; where nothing was sent, always.
fn may_follow(follow: Follow, outcome: Outcome) -> bool {
    match follow {
        Follow::Anytime | Follow::SameBytes | Follow::AfterFailure => true,
        Follow::AfterProducer => outcome != Outcome::TimedOut,
        Follow::Never => matches!(outcome, Outcome::Unreachable | Outcome::None),
    }
}
