//! A host's clock by exchanges with its agent: of each round the narrowest sample, which is the one that was delayed least. Pure.
//!
//! Rounds are not narrowed by one another: a clock that is being slewed moves by more than any bound of drift
//! would allow (chronyd: up to 8 %), and what two rounds have in common would then be nowhere near it.

use crate::host::clock::Interval;
use crate::model::Moment;

/// Exchanges in a round.
pub const ROUND: usize = 4;
/// Two clocks may drift apart by this, parts per million.
const DRIFT_PPM: u64 = 100;
/// A sample that old tells nothing any more, in microseconds.
const OLD_US: u64 = 300_000_000;

/// The last round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Host less asking clock, microseconds, when it was taken.
    interval: Interval,
    /// When, by the asking side.
    pub at: Moment,
}

impl Sample {
    /// The narrowest of a round; none if there is none.
    pub fn of(round: impl IntoIterator<Item = Interval>, at: Moment) -> Option<Self> {
        let interval = round.into_iter().min_by_key(|sample| sample.half())?;
        Some(Self { interval, at })
    }

    /// Microseconds the exchange that counts was under way, there and back.
    pub fn round_trip_us(self) -> u64 {
        2 * self.interval.half()
    }

    /// Where the host's clock less the asking one lies now; none once that is too long ago.
    pub fn interval(self, now: Moment) -> Option<Interval> {
        let age_us = now.mono_us.saturating_sub(self.at.mono_us);
        (age_us <= OLD_US).then(|| self.interval.widened(age_us * DRIFT_PPM / 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMs;

    #[test]
    fn the_least_delayed_counts_and_grows_old() {
        let at = |mono_us| Moment { wall: UnixMs(1), mono_us };
        let round = [Interval::around(900, 2_000), Interval::around(80_000, 90), Interval::around(0, 400)];
        let sample = Sample::of(round, at(1)).unwrap();
        assert_eq!(sample.interval(at(1)), Some(Interval::around(80_000, 90)));
        assert_eq!(sample.interval(at(10_000_001)), Some(Interval::around(80_000, 1_090)));
        assert_eq!(sample.interval(at(OLD_US + 2)), None);
        assert_eq!(Sample::of([], at(1)), None);
    }
}
