//! The state of the real program, on real disks: what was acknowledged survives kill -9, and each way in which the state
//! cannot be kept is one sentence.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

#[path = "store/disk.rs"]
mod disk;
#[path = "store/disks.rs"]
mod disks;
#[path = "store/kill.rs"]
mod kill;
#[path = "store/program.rs"]
mod program;
#[path = "store/serve.rs"]
mod serve;
