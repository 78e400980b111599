//! The door under bad input, bad clients and bad beacons: a clear error each, and whoever knocks next is served.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "door/blocks.rs"]
mod blocks;
mod common;
#[path = "door/crowds.rs"]
mod crowds;
#[path = "door/forks.rs"]
mod forks;
#[path = "door/house.rs"]
mod house;
#[path = "door/input.rs"]
mod input;
#[path = "door/limits.rs"]
mod limits;
#[path = "door/process.rs"]
mod process;
#[path = "door/published.rs"]
mod published;
#[path = "door/quorum.rs"]
mod quorum;
#[path = "door/signable.rs"]
mod signable;
#[path = "door/slow.rs"]
mod slow;
#[path = "door/stub.rs"]
mod stub;
#[path = "door/tls.rs"]
mod tls;
#[path = "door/upstream.rs"]
mod upstream;
#[path = "door/viewed.rs"]
mod viewed;
#[path = "door/wire.rs"]
mod wire;
