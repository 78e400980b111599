//! What the router knows of a beacon while it uses it: atomics, written on the hot path, read by the pool.

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Relaxed},
};

use super::histogram::Histogram;
use crate::model::{Bps, Moment};

/// Live counters of one beacon.
#[derive(Debug, Default)]
pub struct Gauge {
    /// Requests in flight, and [`CLOSED`]: in one word, so that nothing slips between the last answer and the closing.
    in_flight: AtomicU32,
    /// Microseconds (monotonic) since which requests were sent and none answered; 0 when none is owed.
    owed_since: AtomicU64,
    last_answer: AtomicU64,
    latency_us: AtomicU32,
    samples: AtomicU32,
    spread: Histogram,
    /// Microseconds (monotonic) of the last block it produced; 0 before the first.
    produced: AtomicU64,
    errors_in_row: AtomicU32,
    answered: AtomicU64,
    failed: AtomicU64,
}

/// Weight of a new sample in the smoothed latency is 1/8 (RFC 6298, SRTT).
const SMOOTHING: u64 = 8;
/// Set in the count of requests in flight while none may begin.
const CLOSED: u32 = 1 << 31;

impl Gauge {
    /// A request is about to be sent; false if none may be, and then nothing was begun. `quick` ones are expected to be
    /// answered at once, so their silence means something.
    #[must_use]
    pub fn begin(&self, now: Moment, quick: bool) -> bool {
        if self.in_flight.fetch_add(1, AcqRel) & CLOSED != 0 {
            self.in_flight.fetch_sub(1, AcqRel);
            return false;
        }
        if quick {
            let _ = self.owed_since.compare_exchange(0, now.mono_us.max(1), Relaxed, Relaxed);
        }
        true
    }

    /// A request is over, with or without an answer.
    pub fn end(&self) {
        self.in_flight.fetch_sub(1, AcqRel);
    }

    /// Lets no request begin any more, if none is in flight. Whether it is closed now.
    pub fn close(&self) -> bool {
        match self.in_flight.compare_exchange(0, CLOSED, AcqRel, Relaxed) {
            Ok(_) => true,
            Err(found) => found & CLOSED != 0,
        }
    }

    /// Lets requests begin again.
    pub fn open(&self) {
        self.in_flight.fetch_and(!CLOSED, AcqRel);
    }

    /// It produced a block, which it may be needed to finish.
    pub fn produced(&self, now: Moment) {
        self.produced.store(now.mono_us.max(1), Relaxed);
    }

    /// What it produced since then is not used: it is needed to finish nothing.
    pub fn spared(&self, since: Moment) {
        let unused = |at| (at >= since.mono_us).then_some(0);
        // None is left as it is: that block is from before.
        let _ = self.produced.fetch_update(Relaxed, Relaxed, unused);
    }

    /// Whether it produced a block within the last `ms` milliseconds.
    pub fn produced_within(&self, now: Moment, ms: u64) -> bool {
        let at = self.produced.load(Relaxed);
        at != 0 && now.mono_us.saturating_sub(at) < ms * 1_000
    }

    /// A server error that says something of the beacon, not of the request.
    pub fn error(&self) {
        self.failed.fetch_add(1, Relaxed);
        self.errors_in_row.fetch_add(1, Relaxed);
    }

    /// An answer was good.
    pub fn good(&self) {
        self.answered.fetch_add(1, Relaxed);
        self.errors_in_row.store(0, Relaxed);
    }

    /// An answer's head came, after `took_us`. Any answer is a sign of life; `timed` ones, quick and no errors, tell how
    /// fast the beacon is.
    pub fn answer(&self, now: Moment, took_us: u64, timed: bool) {
        self.sign_of_life(now);
        if timed {
            let old = u64::from(self.latency_us.load(Relaxed));
            let new = if old == 0 { took_us } else { (old * (SMOOTHING - 1) + took_us) / SMOOTHING };
            self.latency_us.store(u32::try_from(new.max(1)).unwrap_or(u32::MAX), Relaxed);
            self.samples.fetch_add(1, Relaxed);
            self.spread.count(took_us);
        }
    }

    /// Server errors so far count no longer: it begins anew.
    pub fn forgive(&self) {
        self.errors_in_row.store(0, Relaxed);
    }

    /// Answer times so far weigh half as much from now on in [`Gauge::quantile`].
    pub fn fade(&self) {
        self.spread.halve();
    }

