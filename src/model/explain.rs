//! Why a request went where it went: a trace with names instead of ids, and the reasons of the choice.

use serde::{Deserialize, Serialize};

use super::{BeaconName, Outcome, Shared, Slot, UnixMs, ValidatorIndex};

/// One request, explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// The trace's running number.
    pub id: u64,
    /// Arrival of the request's head.
    pub at: UnixMs,
    /// The slot the request is about, or the slot it arrived in.
    pub slot: Slot,
    /// Name of the client that asked.
    pub client: String,
    /// Operation id of the endpoint, or our name where the specification has none.
    pub endpoint: String,
    /// Request method, where the endpoint's row fixes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Arrival relative to the due point of the request's step in `slot`, in milliseconds (negative: before).
    pub due_ms: i32,
    /// HTTP status answered.
    pub status: u16,
    /// Name of the beacon that answered, or `router`, or `nobody`.
    pub served_by: String,
    /// Why the answer was not fetched for this request, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// Milliseconds from arrival to the answer's head.
    pub took_ms: f64,
    /// Attempts in the order they were made.
    pub attempts: Vec<Tried>,
    /// One sentence on the choice.
    pub why: String,
    /// Beacons that were not asked, and why.
    pub skipped: Vec<Skipped>,
    /// What was published, where the request was a publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication: Option<Publication>,
}

/// One attempt at one beacon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tried {
    /// The beacon asked.
    pub beacon: BeaconName,
    /// What came of it.
    pub outcome: Outcome,
    /// HTTP status, 0 when none came.
    pub status: u16,
    /// Milliseconds from the request's arrival to the attempt's start.
    pub start_ms: f64,
    /// Milliseconds the attempt took.
    pub took_ms: f64,
}

/// A beacon that was not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Skipped {
    /// The beacon.
    pub beacon: BeaconName,
    /// Why, in words a person reads, e.g. "stale head".
    pub reason: String,
}

/// What a publication carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Publication {
    /// What was published, in the plural, e.g. "attestations".
    pub kind: String,
    /// Validators in it.
    pub validators: u32,
    /// The first few of them.
    pub sample: Vec<ValidatorIndex>,
}
