//! The simulation itself: healthy clients miss nothing, every fault bites, what the API promises holds.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod api;
mod clients;
mod help;
mod sockets;
