//! The virtual chain, pure: numbers from a seed, duties, the block tree, and the record of what was submitted.
//!
//! Nothing here knows of HTTP, tasks or a clock: every function is handed what it needs. Who knows which block at
//! what moment is `world`'s business. To add a kind of duty, compute it in `duties`, record it in `ledger`, count it
//! in `report`.

mod config;
mod duties;
mod ledger;
mod mix;
mod report;
mod tree;

pub use config::{ChainConfig, Due};
pub(super) use duties::{EpochDuties, SYNC_COMMITTEE, SYNC_SUBNETS, payload_committee, sync_committee};
pub(super) use ledger::{AttestationSeen, Ledger, PayloadSeen, Proposal, SyncSeen};
pub(super) use mix::{bytes, root, word};
pub use report::Report;
pub(super) use report::{Judge, fee_recipient_of};
pub(super) use tree::{Block, Tree};
