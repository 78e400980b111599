//! What can go wrong between us and one beacon, in one sentence each.
//!
//! Owns the distinction the pool lives by: no connection, no answer in time, a broken answer, an answer that says no, an
//! answer that makes no sense.

use std::error::Error;
use std::time::Duration;

use crate::model::BeaconName;

/// A read of a beacon failed. `Display` is one sentence without the source's text, and never shows a header's value.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The client could not be made: a CA file, a header or the TLS set-up is unusable.
    #[error("cannot set up connections to beacon {beacon}: {what}")]
    Setup {
        /// The beacon.
        beacon: BeaconName,
        /// What is unusable.
        what: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No connection: refused, not resolved, no answer to the handshake, certificate not accepted.
    #[error("cannot connect to beacon {beacon} for {path}")]
    Unreachable {
        /// The beacon.
        beacon: BeaconName,
        /// Path and query asked for.
        path: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Connected, and no whole answer (or, on a stream, nothing at all) within the time.
    #[error("beacon {beacon} did not answer {path} within {} ms", after.as_millis())]
    TimedOut {
        /// The beacon.
        beacon: BeaconName,
        /// Path and query asked for.
        path: String,
        /// The time it had.
        after: Duration,
    },
    /// The connection broke, or the stream ended.
    #[error("the answer of beacon {beacon} to {path} broke off")]
    Broken {
        /// The beacon.
        beacon: BeaconName,
        /// Path and query asked for.
        path: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An answer with another status than success.
    #[error("beacon {beacon} answered {path} with {code}{}{message}", if message.is_empty() { "" } else { ": " })]
    Status {
        /// The beacon.
        beacon: BeaconName,
        /// Path and query asked for.
        path: String,
        /// HTTP status.
        code: u16,
        /// The beacon's own words, one line, shortened, secrets taken out.
        message: String,
    },
    /// An answer that is not what the Beacon API says.
    #[error("beacon {beacon} answered {path} with something that cannot be read")]
    Decode {
        /// The beacon.
        beacon: BeaconName,
        /// Path and query asked for.
        path: String,
        /// Why.
        source: DecodeError,
    },
}

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not the JSON the Beacon API describes.
    #[error("the JSON does not have the expected shape")]
    Json(#[from] serde_json::Error),
    /// Metrics without the one that is wanted.
    #[error("it has no sample of process_start_time_seconds")]
    NoStart,
    /// More bytes than any honest answer has.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// Bytes accepted.
        limit: usize,
    },
}

impl ReadError {
    /// The HTTP status, where the beacon answered with one.
    pub fn status(&self) -> Option<u16> {
        match self {
            ReadError::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether a beacon refused a stream because it does not know one of its topics (400): ask again for fewer.
    pub fn refuses_topics(&self) -> bool {
        self.status() == Some(400)
    }
}
