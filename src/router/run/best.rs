//! Best of several: aggregates and contributions by their bits.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::{Finished, Lane, Plan, keep_better, sequence};
use crate::model::{BeaconId, Outcome};
use crate::router::upstream::{Ask, Reply};

/// After the first usable answer the others get this much longer.
const GRACE: Duration = Duration::from_millis(100);

/// Asks the first `width` of `order` at once and takes the answer with the highest `score`; the rest of the order is
/// asked one by one only if none of them had any.
pub async fn best(
    lane: &Lane,
    ask: &Arc<Ask>,
    order: &[BeaconId],
    width: usize,
    plan: Plan,
    score: impl Fn(&Reply) -> u32,
) -> Finished {
    let mut running = FuturesUnordered::new();
    let (first, rest) = order.split_at(width.clamp(1, order.len().max(1)).min(order.len()));
    let mut finished = Finished::default();
    for id in first {
        finished.tried.begin(*id, lane.elapsed_us(ask));
        running.push(lane.attempt(*id, ask, plan.attempt));
    }
    let mut top: Option<(u32, BeaconId, Reply)> = None;
    let mut poor = None;
    let mut end = Instant::now() + plan.total;
    loop {
        let (attempt, reply) = tokio::select! {
            biased;
            done = running.next() => match done {
                Some(done) => done,
                None => break,
            },
            () = sleep_until(end) => break,
        };
        finished.tried.end(attempt);
        match reply {
            Some(reply) if attempt.outcome == Outcome::Ok => {
                let bits = score(&reply);
                if top.is_none() {
                    end = end.min(Instant::now() + GRACE);
                }
                if top.as_ref().is_none_or(|(old, ..)| bits > *old) {
                    top = Some((bits, attempt.beacon, reply));
                }
            }
            reply => keep_better(&mut poor, attempt, reply),
        }
    }
    let left = if top.is_some() { Outcome::Overtaken } else { Outcome::TimedOut };
    finished.tried.let_go(left, lane.elapsed_us(ask));
    if let Some((_, id, reply)) = top {
        finished.reply = Some((id, reply));
        return finished;
    }
    let later = sequence(lane, ask, rest, rest.len(), plan, |_, _| true).await;
    finished.tried.join(&later.tried);
    finished.reply = later.reply.or(poor.map(|(_, id, reply)| (id, reply)));
    finished
}
