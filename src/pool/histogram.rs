//! How answer times are spread: a bounded, lock-free, log-linear histogram that forgets.
//!
//! It counts; what a quantile means to a request is the router's business. Four buckets to each power of two keep the
//! error below a quarter of the value, from 64 µs to 67 s; what lies outside is counted in the first and the last one.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::model::Bps;

/// Buckets to a power of two, as a power of two.
const FINE: u32 = 2;
/// Values below 2 to this are one bucket: no answer over a network is faster than 64 µs.
const LEAST: u32 = 6;
/// Values from 2 to this on are one bucket: every request is given up before 67 s.
const MOST: u32 = 26;
/// How many buckets there are.
const BUCKETS: usize = (((MOST - LEAST) << FINE) + 2) as usize;

/// Counts of microseconds.
#[derive(Debug)]
pub struct Histogram([AtomicU32; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([const { AtomicU32::new(0) }; BUCKETS])
    }
}

/// The bucket of a value.
fn place(us: u64) -> usize {
    match us.checked_ilog2() {
        None => 0,
        Some(power) if power < LEAST => 0,
        Some(power) if power >= MOST => BUCKETS - 1,
        Some(power) => {
            let within = (us >> (power - FINE)) as usize & ((1 << FINE) - 1);
            (((power - LEAST) << FINE) as usize) + within + 1
        }
    }
}

/// The first value above a bucket; for the last one the first value in it.
fn bound(place: usize) -> u32 {
    let Some(fine) = place.checked_sub(1) else { return 1 << LEAST };
    if place == BUCKETS - 1 {
        return 1 << MOST;
    }
    let (power, within) = (LEAST + (fine >> FINE) as u32, (fine & ((1 << FINE) - 1)) as u32);
    ((1 << FINE) + within + 1) << (power - FINE)
}

impl Histogram {
    /// Counts one value, in microseconds.
    pub fn count(&self, us: u64) {
        self.0[place(us)].fetch_add(1, Relaxed);
    }

    /// The value, in microseconds and rounded up to its bucket's bound, that `share` of what was counted lately did not
    /// exceed; none if fewer than `least` values were.
    pub fn quantile(&self, share: Bps, least: u32) -> Option<u32> {
        let counts: [u32; BUCKETS] = std::array::from_fn(|place| self.0[place].load(Relaxed));
        let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        if total < u64::from(least.max(1)) {
            return None;
        }
        let wanted = (total * u64::from(share.0)).div_ceil(10_000).clamp(1, total);
        let mut seen = 0;
        let found = counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        found.map(bound)
    }

    /// Halves what was counted, rounding down: what is older weighs less, and a lone outlier is forgotten.
    pub fn halve(&self) {
        for bucket in &self.0 {
            let count = bucket.load(Relaxed);
            // Subtracted, not stored: what is counted meanwhile stays.
            bucket.fetch_sub(count - count / 2, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, 64)]
    #[case(63, 64)]
    #[case(64, 80)]
    #[case(79, 80)]
    #[case(80, 96)]
    #[case(127, 128)]
    #[case(128, 160)]
    #[case(1_000, 1_024)]
    #[case(67_108_863, 67_108_864)]
    #[case(67_108_864, 67_108_864)]
    #[case(u64::MAX, 67_108_864)]
    fn a_value_is_rounded_up_to_its_bucket(#[case] us: u64, #[case] shown: u32) {
        let histogram = Histogram::default();
        histogram.count(us);
        assert_eq!(histogram.quantile(Bps(5_000), 1), Some(shown));
    }

    #[test]
    fn nothing_is_said_on_too_few_values() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(Bps(5_000), 0), None);
        (0..19).for_each(|_| histogram.count(1_000));
        assert_eq!(histogram.quantile(Bps(9_500), 20), None);
        histogram.count(1_000);
        assert_eq!(histogram.quantile(Bps(9_500), 20), Some(1_024));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let histogram = Histogram::default();
        (0..100).for_each(|_| histogram.count(1_000_000));
        assert!(histogram.quantile(Bps(5_000), 1) > Some(1_000_000));
        for _ in 0..3 {
            histogram.halve();
            (0..30).for_each(|_| histogram.count(1_000));
        }
        assert_eq!(histogram.quantile(Bps(5_000), 1), Some(1_024), "the present outweighs the past");
        (0..7).for_each(|_| histogram.halve());
        assert_eq!(histogram.quantile(Bps(5_000), 1), None, "silence leaves nothing");
    }

    #[test]
    fn counting_from_many_threads_loses_nothing() {
        let histogram = Histogram::default();
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let histogram = &histogram;
                scope.spawn(move || (0..10_000).for_each(|n| histogram.count(n * (thread + 1))));
            }
        });
        assert!(histogram.quantile(Bps(5_000), 40_000).is_some());
        assert!(histogram.quantile(Bps(5_000), 40_001).is_none());
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_a_quarter_above_the_true_one(
            mut values in proptest::collection::vec(64_u64..60_000_000, 1..200),
            share in 1_u16..=10_000,
        ) {
            let histogram = Histogram::default();
            for us in &values {
                histogram.count(*us);
            }
            values.sort_unstable();
            let rank = (values.len() * usize::from(share)).div_ceil(10_000).max(1);
            let exact = values[rank - 1];
            let told = u64::from(histogram.quantile(Bps(share), 1).unwrap());
            prop_assert!(told > exact && told <= exact + exact / 4 + 1, "{} for {}", told, exact);
        }
    }
}
