//! What passed the router for which validator.
//!
//! Owns the parsing of duties and publications from shared bytes, off the hot path, and the bounded
//! record of what was published by whom. It never decides where a request goes and never changes a byte. To read
//! another publication, add its [`crate::endpoint::Inspect`] to `publication`.

mod duty;
mod error;
mod json;
mod ledger;
mod publication;
mod record;

pub use duty::{
    AttesterDuties, AttesterDuty, Committees, KEPT_EPOCHS, MAX_MEMBERS, ProposerDuty, SyncDuty,
    attester_duties, proposer_duties, sync_duties,
};
pub use error::ParseError;
pub use ledger::{
    Ask, Block, Committee, CommitteesError, Fate, Given, Included, Ledger, MAX_SEEN, OfPath, Passage, Path,
    Row, Shape, Sums, SumsBy, Turnout, Verdict, read_block, read_committees,
};
pub use publication::{Kind, Link, MAX_GROUPS, MAX_VALIDATORS, Publication, Votes, parse};
pub use record::{DutyRecord, Records, SAMPLE, Sample};
