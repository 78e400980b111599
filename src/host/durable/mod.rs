//! Durable writes: how long a disk takes until what was written would survive a power cut, measured by writing a little.
//!
//! A probe runs where an operator said so and nowhere else, never opens a file that is not its own, and stops by itself
//! ([`Bounds`]). What it measured becomes a reading of the record ([`Durable`]); checks judge that and never write.
//!
//! | file | owns |
//! |---|---|
//! | `phase` | when within slot and epoch it writes |
//! | `bounds` | when it stops |
//! | `probe` | the writing |
//! | `run` | the whole of it, in its moments |

mod bounds;
mod phase;
mod probe;
mod run;

use serde::{Deserialize, Serialize};

use super::facts::{Facts, misunderstood};
use super::finding::{Cannot, not_applicable, unknown};
use super::source::{Ask, Kind, Reading, Unread};

pub use bounds::Bounds;
pub use phase::window;
pub use probe::{Probe, ProbeError};
pub use run::{AT_ONCE, IN_PHASE, Order, SIGNING, measure};

/// Fewer writes than these tell nothing of the slowest.
const LEAST: usize = 16;

/// When a write was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// When votes are signed: around the point at which attestations are due.
    Signing,
    /// In an epoch's first seconds, when beacons write most.
    Epoch,
    /// At any moment: slots are not known.
    Any,
}

impl When {
    /// In words that follow a number.
    pub fn words(self) -> &'static str {
        match self {
            Self::Signing => "when votes are signed",
            Self::Epoch => "as an epoch begins",
            Self::Any => "at any moment",
        }
    }
}

/// Writes of 4 KiB and how long each took to be durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writes {
    /// When they were made.
    pub when: When,
    /// Microseconds each.
    pub us: Vec<u32>,
}

/// What a probe measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durable {
    /// Where.
    pub dir: String,
    /// Why nothing durable can be written there, if so; nothing was written then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
    /// Writes over what is there, by when.
    #[serde(default)]
    pub writes: Vec<Writes>,
    /// Microseconds of each file that was written anew and renamed over another, its directory made durable too.
    #[serde(default)]
    pub renames_us: Vec<u32>,
    /// Why it stopped early, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Validators whose signatures are recorded there, if somebody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validators: Option<u32>,
}

/// Median, 99th of a hundred, and slowest of some times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median.
    pub p50: f64,
    /// Of a hundred, the second slowest; of fewer, the slowest.
    pub p99: f64,
    /// The slowest.
    pub worst: f64,
}

impl Spread {
    /// Of these microseconds; none if there are none. By nearest rank.
    pub fn of(us: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut all: Vec<u32> = us.into_iter().collect();
        all.sort_unstable();
        let rank = |share: usize| Some(f64::from(*all.get((all.len() * share).div_ceil(100) - 1)?) / 1_000.0);
        if all.is_empty() { None } else { Some(Self { p50: rank(50)?, p99: rank(99)?, worst: rank(100)? }) }
    }
}

impl Durable {
    /// The question a record has the answer to.
    pub fn ask() -> Ask {
        Ask::new(Kind::Durable, "probe")
    }

    /// As a record keeps it.
    pub fn reading(&self) -> Reading {
        serde_json::to_string(self).map_err(|error| Unread::Failed(error.to_string()))
    }

    /// All writes together, if there are enough to tell.
    ///
    /// # Errors
    /// *Unknown*: why there are not.
    pub fn spread(&self) -> Result<Spread, Cannot> {
        let all: Vec<u32> = self.writes.iter().flat_map(|writes| writes.us.iter().copied()).collect();
        if all.len() < LEAST {
            let why = self.stopped.as_deref().unwrap_or("there was no time for more");
            return unknown(format!("only {} writes were made in {}: {why}", all.len(), self.dir));
        }
        Spread::of(all).map_or_else(|| misunderstood("the probe"), Ok)
    }
}

/// What the probe of this machine measured.
///
/// # Errors
/// *n/a*: nobody asked for one. *Unknown*: it could not be made.
pub fn measured(facts: &Facts<'_>) -> Result<Durable, Cannot> {
    let Ask { kind, path } = Durable::ask();
    match facts.read(kind, &path) {
        Ok(text) => serde_json::from_str(&text).or_else(|_| misunderstood("the probe")),
        Err(Unread::Absent) => not_applicable(
            "nobody named the directory of the signing records: `audit --probe-dir DIR`, `host.probe-dir`",
        ),
        Err(Unread::Denied) => unknown(
            "this user may not write where the probe is to write; run it as the signer's user or root",
        ),
        Err(Unread::Failed(reason)) => unknown(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_values_that_were_measured() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([7_000]), Some(Spread { p50: 7.0, p99: 7.0, worst: 7.0 }));
        let hundred = Spread::of((1..=100).rev().map(|ms| ms * 1_000));
        assert_eq!(hundred, Some(Spread { p50: 50.0, p99: 99.0, worst: 100.0 }));
        let as_many_as_a_probe_makes = Spread::of((1..=64).map(|ms| ms * 1_000));
        assert_eq!(as_many_as_a_probe_makes, Some(Spread { p50: 32.0, p99: 64.0, worst: 64.0 }));
    }
}
