//! The only real clock.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::model::{Clock, Moment, UnixMs};

/// The machine's wall clock as it is compared with others: microseconds since the Unix epoch.
pub fn micros() -> i64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(wall.as_micros()).unwrap_or(i64::MAX)
}

/// The machine's clocks: wall time is read each time, so that a corrected clock is followed.
pub fn system() -> Clock {
    let origin = Instant::now();
    Arc::new(move || {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { wall: UnixMs(wall.as_millis() as u64), mono_us: origin.elapsed().as_micros() as u64 + 1 }
    })
}
