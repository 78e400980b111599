//! The fixed-size record each request leaves.

use serde::{Deserialize, Serialize};

use super::{BeaconId, ClientId, Slot, UnixMs};

/// How many attempts a trace keeps; later ones are counted, not kept.
pub const TRACE_ATTEMPTS: usize = 5;

/// What became of one attempt at one beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Not asked.
    #[default]
    None,
    /// Answered, and the answer was usable.
    Ok,
    /// Answered that it has nothing (404, 204): another may have it.
    Empty,
    /// Said it already knew the message.
    AlreadyKnown,
    /// Answered with a client error (4xx).
    Refused,
    /// Answered with a server error (5xx) or one this route does not allow.
    Failed,
    /// The connection could not be made.
    Unreachable,
    /// The connection broke before the answer was whole.
    Broken,
    /// No answer within the attempt's time.
    TimedOut,
    /// Still running when another answered, then left to finish on its own or let go.
    Overtaken,
}

/// One attempt: who, when, how long, what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Attempt {
    /// The beacon asked.
    pub beacon: BeaconId,
    /// What came of it.
    pub outcome: Outcome,
    /// HTTP status, 0 when none came.
    pub status: u16,
    /// Microseconds from the request's arrival to this attempt's start.
    pub start_us: u32,
    /// Microseconds this attempt took.
    pub took_us: u32,
}

/// Who answered the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Served {
    /// A beacon's answer.
    Beacon(BeaconId),
    /// The router itself.
    Local,
    /// Nobody: the router answered with an error of its own.
    Nobody,
}

/// Why an answer was not fetched for the request that got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    /// Another request that asked the same was waiting for it already.
    InFlight,
    /// It was decided before, for all who ask this.
    Decided,
    /// It was kept from an earlier request, and nothing has happened since that makes it another.
    Cached,
}

impl Shared {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::InFlight, Self::Decided, Self::Cached];

    /// One word, as in JSON, in headers and in labels of metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::InFlight => "in-flight",
            Self::Decided => "decided",
            Self::Cached => "cached",
        }
    }
}

/// The record of one request: fixed size, no heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Running number, from 1.
    pub id: u64,
    /// Arrival of the request's head.
    pub at: UnixMs,
    /// The client that asked.
    pub client: ClientId,
    /// The endpoint's row (index into the endpoint table); `u16::MAX` for a path without one.
    pub row: u16,
    /// The slot the request is about, or the slot it arrived in.
    pub slot: Slot,
    /// Arrival relative to the due point of its step in `slot`, in milliseconds (negative: before).
    pub due_ms: i32,
    /// Which published pool table the choice was made on.
    pub table: u64,
    /// HTTP status answered.
    pub status: u16,
    /// Who answered.
    pub served: Served,
    /// Why the answer was not fetched for this request; none if it was, or if it is the router's own.
    pub shared: Option<Shared>,
    /// Microseconds from arrival to the answer's head.
    pub took_us: u32,
    /// Request body bytes.
    pub bytes_in: u32,
    /// Answer body bytes where known at the head, else 0.
    pub bytes_out: u32,
    /// How many attempts were made.
    pub attempts: u8,
    /// The first [`TRACE_ATTEMPTS`] of them.
    pub tried: [Attempt; TRACE_ATTEMPTS],
}
