//! What may never be given to be signed: pure rules about what validators sign.
//!
//! It asks nobody and keeps no time: questions and answers are handed in. To add a rule of attestation data, add a
//! [`Refusal`].

mod board;
mod data;
mod rules;

pub use board::{Board, Marks, Stage, Topic};
pub use data::{AttestationData, Checkpoint};
pub use rules::{Refusal, answer, question};
