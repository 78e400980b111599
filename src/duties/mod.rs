//! What passed the router for which validator.
//!
//! Owns the parsing of duties and publications from shared bytes, off the hot path, the ledger of what became of them, who
//! signs with which key, and the bounded record of what was published by whom. It never decides where a request goes and never changes a byte. To read
//! another publication, add its [`crate::endpoint::Inspect`] to `publication`.

mod balances;
mod duty;
mod error;
mod json;
mod ledger;
mod liveness;
mod publication;
mod record;
mod signers;

pub use balances::effective_balances;
pub use duty::{
    AttesterDuties, AttesterDuty, Committees, KEPT_EPOCHS, MAX_MEMBERS, PayloadDuty, ProposerDuty, SyncDuty,
    attester_duties, payload_duties, proposer_duties, sync_duties,
};
pub use error::ParseError;
pub use ledger::{
    Ask, Block, Committee, CommitteesError, Fate, Given, Included, Ledger, MAX_SEEN, OfPath, Passage, Path,
    PayloadVotes, Row, Shape, Sums, SumsBy, Turnout, Verdict, read_block, read_committees,
    read_payload_committee,
};
pub use liveness::live;
pub use publication::{Kind, Link, MAX_GROUPS, MAX_VALIDATORS, Publication, Votes, parse};
pub use record::{DutyRecord, Records, SAMPLE, Sample};
pub use signers::{Clusters, Elsewhere, Found, How, MAX_KEYS, Sign, Signers, Twice, WINDOW, What};
