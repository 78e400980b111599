//! Runners: walk a strategy's order, within the row's budget, as its follow column allows.
//!
//! A runner never chooses beacons and never reads the table; it is given an order and a plan.

mod best;
mod broadcast;
mod either;
mod plan;
mod sequence;

use std::sync::Arc;

use super::upstream::{Ask, Reply, Upstream};
use crate::model::{Attempt, BeaconId, Clock, Outcome, TRACE_ATTEMPTS};

pub use best::best;
pub use broadcast::{Broadcast, Laggards, broadcast};
pub use either::either;
pub use plan::{Plan, plan};
pub use sequence::sequence;

/// Told of a beacon whose connection was refused or broke.
pub type Report = Arc<dyn Fn(BeaconId) + Send + Sync>;

/// What every runner needs.
#[derive(Clone)]
pub struct Lane {
    /// All beacons, by id.
    pub upstreams: Arc<[Arc<Upstream>]>,
    /// The clock.
    pub clock: Clock,
    /// Hears of broken connections.
    pub report: Report,
}

impl Lane {
    /// One attempt at one beacon.
    async fn attempt(&self, id: BeaconId, ask: &Ask, limit: std::time::Duration) -> (Attempt, Option<Reply>) {
        let upstream = &self.upstreams[id.index()];
        let (attempt, reply) = upstream.attempt(ask, limit, &self.clock).await;
        if matches!(attempt.outcome, Outcome::Unreachable | Outcome::Broken) {
            (self.report)(id);
        }
        (attempt, reply)
    }
}

/// Attempts made: the first few kept, all counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tried {
    /// Kept attempts.
    pub kept: [Attempt; TRACE_ATTEMPTS],
    /// How many were made.
    pub count: u8,
}

impl Tried {
    /// Adds an attempt, if one was made.
    pub fn push(&mut self, attempt: Attempt) {
        if attempt.outcome == Outcome::None {
            return;
        }
        if let Some(place) = self.kept.get_mut(usize::from(self.count)) {
            *place = attempt;
        }
        self.count = self.count.saturating_add(1);
    }

    /// The kept ones.
    pub fn kept(&self) -> &[Attempt] {
        &self.kept[..usize::from(self.count).min(TRACE_ATTEMPTS)]
    }
}

/// What a runner brings back.
#[derive(Default)]
pub struct Finished {
    /// The best reply, be it an error; none if nobody replied.
    pub reply: Option<(BeaconId, Reply)>,
    /// Attempts made so far.
    pub tried: Tried,
}

/// How good an outcome is as the client's answer; lower is better.
fn badness(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Ok => 0,
        Outcome::AlreadyKnown => 1,
        Outcome::Empty => 2,
        Outcome::Refused => 3,
        Outcome::Failed => 4,
        Outcome::None | Outcome::Unreachable | Outcome::Broken | Outcome::TimedOut | Outcome::Overtaken => 5,
    }
}

/// Keeps the better of two replies.
fn keep_better(best: &mut Option<(u8, BeaconId, Reply)>, attempt: Attempt, reply: Option<Reply>) {
    if let Some(reply) = reply {
        let bad = badness(attempt.outcome);
        if best.as_ref().is_none_or(|(old, ..)| bad < *old) {
            *best = Some((bad, attempt.beacon, reply));
        }
    }
}
