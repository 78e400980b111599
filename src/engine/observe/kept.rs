//! Which client signed with which key last, across processes: over a restart of ours a key that signs elsewhere while its client
//! is stopped is still known to be ours.
//!
//! One file in the state directory, `keys.json.zst`, written whole once an epoch and at the end. What is not in it, or is of
//! another chain, is learned anew from what passes; a file that cannot be read is said in the log and left.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{self, Lasts};
use crate::model::{Slot, UnixMs, ValidatorIndex};

/// Name of the file.
const FILE: &str = "keys.json.zst";
const LEVEL: i32 = 3;

/// What is kept.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Kept {
    /// When slot 0 of the chain began.
    pub genesis: UnixMs,
    /// By client, validators and the slot each signed in last.
    pub clients: BTreeMap<String, Vec<(ValidatorIndex, Slot)>>,
}

/// What a process before this one kept; nothing if there is none, or it cannot be read.
pub fn read(state: &Path) -> Option<Kept> {
    let path = state.join(FILE);
    let read = || -> io::Result<Option<Kept>> {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(serde_json::from_reader(io::BufReader::new(zstd::Decoder::new(file)?))?))
    };
    let kept = read().inspect_err(|error| {
        tracing::warn!(%error, path = %path.display(), "which client signs with which key is learned anew");
    });
    kept.ok().flatten()
}

/// Keeps it, in place of what was kept before.
pub fn write(state: &Path, kept: &Kept) {
    let write = || -> io::Result<()> {
        files::put(&state.join(FILE), 0o640, Lasts::Power, |file| {
            let mut to = zstd::Encoder::new(file, LEVEL)?;
            serde_json::to_writer(&mut to, kept)?;
            to.finish().map(drop)
        })
    };
    if let Err(error) = write() {
        tracing::warn!(%error, dir = %state.display(), "which client signs with which key was not kept");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_what_cannot_be_read_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().to_path_buf();
        assert_eq!(read(&state), None);
        let keys = vec![(ValidatorIndex(17), Slot(320)), (ValidatorIndex(18), Slot(299))];
        let kept = Kept { genesis: UnixMs(1_000), clients: BTreeMap::from([("vc-1".to_owned(), keys)]) };
        write(&state, &kept);
        assert_eq!(read(&state), Some(kept));
        fs::write(state.join(FILE), "half a file").unwrap();
        assert_eq!(read(&state), None);
    }
}
