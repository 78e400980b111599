//! How much of the door one client may take: connections at a time, requests a second.
//!
//! A client is who the fleet file names, else a source address. What is too much waits a moment first: a burst is no
//! attack, and a duty answered late is better than one refused. Only then it is refused, by 503 and never by 429: Teku
//! sleeps two seconds on a 429 (`OkHttpValidatorTypeDefClient`, `RateLimitException`), which costs the attestation.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Acquire};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How long a connection waits for one of its client's others to end.
pub const ENTER_PATIENCE: Duration = Duration::from_secs(2);
/// A client may ask at once what it may ask in so long.
const BURST: Duration = Duration::from_secs(2);
/// How long a request waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(1);
/// Clients remembered before those that left are looked for and forgotten.
const REMEMBERED: usize = 1_024;

/// A client as far as limits are concerned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// Named by the fleet file.
    Named(String),
    /// Anyone else, by source.
    Source(IpAddr),
}

/// Everyone at the doors. It outlives a reload: limits are passed in, not kept.
#[derive(Debug, Default)]
pub struct Crowd(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    shares: HashMap<Who, Arc<Share>>,
    /// Size at which those that left are forgotten.
    full: usize,
}

impl Crowd {
    /// The share of a client, one for all its connections.
    pub fn share(&self, who: Who) -> Arc<Share> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.shares.len() >= known.full.max(REMEMBERED) {
            let now = Instant::now();
            known.shares.retain(|_, share| Arc::strong_count(share) > 1 || !share.is_rested(now));
            known.full = known.shares.len() * 2;
        }
        known.shares.entry(who).or_default().clone()
    }
}

/// What one client takes.
#[derive(Debug)]
pub struct Share {
    began: Instant,
    connections: AtomicUsize,
    left: Notify,
    /// When, in nanoseconds from `began`, all that was asked would have been asked at an even pace.
    even: AtomicU64,
}

impl Default for Share {
    fn default() -> Self {
        let (connections, left, even) = Default::default();
        Self { began: Instant::now(), connections, left, even }
    }
}

impl Share {
    /// A place for one more connection of at most `most`; waits a moment for one, then there is none.
    pub async fn enter(self: &Arc<Self>, most: usize) -> Option<Place> {
        let end = Instant::now() + ENTER_PATIENCE;
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            // Whoever leaves from here on is noticed.
            left.as_mut().enable();
            let more = |open: usize| (open < most).then_some(open + 1);
            if self.connections.fetch_update(AcqRel, Acquire, more).is_ok() {
                return Some(Place(self.clone()));
            }
            timeout_at(end, left).await.ok()?;
        }
    }

    /// Waits for the turn of one request at `rate` a second. False if it would wait too long.
    pub async fn turn(&self, rate: u32) -> bool {
        match self.wait(Instant::now(), rate) {
            Some(Duration::ZERO) => true,
            Some(wait) => {
                tokio::time::sleep(wait).await;
                true
            }
            None => false,
        }
    }

    /// The generic cell rate algorithm (ITU-T I.371): one number says how far ahead of an even pace a client is.
    fn wait(&self, now: Instant, rate: u32) -> Option<Duration> {
        let step = 1_000_000_000 / u64::from(rate.max(1));
        let now = nanos(now.saturating_duration_since(self.began));
        let mut wait = 0;
        let next = |even: u64| {
            let next = even.max(now) + step;
            wait = next.saturating_sub(now + nanos(BURST).max(step));
            (wait <= nanos(TURN_PATIENCE)).then_some(next)
        };
        self.even.fetch_update(AcqRel, Acquire, next).ok()?;
        Some(Duration::from_nanos(wait))
    }

    fn is_rested(&self, now: Instant) -> bool {
        self.even.load(Acquire) <= nanos(now.saturating_duration_since(self.began))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}

/// The place of one connection, free again when dropped.
#[derive(Debug)]
pub struct Place(Arc<Share>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, AcqRel);
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u32) -> Who {
        Who::Source(IpAddr::from(last.to_be_bytes()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_too_many_waits_for_another_to_end() {
        let share = Crowd::default().share(source(1));
        let first = share.enter(2).await.unwrap();
        let _second = share.enter(2).await.unwrap();
        let began = Instant::now();
        assert!(share.enter(2).await.is_none());
        assert_eq!(began.elapsed().as_secs(), 2);
        let waiting = tokio::spawn({
            let share = share.clone();
            async move { share.enter(2).await.is_some() }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(first);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_then_requests_are_paced_and_only_then_refused() {
        let share = Share::default();
        let now = Instant::now();
        let at_once = (0..20).filter(|_| share.wait(now, 10) == Some(Duration::ZERO)).count();
        assert_eq!(at_once, 20, "two seconds' worth");
        let paced: Vec<u128> = (0..10).map(|_| share.wait(now, 10).unwrap().as_millis()).collect();
        assert_eq!(paced, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
        assert_eq!((share.wait(now, 10), share.wait(now, 10)), (None, None), "a refusal costs nothing");
        let later = now + Duration::from_millis(1_500);
        assert_eq!(share.wait(later, 10), Some(Duration::ZERO));
        assert!(Share::default().turn(1).await, "a slow rate lets one through at once");
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_left_are_forgotten_and_those_that_owe_are_not() {
        let crowd = Crowd::default();
        let held = crowd.share(Who::Named("vc".into()));
        for last in 1..REMEMBERED as u32 {
            let share = crowd.share(source(last));
            if last % 2 == 1 {
                assert_eq!(share.wait(Instant::now(), 1_000), Some(Duration::ZERO));
            }
        }
        let known = || crowd.0.lock().unwrap().shares.len();
        crowd.share(source(u32::MAX));
        assert_eq!(known(), 1 + 1 + REMEMBERED / 2, "held, new, and those that asked a moment ago");
        tokio::time::sleep(Duration::from_secs(1)).await;
        for last in 0..2 * REMEMBERED as u32 {
            crowd.share(source(u32::MAX - last));
        }
        assert!(known() <= 2 * REMEMBERED + 4, "{}", known());
        assert!(Arc::ptr_eq(&held, &crowd.share(Who::Named("vc".into()))));
    }
}
