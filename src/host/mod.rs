//! The host underneath a beacon: what is read of it, and what that means for an attestation.
//!
//! Owns reading and judging. It never touches what it reads. To add a part, add a folder and its line here.

pub mod clock;
pub mod sys;
