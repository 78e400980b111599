//! The simulation's one clock: wall time that cannot step back while it runs.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::UnixMs;

/// Wall clock as read at the start, carried on by the monotonic one.
#[derive(Debug, Clone, Copy)]
pub(super) struct SimClock {
    start: Instant,
    wall: u64,
}

impl SimClock {
    /// Reads the wall clock once.
    pub(super) fn new() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        Self { start: Instant::now(), wall }
    }

    /// Now.
    pub(super) fn now(&self) -> UnixMs {
        UnixMs(self.wall + self.start.elapsed().as_millis() as u64)
    }

    /// Sleeps until a moment; returns at once if it has passed.
    pub(super) async fn until(&self, when: UnixMs) {
        tokio::time::sleep(Duration::from_millis(when.0.saturating_sub(self.now().0))).await;
    }
}
