//! Blocks that were given to be signed, kept on disk: after a crash, too, who asks the same again gets the same bytes.
//!
//! A file a block, in a directory of its own, which is there whole before its client hears of it. It outlives this process;
//! that it is on disk is not waited for, so a power cut may take the last ones. How many there are is bounded as in
//! [`Drafts`](crate::guard::Drafts), and none stays that is [`SLOTS`] slots from the newest. A disk that does not take one in time costs no block.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::blocks::{Blocks, Draft, Question};
use super::given::Given;
use super::memory::lock;
use crate::files::{Lasts, is_unfinished, put};
use crate::guard::{DRAFT_BYTES, DRAFTS};
use crate::model::Slot;

/// The directory below that of state.
const FOLDER: &str = "blocks-given";
/// Slots a block is kept for: nobody signs one that is older.
const SLOTS: u64 = 32;
/// Longest wait for a disk, as it is taken from the time to sign.
const WAIT: Duration = Duration::from_millis(200);

/// Where blocks are kept.
#[derive(Debug)]
pub struct Shelf(PathBuf);

impl Blocks {
    /// Takes in what another process gave and kept below a directory of state, and keeps there what is given from now on;
    /// how many blocks there were.
    ///
    /// # Errors
    /// The directory can neither be read nor made.
    pub fn keep_in(&self, state: &Path) -> io::Result<usize> {
        let folder = state.join(FOLDER);
        DirBuilder::new().recursive(true).mode(0o750).create(&folder)?;
        let mut known = Vec::new();
        for (path, slot, _) in listed(&folder)? {
            if let Some(given) = fs::read(&path).ok().and_then(|bytes| Given::of_file(&bytes)) {
                known.push((slot, given));
            } else {
                // Of another version, or half of one.
                tracing::warn!(path = %path.display(), "no block this program knows how to give");
            }
        }
        known.sort_by_key(|(slot, _)| *slot);
        let count = known.len();
        self.hear(known.into_iter().map(|(_, given)| given).collect());
        let _ = self.shelf.set(Shelf(folder));
        Ok(count)
    }

    /// Keeps a block for the same question, on disk before anybody hears of it; what is to be given.
    pub(super) async fn keep(&self, question: Question, draft: Draft) -> Draft {
        if let Some(given) = lock(&self.drafts).given(&question) {
            return given;
        }
        if let Some(shelf) = self.shelf.get() {
            shelf.keep(&question, &draft).await;
        }
        let bytes = draft.kept.body.len();
        lock(&self.drafts).give(question, draft, bytes)
    }
}

impl Shelf {
    async fn keep(&self, question: &Question, draft: &Draft) {
        let (folder, slot, path) = (self.0.clone(), question.slot, self.0.join(name(question)));
        let (head, body) = (Given::head(question, draft), draft.kept.body.clone());
        let written = timeout(WAIT, spawn_blocking(move || write(&path, &head, &body))).await;
        let why = match written {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("the disk took it not within {} ms", WAIT.as_millis())),
        };
        if let Some(why) = why {
            let folder = folder.display();
            tracing::error!(%slot, %why, %folder, "a block is given and not kept: after a crash another may be");
        }
        // Nobody waits for it.
        spawn_blocking(move || sweep(&folder, slot));
    }
}

fn write(path: &Path, head: &str, body: &Bytes) -> io::Result<()> {
    put(path, 0o640, Lasts::Process, |file| {
        file.write_all(format!("{head}\n").as_bytes())?;
        file.write_all(body)
    })
}

/// A name a question has, in whatever process of this version; another's is of another question, and is swept.
fn name(question: &Question) -> String {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    format!("{}-{:016x}", question.slot, hasher.finish())
}

/// The blocks of a folder: path, slot and size.
fn listed(folder: &Path) -> io::Result<Vec<(PathBuf, Slot, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let slot = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        if let Some(slot) = slot.filter(|_| !name.to_str().is_some_and(is_unfinished)) {
            found.push((entry.path(), Slot(slot), entry.metadata()?.len()));
        }
    }
    Ok(found)
}

/// Removes what is far from a slot, and the oldest of what is too much.
fn sweep(folder: &Path, now: Slot) {
    let Ok(mut found) = listed(folder) else { return };
    found.sort_by_key(|(_, slot, _)| *slot);
    let (mut count, mut bytes) = (found.len(), found.iter().map(|(.., size)| size).sum::<u64>());
    for (path, slot, size) in found {
        let far = slot.0.abs_diff(now.0) > SLOTS;
        if far || count > DRAFTS || bytes > DRAFT_BYTES as u64 {
            // What cannot be removed is tried again with the next block.
            let _ = fs::remove_file(path);
            (count, bytes) = (count - 1, bytes - size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::given::tests::draft;

    fn numbered(slot: u64, number: u8, bytes: usize) -> (Question, Draft) {
        let (question, draft) = draft(number, bytes);
        (Question { slot: Slot(slot), ..question }, draft)
    }

    fn files(state: &Path) -> usize {
        fs::read_dir(state.join(FOLDER)).unwrap().count()
    }

    #[tokio::test]
    async fn what_was_given_is_given_by_the_next_process_byte_by_byte() {
        let state = tempfile::tempdir().unwrap();
        let (before, after) = (Blocks::default(), Blocks::default());
        assert_eq!(before.keep_in(state.path()).unwrap(), 0);
        for number in 1..=3 {
            let (question, one) = numbered(7, number, 1_000);
            before.keep(question, one).await;
        }
        // What a crash or another version left is no block, and spoils none.
        fs::write(state.path().join(FOLDER).join("7-1.5-1.new"), "half").unwrap();
        fs::write(state.path().join(FOLDER).join("7-other"), "{}\nx").unwrap();
        assert_eq!(after.keep_in(state.path()).unwrap(), 3);
        for number in 1..=3 {
            let (question, one) = numbered(7, number, 1_000);
            let (_, another) = numbered(7, number + 10, 1_000);
            let given = after.keep(question, another).await;
            assert_eq!((&given.kept.body, &given.kept.headers), (&one.kept.body, &one.kept.headers));
            assert_eq!((given.key, given.kept.status), (one.key, one.kept.status));
        }
    }

    #[tokio::test]
    async fn what_is_far_from_the_newest_is_swept_and_the_rest_is_bounded() {
        let state = tempfile::tempdir().unwrap();
        let (blocks, folder) = (Blocks::default(), state.path().join(FOLDER));
        blocks.keep_in(state.path()).unwrap();
        for number in 0..=DRAFTS as u8 {
            let (question, one) = numbered(100, number, 10);
            blocks.keep(question, one).await;
        }
        sweep(&folder, Slot(100));
        assert_eq!(files(state.path()), DRAFTS);
        sweep(&folder, Slot(100 + SLOTS));
        assert_eq!(files(state.path()), DRAFTS);
        // A chain that begins anew has lower slots.
        sweep(&folder, Slot(99 - SLOTS));
        assert_eq!(files(state.path()), 0);
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_costs_no_block() {
        let state = tempfile::tempdir().unwrap();
        let blocks = Blocks::default();
        blocks.keep_in(state.path()).unwrap();
        fs::remove_dir(state.path().join(FOLDER)).unwrap();
        let (question, one) = numbered(7, 1, 10);
        assert_eq!(blocks.keep(question.clone(), one.clone()).await.kept.body, one.kept.body);
        assert!(lock(&blocks.drafts).given(&question).is_some());
    }
}
