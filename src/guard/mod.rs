//! What may never be given to be signed: pure rules about what validators sign, and about the duties by which they do.
//!
//! It asks nobody and keeps no time: questions and answers are handed in. To add a rule of attestation data, add a
//! [`Refusal`]; of blocks, a [`Blocked`].

mod board;
mod data;
mod drafts;
mod payload;
mod proposals;
mod quorum;
mod roster;
mod rules;
mod standing;
mod views;

pub use board::{Board, Heard, Link, Marks, Topic};
pub use data::{AttestationData, Checkpoint};
pub use drafts::{DRAFT_BYTES, DRAFTS, Drafts};
pub use payload::PayloadData;
pub use proposals::{Blocked, End, Entry, Proposals, Published};
pub use quorum::{Ballot, Checkpoints, Confirmed, needed};
pub use roster::{Deciders, DutyKind, DutyList, Known, Roster};
pub use rules::{Refusal, answer, question};
pub use standing::Stage;
pub use views::Views;

#[cfg(test)]
mod tests;
