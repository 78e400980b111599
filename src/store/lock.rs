//! The lock on a state directory: one process at a time, and the next one learns who has it.
//!
//! The system releases it when its holder dies; the file stays and says who was the last.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::StoreError;

/// Its name in the directory.
const FILE: &str = "beacondeck.lock";
/// Most bytes read of what the holder wrote of itself.
const LINE: u64 = 512;

/// The lock, held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it and writes there who holds it.
    ///
    /// # Errors
    /// Another process has it, or the file cannot be written.
    pub fn take(dir: &Path, holder: &str) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let failed = |source| StoreError::system("lock", &path, source);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o640);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { dir: dir.to_owned(), holder: holder_of(&file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{holder}"));
        written.map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// What the holder wrote of itself; it may be just about to.
fn holder_of(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(LINE).read_to_string(&mut text);
    let line = text.lines().next().unwrap_or_default().trim();
    if read.is_err() || line.is_empty() { "another beacondeck".to_owned() } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_learns_who_is_the_first_until_it_has_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), "beacondeck (pid 1, alice)").unwrap();
        let refused = Lock::take(dir.path(), "beacondeck (pid 2, bob)").unwrap_err();
        let expected = format!(
            "the state in {} is in use by beacondeck (pid 1, alice): stop that one, or give this one a `state:` of its own",
            dir.path().display()
        );
        assert_eq!(refused.sentence(), expected);
        drop(first);
        let second = Lock::take(dir.path(), "x").unwrap();
        let refused = Lock::take(dir.path(), "y").unwrap_err();
        assert!(refused.sentence().contains("in use by x:"), "{}", refused.sentence());
        drop(second);
    }

    #[test]
    fn a_holder_that_has_not_written_yet_is_told_as_another() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join(FILE)).unwrap();
        file.try_lock().unwrap();
        let refused = Lock::take(dir.path(), "y").unwrap_err();
        assert!(refused.sentence().contains("in use by another beacondeck:"), "{}", refused.sentence());
    }
}
