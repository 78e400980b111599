//! Time servers asked by ourselves: the simple client of RFC 5905 (section 14).
//!
//! Owns the packet ([`packet`]) and the asking ([`client`]). It tells a server nothing of this host's clock, asks a few
//! times at most, and stops for good when it is told to.

pub mod client;
pub mod packet;

pub use client::{Pace, measure};
pub use packet::{Sample, SntpError};
