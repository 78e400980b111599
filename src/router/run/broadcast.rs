//! Same bytes to several beacons: the first success answers, the other copies follow, a failed one is replaced.
//!
//! The first beacon is asked at once. The others are asked when it failed or let a moment pass, and else after the
//! client has its answer, when it is their turn.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::{Finished, Lane, Plan, Tried, Turns};
use crate::endpoint::{Meaning, meaning};
use crate::model::{Attempt, BeaconId, Outcome};
use crate::router::merge::{Verdict, Votes};
use crate::router::upstream::{Ask, Reply};

type Done = (Attempt, Option<Reply>);
type Running = FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send>>>;

/// The first beacon has this share of the time after which more beacons are asked to itself, but no less than
/// [`HEAD_START_FLOOR`]: copies that meet in the gossip of two beacons are refused by both.
const HEAD_START_SHARE: u32 = 8;
const HEAD_START_FLOOR: Duration = Duration::from_millis(20);

/// How long a publication's further copies keep others waiting.
const TURN: Duration = Duration::from_millis(25);

/// A beacon that lacks the block a message votes for is told the message again after this: it got the block a moment
/// later than the one that took it, which may be the one beacon nobody listens to.
const AGAIN: Duration = Duration::from_millis(250);

/// What a broadcast brings back.
pub struct Broadcast {
    /// The verdict over all that answered so far.
    pub verdict: Verdict,
    /// The reply behind it and the attempts so far.
    pub finished: Finished,
    /// Copies that still run or are still to be sent.
    pub laggards: Laggards,
    /// Beacons that took it.
    pub took: Vec<BeaconId>,
}

/// Copies that run on after the client has its answer.
#[derive(Default)]
pub struct Laggards {
    running: Running,
    waiting: Vec<BeaconId>,
    /// Beacons that stand in for those that fail.
    spare: VecDeque<BeaconId>,
    limit: Duration,
    /// Copies that are not taken by then are stood in for.
    hedge: Duration,
    /// Beacons that lacked the block, to be told again once.
    lacked: Vec<BeaconId>,
}

impl Laggards {
    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty() && self.lacked.is_empty()
    }

    /// Sends what is waiting, as `turns` allows, and runs all to their end; tells of each.
    pub async fn finish(mut self, lane: &Lane, ask: &Arc<Ask>, turns: &Turns, mut tell: impl FnMut(Done)) {
        let mut turn = if self.waiting.is_empty() { None } else { turns.further().await };
        for id in std::mem::take(&mut self.waiting) {
            launch(lane, ask, id, self.limit, &self.running);
        }
        let over = Instant::now() + TURN;
        let overdue = Instant::now() + self.hedge;
        let again = Instant::now() + AGAIN;
        let mut told_again = false;
        while !self.running.is_empty() || !self.lacked.is_empty() {
            tokio::select! {
                biased;
                Some(done) = self.running.next(), if !self.running.is_empty() => {
                    if !told_again && lacked(&done) {
                        self.lacked.push(done.0.beacon);
                    }
                    if !took(&done)
                        && let Some(id) = self.spare.pop_front()
                    {
                        launch(lane, ask, id, self.limit, &self.running);
                    }
                    tell(done);
                },
                () = sleep_until(again), if !self.lacked.is_empty() => {
                    told_again = true;
                    for id in std::mem::take(&mut self.lacked) {
                        launch(lane, ask, id, self.limit, &self.running);
                    }
                }
                // A slow beacon may hold up its own copy, not everyone's.
                () = sleep_until(over), if turn.is_some() => turn = None,
                () = sleep_until(overdue), if !self.spare.is_empty() => {
                    let more = self.running.len().min(self.spare.len());
                    for id in self.spare.drain(..more) {
                        launch(lane, ask, id, self.limit, &self.running);
                    }
                    self.spare.clear();
                }
            }
        }
    }
}

/// Whether the beacon has the message now.
fn took((attempt, reply): &Done) -> bool {
    let success = reply.as_ref().is_some_and(|reply| reply.status.is_success());
    success || attempt.outcome == Outcome::AlreadyKnown
}

