//! The targets by name, for cargo-fuzz: a binary each in `fuzz_targets`.

#![allow(clippy::unwrap_used, reason = "a corpus that cannot be read is no corpus")]

#[path = "../parsers/targets.rs"]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use targets::{TARGETS, Target, corpus};

fn target(name: &str) -> &'static Target {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("no target {name}"))
}

/// Writes a target's corpus into its folder below `BEACONDECK_SEEDS`, if that is set: what fuzzing begins with.
///
/// # Panics
/// It cannot be read or written.
pub fn sow(name: &str) {
    let Some(below) = std::env::var_os("BEACONDECK_SEEDS") else { return };
    let folder = PathBuf::from(below).join(name);
    fs::create_dir_all(&folder).unwrap();
    let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures"));
    for (number, bytes) in corpus(target(name), fixtures).iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), bytes).unwrap();
    }
}

/// Runs a target.
///
/// # Panics
/// There is none of this name; the parser broke.
pub fn run(name: &str, bytes: &[u8]) {
    (target(name).run)(bytes);
}
