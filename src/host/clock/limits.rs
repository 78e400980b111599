//! From which offset, uncertainty, jitter or step a clock is worth a word: shares of what the spec lets clocks differ.
//!
//! Owns every threshold of a clock, in one table. A fleet with a spec of its own scales them all.

use serde::{Deserialize, Serialize};

use super::reading::Sources;

/// How bad a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// Costs nothing yet.
    Warn,
    /// Costs duties, or will.
    Bad,
    /// Beyond what other nodes accept: everything signed here is late or from the future.
    Critical,
}

/// Thresholds of a clock, in microseconds. A value at a threshold is beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `MAXIMUM_GOSSIP_CLOCK_DISPARITY` (consensus spec, p2p interface).
    disparity_us: u64,
}

/// Of mainnet.
const DISPARITY_MS: u64 = 500;
/// A disparity outside of this is no disparity but a mistake in what was served.
const PLAUSIBLE_MS: std::ops::RangeInclusive<u64> = 50..=10_000;
/// A step of the wall clock smaller than this is what reading two clocks one after the other costs.
const STEP_WARN_US: u64 = 1_000;

impl Default for Limits {
    fn default() -> Self {
        Self { disparity_us: DISPARITY_MS * 1_000 }
    }
}

impl Limits {
    /// Of a spec whose disparity is so many milliseconds; of mainnet's if that is implausible.
    pub fn of_disparity(ms: u64) -> Self {
        if PLAUSIBLE_MS.contains(&ms) { Self { disparity_us: ms * 1_000 } } else { Self::default() }
    }

    /// By the size of an offset: warn from a tenth of the disparity, bad from half, critical from all of it.
    pub fn offset(self, offset_us: i64) -> Grade {
        let size = offset_us.unsigned_abs();
        if size >= self.disparity_us { Grade::Critical } else { self.graded(size, 10, 2) }
    }

    /// By what an offset may be off: warn from a fifth of the disparity, bad from half.
    pub fn uncertainty(self, half_us: u64) -> Grade {
        self.graded(half_us, 5, 2)
    }

    /// By the spread of what a source says: warn from a fiftieth of the disparity, bad from a tenth.
    pub fn jitter(self, deviation_us: u64) -> Grade {
        self.graded(deviation_us, 50, 10)
    }

    /// By the size of a step: warn from a millisecond, bad from a fifth of the disparity.
    pub fn step(self, by_us: u64) -> Grade {
        match self.graded(by_us, 5, 5) {
            Grade::Ok if by_us >= STEP_WARN_US => Grade::Warn,
            grade => grade,
        }
    }

    /// By the frequency error a daemon corrects: warn beyond 100 ppm, bad beyond 400; it can correct no more than 500.
    pub fn frequency(self, ppm: i64) -> Grade {
        match ppm.unsigned_abs() {
            401.. => Grade::Bad,
            101.. => Grade::Warn,
            _ => Grade::Ok,
        }
    }

    /// By what a daemon hears: two references cannot outvote a wrong one, and none is no time at all.
    pub fn sources(self, sources: Sources) -> Grade {
        match (sources.reachable, sources.false_tickers) {
            (0, _) => Grade::Bad,
            (1 | 2, _) | (_, 1..) => Grade::Warn,
            _ => Grade::Ok,
        }
    }

    fn graded(self, size_us: u64, warn: u64, bad: u64) -> Grade {
        if size_us >= self.disparity_us / bad {
            Grade::Bad
        } else if size_us >= self.disparity_us / warn {
            Grade::Warn
        } else {
            Grade::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Grade::{Bad, Critical, Ok, Warn};
    use super::*;

    /// Every threshold at mainnet's 500 ms: the last value below, and the first at it.
    #[rstest]
    #[case::offset(Limits::offset, &[(0, Ok), (49_999, Ok), (50_000, Warn), (-50_000, Warn), (249_999, Warn),
        (250_000, Bad), (-250_000, Bad), (499_999, Bad), (500_000, Critical), (i64::MIN, Critical)])]
    #[case::frequency(Limits::frequency, &[(100, Ok), (-101, Warn), (400, Warn), (401, Bad), (i64::MIN, Bad)])]
    fn signed(#[case] grade: fn(Limits, i64) -> Grade, #[case] table: &[(i64, Grade)]) {
        for (value, expected) in table {
            assert_eq!(grade(Limits::default(), *value), *expected, "{value}");
        }
    }

    #[rstest]
    #[case::uncertainty(Limits::uncertainty, &[(99_999, Ok), (100_000, Warn), (249_999, Warn), (250_000, Bad)])]
    #[case::jitter(Limits::jitter, &[(9_999, Ok), (10_000, Warn), (49_999, Warn), (50_000, Bad)])]
    #[case::step(Limits::step, &[(999, Ok), (1_000, Warn), (99_999, Warn), (100_000, Bad), (u64::MAX, Bad)])]
    fn unsigned(#[case] grade: fn(Limits, u64) -> Grade, #[case] table: &[(u64, Grade)]) {
        for (value, expected) in table {
            assert_eq!(grade(Limits::default(), *value), *expected, "{value}");
        }
    }

    #[test]
    fn references() {
        let table = [(0, 0, Bad), (1, 0, Warn), (2, 0, Warn), (3, 0, Ok), (4, 0, Ok), (4, 1, Warn)];
        for (reachable, false_tickers, expected) in table {
            assert_eq!(Limits::default().sources(Sources { reachable, false_tickers }), expected);
        }
    }

    #[test]
    fn the_spec_scales_them_and_nonsense_does_not() {
        assert_eq!(Limits::of_disparity(1_000).offset(250_000), Warn);
        assert_eq!(Limits::of_disparity(1_000).offset(500_000), Bad);
        for nonsense in [0, 49, 10_001, u64::MAX] {
            assert_eq!(Limits::of_disparity(nonsense), Limits::default());
        }
    }
}
