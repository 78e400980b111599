//! What the router knows of a beacon while it uses it: atomics, written on the hot path, read by the pool.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::model::Moment;

/// Live counters of one beacon.
#[derive(Debug, Default)]
pub struct Gauge {
    in_flight: AtomicU32,
    /// Microseconds (monotonic) since which requests were sent and none answered; 0 when none is owed.
    owed_since: AtomicU64,
    last_answer: AtomicU64,
    latency_us: AtomicU32,
    samples: AtomicU32,
    errors_in_row: AtomicU32,
    answered: AtomicU64,
    failed: AtomicU64,
}

/// Weight of a new sample in the smoothed latency is 1/8 (RFC 6298, SRTT).
const SMOOTHING: u64 = 8;

impl Gauge {
    /// A request was sent. `quick` ones are expected to be answered at once, so their silence means something.
    pub fn begin(&self, now: Moment, quick: bool) {
        self.in_flight.fetch_add(1, Relaxed);
        if quick {
            let _ = self.owed_since.compare_exchange(0, now.mono_us.max(1), Relaxed, Relaxed);
        }
    }

    /// A request is over, with or without an answer.
    pub fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
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

    /// An answer's head came, after `took_us`. Any answer is a sign of life.
    pub fn answer(&self, now: Moment, took_us: u64, quick: bool) {
        self.sign_of_life(now);
        if quick {
            let old = u64::from(self.latency_us.load(Relaxed));
            let new = if old == 0 { took_us } else { (old * (SMOOTHING - 1) + took_us) / SMOOTHING };
            self.latency_us.store(u32::try_from(new.max(1)).unwrap_or(u32::MAX), Relaxed);
            self.samples.fetch_add(1, Relaxed);
        }
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
        self.in_flight.load(Relaxed)
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
            gauge.begin(at(ms), true);
            gauge.end();
        }
        assert_eq!(gauge.silence_ms(at(310)), 300);
        gauge.answer(at(320), 5_000, true);
        assert_eq!(gauge.silence_ms(at(900)), 0);
        gauge.begin(at(900), false);
        assert_eq!(gauge.silence_ms(at(2_000)), 0, "bulk reads may take their time");
    }

    #[test]
    fn latency_is_smoothed() {
        let gauge = Gauge::default();
        gauge.answer(at(1), 8_000, true);
        gauge.answer(at(2), 16_000, true);
        assert_eq!(gauge.latency(), (9_000, 2));
    }
}
