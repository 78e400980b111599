//! Why a body could not be read.

use crate::endpoint::Inspect;

/// Why a body could not be read. What was sent on is not touched by it.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The JSON is not what the endpoint's specification says.
    #[error("{what} cannot be read as JSON")]
    ReadJson {
        /// What was expected.
        what: &'static str,
        /// Where it broke.
        #[source]
        source: serde_json::Error,
    },
    /// The SSZ has not the layout of the endpoint's type.
    #[error("{what}: {length} bytes have not the layout of its SSZ type")]
    ReadSsz {
        /// What was expected.
        what: &'static str,
        /// Bytes given.
        length: usize,
    },
    /// No block is found in the body.
    #[error("{length} bytes hold no signed block")]
    FindBlock {
        /// Bytes given.
        length: usize,
    },
    /// More different votes in one body than any honest client sends.
    #[error("{what}: more than {limit} different votes in one body")]
    GroupVotes {
        /// What was expected.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Bodies of this endpoint are no publications.
    #[error("{0:?} is no publication")]
    NoPublication(Inspect),
}
