//! Runners: walk a strategy's order, within the row's budget, as its follow column allows.
//!
//! A runner never chooses beacons and never reads the table; it is given an order and a plan.

mod best;
mod broadcast;
mod either;
mod plan;
mod produce;
mod sequence;
mod turns;

use std::sync::Arc;

use super::upstream::{Ask, Reply, Upstream, micros};
use crate::model::{Attempt, BeaconId, Clock, Outcome, TRACE_ATTEMPTS};

pub use best::best;
pub use broadcast::{Broadcast, Laggards, broadcast};
pub use either::either;
pub use plan::{Plan, plan, total};
pub use produce::produce;
pub use sequence::sequence;
pub use turns::Turns;

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
    /// Microseconds since the request arrived.
    fn elapsed_us(&self, ask: &Ask) -> u32 {
        micros((self.clock)(), ask.arrived)
    }

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

/// Attempts begun: the first few kept, all counted. One that has not ended is [`Outcome::Overtaken`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Tried {
    /// Kept attempts.
    pub kept: [Attempt; TRACE_ATTEMPTS],
    /// How many were begun.
    pub count: u8,
}

impl Tried {
    /// What counts with one of several requests that they were made for: with the one that began them all, else none.
    #[must_use]
    pub fn counted(self, begun: bool) -> Self {
        if begun { self } else { Self::default() }
    }

    /// An attempt begins, `start_us` after the request arrived.
    fn begin(&mut self, beacon: BeaconId, start_us: u32) {
        self.push(Attempt { beacon, outcome: Outcome::Overtaken, start_us, ..Attempt::default() });
    }

    /// An attempt is over; one that was not begun here is added.
    pub fn end(&mut self, attempt: Attempt) {
        let kept = usize::from(self.count).min(TRACE_ATTEMPTS);
        if attempt.outcome == Outcome::None {
            return self.forget(attempt.beacon);
        }
        let running = |old: &&mut Attempt| old.beacon == attempt.beacon && old.outcome == Outcome::Overtaken;
        match self.kept[..kept].iter_mut().find(running) {
            Some(place) => *place = attempt,
            None if usize::from(self.count) > TRACE_ATTEMPTS => {}
            None => self.push(attempt),
        }
    }

    /// An attempt was not made after all.
    fn forget(&mut self, beacon: BeaconId) {
        let kept = usize::from(self.count).min(TRACE_ATTEMPTS);
        let begun = |old: &Attempt| old.beacon == beacon && old.outcome == Outcome::Overtaken;
        if let Some(place) = self.kept[..kept].iter().position(begun) {
            self.kept[place..kept].rotate_left(1);
            self.kept[kept - 1] = Attempt::default();
            self.count -= 1;
        }
    }

    /// Attempts that still run are let go, `now_us` after the request arrived.
    fn let_go(&mut self, outcome: Outcome, now_us: u32) {
        let kept = usize::from(self.count).min(TRACE_ATTEMPTS);
        for attempt in self.kept[..kept].iter_mut().filter(|attempt| attempt.outcome == Outcome::Overtaken) {
            attempt.outcome = outcome;
            attempt.took_us = now_us.saturating_sub(attempt.start_us);
        }
    }

    /// Adds the attempts of another walk for the same request.
    pub fn join(&mut self, later: &Tried) {
        let unkept = usize::from(later.count) - later.kept().len();
        later.kept().iter().for_each(|attempt| self.push(*attempt));
        self.count = self.count.saturating_add(unkept as u8);
    }

    fn push(&mut self, attempt: Attempt) {
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
    /// Attempts begun so far.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(beacon: u16, outcome: Outcome) -> Attempt {
        Attempt { beacon: BeaconId(beacon), outcome, took_us: 7, ..Attempt::default() }
    }

    #[test]
    fn attempts_are_counted_when_they_begin_and_told_when_they_end() {
        let mut tried = Tried::default();
        tried.begin(BeaconId(0), 0);
        tried.begin(BeaconId(1), 10);
        tried.end(ended(1, Outcome::Ok));
        tried.let_go(Outcome::TimedOut, 50);
        let told: Vec<_> = tried.kept().iter().map(|attempt| (attempt.outcome, attempt.took_us)).collect();
        assert_eq!((tried.count, told), (2, vec![(Outcome::TimedOut, 50), (Outcome::Ok, 7)]));
        tried.end(ended(3, Outcome::Broken));
        assert_eq!(tried.count, 3, "one that was not begun here");
    }

    #[test]
    fn what_is_not_kept_is_counted_once() {
        let mut tried = Tried::default();
        for beacon in 0..7 {
            tried.begin(BeaconId(beacon), 0);
        }
        for beacon in 0..7 {
            tried.end(ended(beacon, Outcome::Refused));
        }
        assert_eq!((tried.count, tried.kept().len()), (7, TRACE_ATTEMPTS));
        let mut both = Tried::default();
        both.begin(BeaconId(9), 0);
        both.join(&tried);
        assert_eq!(both.count, 8);
    }
}
