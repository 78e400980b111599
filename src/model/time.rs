//! Time as data. The one real clock is in `engine`; everyone else is handed a [`Moment`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// Signed milliseconds from `other` to `self`.
    pub fn since(self, other: UnixMs) -> i64 {
        self.0 as i64 - other.0 as i64
    }
}

/// One instant on both clocks: the wall clock says which slot it is, the monotonic one how long a thing took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Wall clock.
    pub wall: UnixMs,
    /// Microseconds of a monotonic clock that started with the process.
    pub mono_us: u64,
}

impl Moment {
    /// Milliseconds of monotonic time from `earlier` to `self`; 0 if it lies ahead.
    pub fn ms_since(self, earlier: Moment) -> u64 {
        self.mono_us.saturating_sub(earlier.mono_us) / 1_000
    }

    /// The same instant `ms` later on both clocks.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Moment {
        Moment { wall: UnixMs(self.wall.0 + ms), mono_us: self.mono_us + ms * 1_000 }
    }
}

/// Basis points, 1/10,000 (consensus spec, `BASIS_POINTS`): the unit of due points within a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bps(pub u16);

impl Bps {
    /// This share of `whole`, rounded down as the consensus spec does.
    pub fn of(self, whole: u64) -> u64 {
        whole * u64::from(self.0) / 10_000
    }
}

impl fmt::Display for Bps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} %", self.0 / 100, self.0 % 100)
    }
}

/// The clock handed to rooms that do I/O; `engine` makes the one real one, tests make their own.
pub type Clock = std::sync::Arc<dyn Fn() -> Moment + Send + Sync>;
