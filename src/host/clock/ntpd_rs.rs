//! ntpd-rs, read at its observation socket: a length of eight bytes and one JSON object, sent to whoever connects.
//!
//! Owns the reading and what it means. Fields are looked for by name and none is required, as they change between versions.

use std::io;
use std::path::Path;

use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use super::interval::Interval;
use super::reading::{Reading, Sources, Standing, Witness};
use super::select::{Selection, select};

/// Where it listens unless configured.
pub const SOCKET: &str = "/var/run/ntpd-rs/observe";
/// Longest state read. Bytes.
const LONGEST: u64 = 1 << 20;
/// A source that left so many polls unanswered is not reached (RFC 5905: the reach register has eight bits).
const UNANSWERED: u32 = 8;
/// Sources looked at.
const SOURCES: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    system: System,
    sources: Vec<Source>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct System {
    stratum: u16,
}

/// Durations in seconds. The offset is the source's clock less the host's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    offset: Option<f64>,
    uncertainty: f64,
    delay: f64,
    remote_delay: f64,
    remote_uncertainty: f64,
    unanswered_polls: u32,
}

impl Source {
    fn answers(&self) -> bool {
        self.unanswered_polls < UNANSWERED
    }

    fn interval(&self) -> Option<Interval> {
        let delay = f64::midpoint(self.delay.abs(), self.remote_delay.abs());
        let half = delay + self.uncertainty.abs() + self.remote_uncertainty.abs();
        Interval::around_seconds(-self.offset?, half)
    }
}

/// What its state means; nothing if it is none.
pub fn decode(json: &[u8]) -> Option<Reading> {
    let state: State = serde_json::from_slice(json).ok()?;
    let answering: Vec<&Source> =
        state.sources.iter().take(SOURCES).filter(|source| source.answers()).collect();
    let intervals: Vec<Interval> = answering.iter().filter_map(|source| source.interval()).collect();
    let (offset, wrong) = match select(&intervals) {
        Some(Selection::Agreed { interval, outvoted, .. }) => (Some(interval), outvoted.len()),
        Some(Selection::Disagreed) => (None, intervals.len()),
        None => (None, 0),
    };
    let known = (1..16).contains(&state.system.stratum);
    let standing = match (known, offset) {
        (true, Some(_)) => Standing::Synchronised,
        (true, None) => Standing::FreeRunning,
        (false, _) => Standing::Unsynchronised,
    };
    let spread = answering.iter().map(|source| source.uncertainty.abs()).reduce(f64::min);
    let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    Some(Reading {
        witness: Witness::NtpdRs,
        offset: if known { offset } else { None },
        standing,
        age_ms: None,
        stratum: u8::try_from(state.system.stratum).ok().filter(|_| known),
        jitter_us: spread.map(|seconds| (seconds * 1e6) as u64),
        sources: Some(Sources { reachable: count(answering.len()), false_tickers: count(wrong) }),
        frequency_ppm: None,
    })
}

/// Reads the state at its socket.
///
/// # Errors
/// There is no socket there, nothing comes of it, or what comes is no state.
pub async fn read(socket: &Path) -> io::Result<Reading> {
    let mut stream = UnixStream::connect(socket).await?;
    let length = stream.read_u64().await?;
    if length > LONGEST {
        return Err(io::Error::other(format!("its state is said to have {length} bytes, {LONGEST} at most")));
    }
    let mut json = Vec::new();
    stream.take(length).read_to_end(&mut json).await?;
    decode(&json).ok_or_else(|| io::Error::other("what it sent is no state of ntpd-rs"))
}