    /// Something came from the beacon, by request, probe or event.
    pub fn sign_of_life(&self, now: Moment) {
        self.last_answer.store(now.mono_us, Relaxed);
        self.owed_since.store(0, Relaxed);
    }

    /// A request's connection could not be made or broke.
    pub fn failure(&self) {
        self.failed.fetch_add(1, Relaxed);
        self.errors_in_row.fetch_add(1, Relaxed);
    }

    /// A request was not answered in time; that this beacon hangs is told by its silence, not by counting.
    pub fn timeout(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// Milliseconds the beacon has owed an answer to quick requests without giving any.
    pub fn silence_ms(&self, now: Moment) -> u64 {
        match self.owed_since.load(Relaxed) {
            0 => 0,
            since => now.mono_us.saturating_sub(since) / 1_000,
        }
    }

    /// Monotonic microseconds of the last sign of life; 0 before the first.
    pub fn last_sign_us(&self) -> u64 {
        self.last_answer.load(Relaxed)
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed) & !CLOSED
    }

    /// The answer time of quick requests that `share` of the recent ones did not exceed, microseconds; none if there were
    /// fewer than `least`.
    pub fn quantile(&self, share: Bps, least: u32) -> Option<u32> {
        self.spread.quantile(share, least)
    }

    /// Smoothed answer time of quick requests in microseconds, and how many samples it rests on.
    pub fn latency(&self) -> (u32, u32) {
        (self.latency_us.load(Relaxed), self.samples.load(Relaxed))
    }

    /// Server errors since the last good answer.
    pub fn errors_in_row(&self) -> u32 {
        self.errors_in_row.load(Relaxed)
    }

    /// Requests answered and failed since start.
    pub fn totals(&self) -> (u64, u64) {
        (self.answered.load(Relaxed), self.failed.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::default().plus_ms(ms)
    }

    #[test]
    fn silence_grows_over_cancelled_requests_and_ends_with_any_answer() {
        let gauge = Gauge::default();
        for ms in [10, 110, 210] {
            assert!(gauge.begin(at(ms), true));
            gauge.end();
        }
        assert_eq!(gauge.silence_ms(at(310)), 300);
        gauge.answer(at(320), 5_000, true);
        assert_eq!(gauge.silence_ms(at(900)), 0);
        assert!(gauge.begin(at(900), false));
        assert_eq!(gauge.silence_ms(at(2_000)), 0, "bulk reads may take their time");
    }

    #[test]
    fn latency_is_smoothed() {
        let gauge = Gauge::default();
        gauge.answer(at(1), 8_000, true);
        gauge.answer(at(2), 16_000, true);
        assert_eq!(gauge.latency(), (9_000, 2));
    }

    #[test]
    fn timed_answers_alone_are_spread_and_fade() {
        let gauge = Gauge::default();
        gauge.answer(at(1), 8_000, true);
        gauge.answer(at(2), 900_000, false);
        assert_eq!(gauge.quantile(Bps(9_900), 1), Some(8_192));
        gauge.fade();
        assert_eq!(gauge.quantile(Bps(9_900), 1), None);
    }

    #[test]
    fn closing_waits_for_what_is_in_flight_and_refuses_what_comes_after() {
        let gauge = Gauge::default();
        assert!(gauge.begin(at(1), false));
        assert!(!gauge.close());
        assert!(gauge.begin(at(2), false), "still draining: what it began it may finish");
        gauge.end();
        gauge.end();
        assert!(gauge.close() && gauge.close());
        assert!(!gauge.begin(at(3), true));
        assert_eq!((gauge.in_flight(), gauge.silence_ms(at(2_000))), (0, 0), "a refused one leaves no trace");
        gauge.open();
        assert!(gauge.begin(at(4), true));
        assert_eq!(gauge.in_flight(), 1);
    }

    #[test]
    fn nothing_begins_between_the_last_answer_and_the_closing() {
        for _ in 0..50 {
            let gauge = Gauge::default();
            let (began, closed) = std::thread::scope(|scope| {
                let begins = scope.spawn(|| (0..100).filter(|n| gauge.begin(at(*n), false)).count() as u32);
                let closes = scope.spawn(|| gauge.close());
                (begins.join().unwrap(), closes.join().unwrap())
            });
            assert!(gauge.in_flight() == began && !(closed && began > 0), "{began} began, closed: {closed}");
        }
    }
}
