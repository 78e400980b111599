//! A gauge that has no value while it is unknown.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Stands for "unknown"; no slot and no size comes near it.
const UNKNOWN: i64 = i64::MIN;

/// A value, or none: 0 would be a lie, the last one too. Clones share it.
#[derive(Debug, Clone)]
pub struct Known(Arc<AtomicI64>);

impl Default for Known {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }
}

impl Known {
    /// Sets or forgets the value.
    pub fn set(&self, value: Option<i64>) {
        self.0.store(value.unwrap_or(UNKNOWN), Relaxed);
    }
}

impl TypedMetric for Known {
    const TYPE: MetricType = MetricType::Gauge;
}

impl EncodeMetric for Known {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self.0.load(Relaxed) {
            UNKNOWN => Ok(()),
            value => encoder.encode_gauge(&value),
        }
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
