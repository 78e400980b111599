//! Time as data. The one real clock is in `engine`; everyone else is handed a [`Moment`].

use std::fmt;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// Signed milliseconds from `other` to `self`.
    pub fn since(self, other: UnixMs) -> i64 {
        self.0 as i64 - other.0 as i64
    }

    /// In UTC, to the second: `2026-11-25T19:25:50Z`. `?` for a moment beyond the year 9999.
    pub fn utc(self) -> String {
        let seconds = i64::try_from(self.0 / 1_000).unwrap_or(i64::MAX);
        let moment = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
        let text = moment.and_then(|moment| moment.format(&Rfc3339).ok());
        text.unwrap_or_else(|| "?".to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_date_and_time() {
        assert_eq!(UnixMs(0).utc(), "1970-01-01T00:00:00Z");
        assert_eq!(UnixMs(1_709_251_199_999).utc(), "2024-02-29T23:59:59Z");
        assert_eq!(UnixMs(u64::MAX).utc(), "?");
    }
}
