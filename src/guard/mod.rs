//! What may never be given to be signed: pure rules about what validators sign, and about the duties by which they do.
//!
//! It asks nobody and keeps no time: questions and answers are handed in. To add a rule of attestation data, add a
//! [`Refusal`].

mod board;
mod data;
mod payload;
mod quorum;
mod roster;
mod rules;
mod standing;
mod views;

pub use board::{Board, Marks, Topic};
pub use data::{AttestationData, Checkpoint};
pub use payload::PayloadData;
pub use quorum::{Ballot, Confirmed, Link, needed};
pub use roster::{Deciders, DutyKind, DutyList, Known, Roster};
pub use rules::{Refusal, answer, question};
pub use standing::Stage;
pub use views::Views;
