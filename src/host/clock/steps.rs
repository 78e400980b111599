//! Steps of a wall clock: the moments it jumped rather than ran.
//!
//! On Linux a daemon that slews speeds up or slows down both clocks (`clock_gettime(2)`); only a step moves the wall clock
//! against the monotonic one. So their difference is watched, with the time it took to read both as its bound.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::interval::Interval;
use crate::model::UnixMs;

/// Steps remembered.
pub const KEPT: usize = 64;
/// Steps smaller than this are not told from reading the clocks. Microseconds.
const SMALLEST_US: u64 = 1_000;

/// The wall clock between two readings of the monotonic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Glance {
    /// Monotonic clock just before, microseconds.
    pub before_us: u64,
    /// Wall clock, microseconds since the Unix epoch.
    pub wall_us: i64,
    /// Monotonic clock just after, microseconds.
    pub after_us: u64,
}

impl Glance {
    /// Wall less monotonic.
    fn gap(self) -> Option<Interval> {
        let (before, after) = (i64::try_from(self.before_us).ok()?, i64::try_from(self.after_us).ok()?);
        let half = after.checked_sub(before)?.checked_div(2)?;
        let middle = self.wall_us.checked_sub(before.checked_add(half)?)?;
        Some(Interval::around(middle, u64::try_from(half).ok()? + 1))
    }
}

/// The wall clock jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// When it was seen, by the clock after the step.
    pub at: UnixMs,
    /// How far; positive is forwards.
    pub by: Interval,
}

/// Watches one host's clock.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    last: Option<Interval>,
    seen: VecDeque<Step>,
}

impl Steps {
    /// Takes a glance at the clocks, and says whether a step lies between it and the one before.
    pub fn take(&mut self, glance: Glance) -> Option<Step> {
        let gap = glance.gap()?;
        let Some(last) = self.last else {
            self.last = Some(gap);
            return None;
        };
        let by = gap.less(last);
        if by.widened(SMALLEST_US - 1).contains(0) {
            // What both allow bounds the gap better than either.
            self.last = last.meet(gap).or(Some(gap));
            return None;
        }
        self.last = Some(gap);
        let step = Step { at: UnixMs(u64::try_from(glance.wall_us / 1_000).unwrap_or_default()), by };
        if self.seen.len() == KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back(step);
        Some(step)
    }

    /// Those seen at or after `since`, oldest first.
    pub fn since(&self, since: UnixMs) -> impl Iterator<Item = Step> + '_ {
        self.seen.iter().copied().filter(move |step| step.at >= since)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_700_000_000_000_000;

    fn glance(mono_us: u64, took_us: u64, wall_less_mono_us: i64) -> Glance {
        Glance {
            before_us: mono_us,
            wall_us: mono_us as i64 + took_us as i64 / 2 + wall_less_mono_us,
            after_us: mono_us + took_us,
        }
    }

    #[test]
    fn a_step_is_seen_once_with_its_size() {
        let mut steps = Steps::default();
        assert_eq!(steps.take(glance(1_000_000, 2, START)), None);
        assert_eq!(steps.take(glance(2_000_000, 2, START)), None);
        let step = steps.take(glance(3_000_000, 2, START - 120_000)).expect("a step back by 120 ms");
        assert!(step.by.contains(-120_000) && step.by.half() < 10, "{}", step.by);
        assert_eq!(steps.take(glance(4_000_000, 2, START - 120_000)), None);
        assert_eq!(steps.since(UnixMs(0)).count(), 1);
        assert_eq!(steps.since(UnixMs(step.at.0 + 1)).count(), 0);
    }

    #[test]
    fn a_glance_that_was_interrupted_is_no_step() {
        let mut steps = Steps::default();
        steps.take(glance(1_000_000, 2, START));
        let late = Glance { before_us: 2_000_000, wall_us: START + 2_050_000, after_us: 2_050_002 };
        assert_eq!(steps.take(late), None, "50 ms passed between the first clock and the second");
        assert!(steps.take(glance(3_000_000, 2, START + 5_000)).is_some(), "and it hides no later step");
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut steps = Steps::default();
        for n in 0..200 {
            steps.take(glance(1_000_000 * n, 2, START + 10_000 * n as i64));
        }
        assert_eq!(steps.since(UnixMs(0)).count(), KEPT);
    }

    proptest! {
        #[test]
        fn nonsense_is_survived(before: u64, wall: i64, after: u64) {
            let mut steps = Steps::default();
            for _ in 0..2 {
                steps.take(Glance { before_us: before, wall_us: wall, after_us: after });
            }
        }

        #[test]
        fn its_interval_holds_the_true_step(by in -1_000_000i64..1_000_000, took in 0u64..5_000, took_then in 0u64..5_000) {
            let mut steps = Steps::default();
            steps.take(glance(1_000_000, took, START));
            match steps.take(glance(2_000_000, took_then, START + by)) {
                Some(step) => prop_assert!(step.by.contains(by)),
                None => prop_assert!(by.unsigned_abs() <= SMALLEST_US + took + took_then),
            }
        }
    }
}
