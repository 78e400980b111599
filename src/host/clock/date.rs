//! A beacon host's clock by the `Date` of its answers (RFC 9110, section 6.6.1), where no agent says more.
//!
//! `Date` is cut to the second, so one answer bounds the clock to a second and the way. Asking again just when the host's
//! second should turn halves that each time, down to the way itself. An *estimate*: a proxy answers with its own clock,
//! a busy server with a late one. It never decides anything alone.

use std::time::{Duration, UNIX_EPOCH};

use super::interval::Interval;

const SECOND_US: i64 = 1_000_000;
/// Two clocks may drift apart by this, parts per million.
const DRIFT_PPM: u64 = 100;
/// Servers that renew the text of their `Date` by a timer are late by as much when busy. Microseconds.
const LATE_US: i64 = 50_000;

/// One answer, with the moments by the asking clock: microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// When the question was sent.
    pub sent_us: i64,
    /// When the answer's head was there.
    pub received_us: i64,
    /// Its `Date`, seconds since the Unix epoch.
    pub date: i64,
}

/// Reads a `Date` header: seconds since the Unix epoch.
pub fn parse(header: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(header).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// What is known of one host's clock by its answers.
#[derive(Debug, Clone, Default)]
pub struct DateEstimate {
    /// Where the host's clock less the asking one lies, and when that was learnt.
    known: Option<(Interval, i64)>,
    /// Round trip of the last answer.
    way_us: i64,
}

impl DateEstimate {
    /// Takes an answer. One that contradicts all before it begins anew: a clock was set, or the host is another.
    pub fn take(&mut self, answered: Answered) {
        let Answered { sent_us, received_us, date } = answered;
        let Some(date_us) = date.checked_mul(SECOND_US) else { return };
        let low = date_us.saturating_sub(received_us);
        let high = date_us.saturating_add(SECOND_US + LATE_US).saturating_sub(sent_us);
        let Some(told) = Interval::new(low, high) else { return };
        let before = self.interval(received_us);
        let now = before.and_then(|before| before.meet(told)).unwrap_or(told);
        self.known = Some((now, received_us));
        self.way_us = received_us.saturating_sub(sent_us).clamp(0, SECOND_US);
    }

    /// Where the host's clock less the asking one lies, at this moment of the asking one.
    pub fn interval(&self, now_us: i64) -> Option<Interval> {
        let (interval, since) = self.known?;
        let age = now_us.saturating_sub(since).max(0).unsigned_abs();
        Some(interval.widened(age.saturating_mul(DRIFT_PPM) / 1_000_000))
    }

    /// When that was learnt last, by the asking clock; microseconds since the Unix epoch.
    pub fn learnt_us(&self) -> Option<i64> {
        self.known.map(|(_, learnt)| learnt)
    }

    /// How long to wait before asking again, at least `least`: so that the host's second turns, if its clock is at the middle
    /// of what is known, when the question comes there.
    pub fn wait(&self, now_us: i64, least: Duration) -> Duration {
        let least_us = i64::try_from(least.as_micros()).unwrap_or(i64::MAX);
        let Some(interval) = self.interval(now_us) else { return least };
        let earliest = now_us.saturating_add(least_us).saturating_add(self.way_us / 2);
        let theirs = earliest.saturating_add(interval.middle() - LATE_US / 2);
        let until_turn = (SECOND_US - theirs.rem_euclid(SECOND_US)) % SECOND_US;
        least + Duration::from_micros(until_turn.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_700_000_000_000_000;

    #[test]
    fn the_header_is_read() {
        assert_eq!(parse("Tue, 14 Nov 2023 22:13:20 GMT"), Some(1_700_000_000));
        for wrong in ["", "yesterday", "Tue, 14 Nov 1823 22:13:20 GMT"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_is_known_before_an_answer() {
        let estimate = DateEstimate::default();
        assert_eq!(estimate.interval(START), None);
        assert_eq!(estimate.wait(START, Duration::from_secs(1)), Duration::from_secs(1));
    }

    #[test]
    fn a_clock_that_was_set_begins_anew() {
        let mut estimate = DateEstimate::default();
        estimate.take(Answered { sent_us: START, received_us: START + 1_000, date: START / SECOND_US });
        let later = START + 10_000_000;
        estimate.take(Answered { sent_us: later, received_us: later, date: later / SECOND_US + 30 });
        assert!(estimate.interval(later).unwrap().contains(30_100_000));
    }

    proptest! {
        /// Whatever the way and however late the text is renewed, the truth is within, and ten answers bound it well.
        #[test]
        fn ten_answers_hold_the_truth_closely(
            truth in -3_000_000i64..3_000_000,
            ways in prop::collection::vec((0i64..30_000, 0i64..30_000, 0i64..LATE_US), 10),
        ) {
            let (mut estimate, mut now) = (DateEstimate::default(), START);
            for (there, back, late) in ways {
                now += i64::try_from(estimate.wait(now, Duration::from_secs(1)).as_micros()).unwrap();
                let theirs = now + there + truth;
                // The text was last renewed no later than `late` after the second turned.
                let date = (theirs - if theirs.rem_euclid(SECOND_US) < late { late } else { 0 }).div_euclid(SECOND_US);
                let received = now + there + back;
                estimate.take(Answered { sent_us: now, received_us: received, date });
                let interval = estimate.interval(received).unwrap();
                prop_assert!(interval.contains(truth), "{interval} does not hold {truth}");
                now = received;
            }
            prop_assert!(estimate.interval(now).unwrap().half() < 100_000);
        }

        #[test]
        fn nonsense_is_survived(sent: i64, received: i64, date: i64, now: i64) {
            let mut estimate = DateEstimate::default();
            for date in [date, date / 1_000_000] {
                estimate.take(Answered { sent_us: sent, received_us: received, date });
                estimate.interval(now);
                estimate.wait(now, Duration::from_secs(1));
            }
        }
    }
}
