//! Writes every target's corpus into a folder each below the one that is named: what fuzzing begins with.

use std::fs;
use std::path::PathBuf;

use beacondeck_fuzz::{TARGETS, corpus, fixtures};

fn main() -> std::io::Result<()> {
    let below = PathBuf::from(std::env::args().nth(1).ok_or(std::io::ErrorKind::InvalidInput)?);
    for target in &TARGETS {
        let folder = below.join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, bytes) in corpus(target, fixtures()).iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), bytes)?;
        }
    }
    Ok(())
}
