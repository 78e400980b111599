//! The targets by name, for cargo-fuzz: a binary each in `fuzz_targets`.

#![allow(clippy::unwrap_used, reason = "a corpus that cannot be read is no corpus")]

mod targets;

use std::path::Path;

pub use targets::{TARGETS, Target, corpus};

/// The fixtures of the tests.
pub fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures"))
}

/// Runs a target.
///
/// # Panics
/// There is none of this name; the parser broke.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("no target {name}")).run)(bytes);
}
