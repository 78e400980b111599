//! Where the difference of two clocks lies: bounds, never a bare point.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bounds beyond ±100 years are drawn in to that, so that sums of bounds cannot overflow. Microseconds.
const FURTHEST: i64 = 100 * 366 * 86_400 * 1_000_000;
const MICROS: f64 = 1e6;

/// Bounds of one clock less another, both inclusive, in microseconds. Of a host: its clock less true time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(i64, i64)", into = "(i64, i64)")]
pub struct Interval {
    low: i64,
    high: i64,
}

impl Interval {
    /// From the lower bound to the upper, in microseconds; nothing if they are the wrong way round.
    pub fn new(low: i64, high: i64) -> Option<Self> {
        (low <= high)
            .then(|| Self { low: low.clamp(-FURTHEST, FURTHEST), high: high.clamp(-FURTHEST, FURTHEST) })
    }

    /// `half` microseconds to each side of `middle`.
    pub fn around(middle: i64, half: u64) -> Self {
        let half = i64::try_from(half).unwrap_or(FURTHEST).min(2 * FURTHEST);
        let middle = middle.clamp(-FURTHEST, FURTHEST);
        let (low, high) = (middle - half, middle + half);
        Self { low: low.clamp(-FURTHEST, FURTHEST), high: high.clamp(-FURTHEST, FURTHEST) }
    }

    /// `half` seconds to each side of `middle`, rounded outwards; nothing unless both are numbers and `half` is not negative.
    pub fn around_seconds(middle: f64, half: f64) -> Option<Self> {
        if !middle.is_finite() || !half.is_finite() || half < 0.0 {
            return None;
        }
        // A float beyond the range of an integer becomes its limit, which `new` draws in.
        Self::new(((middle - half) * MICROS).floor() as i64, ((middle + half) * MICROS).ceil() as i64)
    }

    /// Lower bound, microseconds.
    pub fn low(self) -> i64 {
        self.low
    }

    /// Upper bound, microseconds.
    pub fn high(self) -> i64 {
        self.high
    }

    /// Midpoint, microseconds.
    pub fn middle(self) -> i64 {
        self.low + (self.high - self.low) / 2
    }

    /// Half the width, microseconds, rounded up.
    pub fn half(self) -> u64 {
        (self.high - self.low).unsigned_abs().div_ceil(2)
    }

    /// Whether `offset`, in microseconds, lies within.
    pub fn contains(self, offset: i64) -> bool {
        (self.low..=self.high).contains(&offset)
    }

    /// What both allow.
    pub fn meet(self, other: Self) -> Option<Self> {
        Self::new(self.low.max(other.low), self.high.min(other.high))
    }

    /// `by` microseconds wider to each side.
    #[must_use]
    pub fn widened(self, by: u64) -> Self {
        let by = i64::try_from(by).unwrap_or(FURTHEST).min(FURTHEST);
        Self {
            low: (self.low - by).clamp(-FURTHEST, FURTHEST),
            high: (self.high + by).clamp(-FURTHEST, FURTHEST),
        }
    }

    /// The same difference seen from the other clock.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    /// Bounds of this offset less the other: of two hosts measured by one clock, one host less the other.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self {
            low: (self.low - other.high).clamp(-FURTHEST, FURTHEST),
            high: (self.high - other.low).clamp(-FURTHEST, FURTHEST),
        }
    }
}

impl TryFrom<(i64, i64)> for Interval {
    type Error = &'static str;

    fn try_from((low, high): (i64, i64)) -> Result<Self, Self::Error> {
        Self::new(low, high).ok_or("the lower bound of a clock's offset is above the upper")
    }
}

impl From<Interval> for (i64, i64) {
    fn from(interval: Interval) -> Self {
        (interval.low, interval.high)
    }
}

/// `+80.1 ms ±2.3 ms`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.1} ms ±{:.1} ms", self.middle() as f64 / 1e3, self.half() as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_with_its_bound() {
        assert_eq!(Interval::around(80_100, 2_300).to_string(), "+80.1 ms ±2.3 ms");
        assert_eq!(Interval::around_seconds(-0.3, 0.0015).unwrap().to_string(), "-300.0 ms ±1.5 ms");
    }

    #[test]
    fn what_is_no_bound_is_refused() {
        assert_eq!(Interval::new(1, 0), None);
        assert_eq!(Interval::around_seconds(f64::NAN, 1.0), None);
        assert_eq!(Interval::around_seconds(0.0, f64::INFINITY), None);
        assert_eq!(Interval::around_seconds(0.0, -1.0), None);
        assert!(serde_json::from_str::<Interval>("[2,1]").is_err());
        assert_eq!(serde_json::from_str::<Interval>("[1,2]").unwrap(), Interval::new(1, 2).unwrap());
    }

    proptest! {
        #[test]
        fn no_bound_overflows(a: (i64, u64), b: (i64, u64), by: u64) {
            let (a, b) = (Interval::around(a.0, a.1), Interval::around(b.0, b.1));
            let difference = a.less(b).widened(by).reversed();
            prop_assert!(difference.contains(difference.middle()));
            prop_assert!(difference.low() <= difference.high());
        }

        #[test]
        fn a_difference_holds_every_pair(a in -1_000i64..1_000, b in -1_000i64..1_000, x in 0i64..100, y in 0i64..100) {
            let (left, right) = (Interval::new(a, a + x).unwrap(), Interval::new(b, b + y).unwrap());
            for (one, other) in [(a, b), (a + x, b), (a, b + y), (a + x, b + y), (a + x / 2, b + y / 2)] {
                prop_assert!(left.less(right).contains(one - other));
                prop_assert!(left.less(right).reversed().contains(other - one));
            }
        }

        #[test]
        fn rounding_goes_outwards(middle in -1e3f64..1e3, half in 0f64..1e3) {
            let interval = Interval::around_seconds(middle, half).unwrap();
            prop_assert!(interval.low() as f64 <= (middle - half) * 1e6);
            prop_assert!(interval.high() as f64 >= (middle + half) * 1e6);
        }
    }
}
