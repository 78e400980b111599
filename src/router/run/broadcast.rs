//! Same bytes to several beacons: first success answers, laggards run on; a failed one is replaced by the next.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::{Finished, Lane, Plan, Tried};
use crate::model::{Attempt, BeaconId, Outcome};
use crate::router::merge::{Verdict, Votes};
use crate::router::upstream::{Ask, Reply};

type Done = (Attempt, Option<Reply>);
type Running = FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send>>>;

/// What a broadcast brings back.
pub struct Broadcast {
    /// The verdict over all that answered so far.
    pub verdict: Verdict,
    /// The reply behind it and the attempts so far.
    pub finished: Finished,
    /// Attempts that still run.
    pub laggards: Laggards,
    /// Beacons that took it.
    pub took: Vec<BeaconId>,
}

/// Attempts that run on after the client has its answer; a stream of what became of them.
#[derive(Default)]
pub struct Laggards(Running);

impl Stream for Laggards {
    type Item = Done;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Done>> {
        self.0.poll_next_unpin(cx)
    }
}

impl Laggards {
    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Sends to the first `width` of `order` at once. `known` says these bytes were taken before.
pub async fn broadcast(
    lane: &Lane,
    ask: &Arc<Ask>,
    order: &[BeaconId],
    width: usize,
    plan: Plan,
    known: bool,
) -> Broadcast {
    let mut running = Running::new();
    let mut next = order.iter().copied();
    let launch = |id: BeaconId, running: &Running| {
        let (lane, ask) = (lane.clone(), ask.clone());
        running.push(Box::pin(async move { lane.attempt(id, &ask, plan.attempt).await }));
    };
    for id in next.by_ref().take(width.max(1)) {
        launch(id, &running);
    }
    let mut votes = Votes::new(known);
    let mut tried = Tried::default();
    let mut took = Vec::new();
    let end = Instant::now() + plan.total;
    loop {
        let (attempt, reply) = tokio::select! {
            biased;
            done = running.next() => match done {
                Some(done) => done,
                None => break,
            },
            () = sleep_until(end) => break,
        };
        tried.push(attempt);
        let success = reply.as_ref().is_some_and(|reply| reply.status.is_success());
        if success || attempt.outcome == Outcome::AlreadyKnown {
            took.push(attempt.beacon);
        }
        votes.count(attempt, reply);
        if votes.has_success() {
            break;
        }
        if !matches!(attempt.outcome, Outcome::AlreadyKnown)
            && let Some(id) = next.next()
        {
            launch(id, &running);
        }
    }
    let (verdict, reply) = votes.verdict();
    Broadcast { verdict, finished: Finished { reply, tried }, laggards: Laggards(running), took }
}
