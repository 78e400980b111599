//! chronyd, asked by its command protocol (`candm.h` of chrony 2.2 to 4.x, version 6): what it follows and how far off it is.
//!
//! Owns the datagrams ([`wire`]), what they mean for the clock ([`report`]) and the asking ([`client`]). It only asks what
//! any user of the host may ask, and never sends a command that changes anything.

pub mod client;
pub mod report;
pub mod wire;

pub use client::{ChronyError, Door, ask};
pub use report::Report;
