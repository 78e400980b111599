//! A histogram of seconds made of atomics, where the client library's has a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds of times that something took, in microseconds; a bucket without bound follows.
const TOOK_US: [i64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];
/// Upper bounds of times against a due point, in microseconds (negative: before it); a bucket without bound follows.
const AFTER_DUE_US: [i64; 16] = [
    -4_000_000, -2_000_000, -1_000_000, -500_000, -250_000, -100_000, 0, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_000_000, 4_000_000, 8_000_000, 12_000_000,
];

/// Times seen so far. Clones count into the same buckets.
#[derive(Debug, Clone)]
pub struct Seconds(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds_us: &'static [i64],
    sum_us: AtomicI64,
    /// One a bound, and the one without.
    buckets: Box<[AtomicU64]>,
}

impl Seconds {
    /// Of times that something took.
    pub fn taken() -> Self {
        Self::within(&TOOK_US)
    }

    /// Of moments against a due point. The sum may fall, as these may be negative: rates are read from the buckets.
    pub fn after_due() -> Self {
        Self::within(&AFTER_DUE_US)
    }

    fn within(bounds_us: &'static [i64]) -> Self {
        let buckets = (0..=bounds_us.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { bounds_us, sum_us: AtomicI64::new(0), buckets }))
    }

    /// Adds a time in microseconds.
    pub fn observe_us(&self, us: i64) {
        let bucket = self.0.bounds_us.partition_point(|bound| *bound < us);
        if let Some(count) = self.0.buckets.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.0.sum_us.fetch_add(us, Relaxed);
    }
}

impl TypedMetric for Seconds {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Seconds {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let bounds = self.0.bounds_us.iter().map(|bound| *bound as f64 / 1e6).chain([f64::INFINITY]);
        let counts = self.0.buckets.iter().map(|count| count.load(Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        // The count is that of the buckets read, so that one scrape agrees with itself.
        let count = buckets.iter().map(|bucket| bucket.1).sum();
        let sum = self.0.sum_us.load(Relaxed) as f64 / 1e6;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