/// Whether the beacon lacks the block the message votes for.
fn lacked((_, reply): &Done) -> bool {
    reply.as_ref().is_some_and(|reply| {
        let body = reply.bytes().map_or(&[][..], |bytes| bytes);
        meaning(reply.status.as_u16(), body) == Meaning::UnknownHead
    })
}

fn launch(lane: &Lane, ask: &Arc<Ask>, id: BeaconId, limit: Duration, running: &Running) {
    let (lane, ask) = (lane.clone(), ask.clone());
    running.push(Box::pin(async move { lane.attempt(id, &ask, limit).await }));
}

/// When more beacons are asked although none has failed.
struct Stages {
    hedge: Duration,
    total: Duration,
    widened: bool,
}

impl Stages {
    fn new(plan: &Plan) -> Self {
        Self { hedge: plan.hedge.unwrap_or(plan.total), total: plan.total, widened: false }
    }

    /// Time from the beginning to the next stage.
    fn wake(&self, waiting: &[BeaconId]) -> Duration {
        match (waiting.is_empty(), self.widened) {
            (false, _) => (self.hedge / HEAD_START_SHARE).max(HEAD_START_FLOOR),
            (true, false) => self.hedge.max(HEAD_START_FLOOR),
            (true, true) => self.total,
        }
    }
}

impl Stages {
    /// Nobody of those asked took it so far: the same number again is asked, the first ones run on.
    fn widen(&mut self, waiting: &mut Vec<BeaconId>, spare: &mut VecDeque<BeaconId>, width: usize) {
        if waiting.is_empty() {
            self.widened = true;
            let more = width.min(spare.len());
            waiting.extend(spare.drain(..more));
        }
    }
}

/// Sends to the first `width` of `order`. `known` says these bytes were taken before.
pub async fn broadcast(
    lane: &Lane,
    ask: &Arc<Ask>,
    order: &[BeaconId],
    width: usize,
    plan: Plan,
    known: bool,
) -> Broadcast {
    let mut running = Running::new();
    let (now, later) = order.split_at(width.clamp(1, order.len().max(1)).min(order.len()));
    let mut waiting = now.to_vec();
    let mut spare: VecDeque<BeaconId> = later.iter().copied().collect();
    let mut tried = Tried::default();
    let begin = |id: BeaconId, running: &Running, tried: &mut Tried| {
        tried.begin(id, lane.elapsed_us(ask));
        launch(lane, ask, id, plan.attempt, running);
    };
    if !waiting.is_empty() {
        begin(waiting.remove(0), &running, &mut tried);
    }
    let mut votes = Votes::new(known);
    let (mut takers, mut lack) = (Vec::new(), Vec::new());
    let began = Instant::now();
    let mut stages = Stages::new(&plan);
    loop {
        let wake = stages.wake(&waiting);
        let (attempt, reply) = tokio::select! {
            biased;
            done = running.next() => match done {
                Some(done) => done,
                None => break,
            },
            () = sleep_until(began + wake) => {
                if wake >= plan.total {
                    break;
                }
                stages.widen(&mut waiting, &mut spare, now.len());
                waiting.drain(..).for_each(|id| begin(id, &running, &mut tried));
                continue;
            }
        };
        tried.end(attempt);
        let done = (attempt, reply);
        let taken = took(&done);
        takers.extend(taken.then_some(attempt.beacon));
        lack.extend((!taken && lacked(&done)).then_some(attempt.beacon));
        votes.count(attempt, done.1);
        if votes.has_success() {
            break;
        }
        waiting.drain(..).for_each(|id| begin(id, &running, &mut tried));
        if !taken && let Some(id) = spare.pop_front() {
            begin(id, &running, &mut tried);
        }
    }
    let (verdict, reply) = votes.verdict();
    let laggards =
        Laggards { running, waiting, spare, limit: plan.attempt, hedge: stages.hedge, lacked: lack };
    Broadcast { verdict, finished: Finished { reply, tried }, laggards, took: takers }
}
