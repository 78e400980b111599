//! Logical or: all are asked, and all answers count.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::{Lane, Plan, Tried};
use crate::model::{BeaconId, Outcome};
use crate::router::upstream::{Ask, Reply};

/// Asks all of `order` and returns every usable reply that came within the budget, or until they are `enough`.
pub async fn either(
    lane: &Lane,
    ask: &Arc<Ask>,
    order: &[BeaconId],
    plan: Plan,
    enough: impl Fn(&[(BeaconId, Reply)]) -> bool,
) -> (Vec<(BeaconId, Reply)>, Option<(BeaconId, Reply)>, Tried) {
    let mut tried = Tried::default();
    for id in order {
        tried.begin(*id, lane.elapsed_us(ask));
    }
    let mut running: FuturesUnordered<_> =
        order.iter().map(|id| lane.attempt(*id, ask, plan.attempt)).collect();
    let mut replies = Vec::new();
    let mut refusal = None;
    let mut left = Outcome::TimedOut;
    let end = Instant::now() + plan.total;
    while let Some((attempt, reply)) = tokio::select! {
        biased;
        done = running.next() => done,
        () = sleep_until(end) => None,
    } {
        tried.end(attempt);
        match reply {
            Some(reply) if attempt.outcome == Outcome::Ok => replies.push((attempt.beacon, reply)),
            Some(reply) => refusal = Some((attempt.beacon, reply)),
            None => {}
        }
        if enough(&replies) {
            left = Outcome::Overtaken;
            break;
        }
    }
    tried.let_go(left, lane.elapsed_us(ask));
    (replies, refusal, tried)
}
