//! A histogram of seconds made of atomics, where the client library's has a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds in microseconds; a bucket without bound follows.
const BOUNDS_US: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];
const BUCKETS: usize = BOUNDS_US.len() + 1;

/// Times seen so far. Clones count into the same buckets.
#[derive(Debug, Clone, Default)]
pub struct Seconds(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sum_us: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Seconds {
    /// Adds a time in microseconds.
    pub fn observe_us(&self, us: u64) {
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
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
        let mut buckets = [(f64::INFINITY, 0_u64); BUCKETS];
        for (bucket, count) in buckets.iter_mut().zip(&self.0.buckets) {
            bucket.1 = count.load(Relaxed);
        }
        for (bucket, bound) in buckets.iter_mut().zip(BOUNDS_US) {
            bucket.0 = bound as f64 / 1e6;
        }
        // The count is that of the buckets read, so that one scrape agrees with itself.
        let count = buckets.iter().map(|bucket| bucket.1).sum();
        let sum = self.0.sum_us.load(Relaxed) as f64 / 1e6;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
