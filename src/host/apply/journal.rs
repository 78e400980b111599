//! The journal of remedies: a line of JSON an event, on disk before the machine is written. One process at a time.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::ApplyError;
use super::hands::Hands;
use crate::files::give_to_owner;
use crate::host::path_words;
use crate::model::UnixMs;

/// Its name in the directory of state.
const NAME: &str = "remedies.jsonl";
/// Longest journal that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// A value that is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Written {
    /// The file.
    pub path: String,
    /// The process in whose network namespace it lies, and that namespace; none: the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<(u32, String)>,
    /// What stood there.
    pub was: String,
    /// What is written.
    pub to: String,
}

impl Written {
    /// Which value it is, in words.
    pub fn shown(&self) -> Cow<'_, str> {
        path_words(&self.path)
    }
}

/// A file of ours that makes it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Placed {
    /// The file.
    pub path: String,
    /// What stood there, if we wrote it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What stands there now.
    pub text: String,
}

/// A remedy that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Counted from one.
    pub number: u64,
    /// When.
    pub at: UnixMs,
    /// Who ordered it.
    pub who: String,
    /// The check whose remedy it is.
    pub check: String,
    /// The values.
    pub files: Vec<Written>,
    /// The file of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_in: Option<Placed>,
}

/// The end of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: UnixMs,
    /// How.
    pub how: How,
    /// Why it was taken back.
    pub why: String,
}

/// How a remedy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It stands.
    Applied,
    /// It was taken back, or nothing of it was written.
    Reverted,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line {
    Started(Entry),
    Ended { number: u64, at: UnixMs, how: How, why: String },
}

/// The journal, held by this process alone.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    entries: Vec<(Entry, Option<End>)>,
}

impl Journal {
    /// Opens the journal of a directory of state, and makes both if they are not there.
    ///
    /// # Errors
    /// It cannot be made or read, is longer than any real one, or another process has it.
    pub fn open(state: &Path) -> Result<Self, ApplyError> {
        let path = state.join(NAME);
        let fault = |what| {
            let path = path.display().to_string();
            move |source| ApplyError::Journal { path, what, source }
        };
        fs::DirBuilder::new().recursive(true).mode(0o750).create(state).map_err(fault("made"))?;
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o640)
            .open(&path)
            .map_err(fault("opened"))?;
        if file.metadata().map_err(fault("made"))?.len() == 0 {
            give_to_owner(&file, state).map_err(fault("made"))?;
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|errno| match errno {
            rustix::io::Errno::WOULDBLOCK => ApplyError::Busy { path: path.display().to_string() },
            other => fault("locked")(other.into()),
        })?;
        let text = text(&mut file).map_err(fault("read"))?;
        if !text.is_empty() && !text.ends_with('\n') {
            // The last word was cut off before it was on disk: nothing was done upon it.
            file.write_all(b"\n").map_err(fault("written"))?;
        }
        File::open(state).and_then(|folder| folder.sync_all()).map_err(fault("written"))?;
        Ok(Self { path, file, entries: entries(&text) })
    }

    /// Whether this process may write the journal of a directory of state; nothing is written.
    pub fn may_write(state: &Path) -> io::Result<()> {
        let path = state.join(NAME);
        match OpenOptions::new().append(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Hands::new("/").may_put(&path.to_string_lossy())
            }
            opened => opened.map(drop),
        }
    }

    /// What a journal says, oldest first, without holding it; nothing if there is none, or it cannot be read.
    pub fn read(state: &Path) -> Vec<(Entry, Option<End>)> {
        let text = File::open(state.join(NAME)).and_then(|mut file| text(&mut file)).unwrap_or_default();
        entries(&text)
    }

    /// What it says is not ended and nobody is at, without holding it.
    pub fn cut_off(state: &Path) -> Vec<Entry> {
        // Who holds it has not ended yet.
        let held = |file| flock(&file, FlockOperation::NonBlockingLockShared).is_err();
        if File::open(state.join(NAME)).is_ok_and(held) {
            return Vec::new();
        }
        Self::read(state).into_iter().filter(|(_, end)| end.is_none()).map(|(entry, _)| entry).collect()
    }

    /// Entries without an end, newest first.
    pub fn unfinished(&self) -> Vec<Entry> {
        self.ended(None)
    }

    /// Entries that stand, newest first.
    pub fn standing(&self) -> Vec<Entry> {
        self.ended(Some(How::Applied))
    }

    fn ended(&self, how: Option<How>) -> Vec<Entry> {
        let of = self.entries.iter().rev().filter(|(_, end)| end.as_ref().map(|end| end.how) == how);
        of.map(|(entry, _)| entry.clone()).collect()
    }

    /// Begins an entry, which is on disk when this returns; its number is set.
    pub fn start(&mut self, entry: Entry) -> Result<Entry, ApplyError> {
        let number = self.entries.iter().map(|(entry, _)| entry.number).max().unwrap_or(0) + 1;
        let entry = Entry { number, ..entry };
        self.write(&Line::Started(entry.clone()))?;
        self.entries.push((entry.clone(), None));
        Ok(entry)
    }

    /// Ends an entry.
    pub fn end(&mut self, number: u64, at: UnixMs, how: How, why: &str) -> Result<(), ApplyError> {
        self.write(&Line::Ended { number, at, how, why: why.to_owned() })?;
        ended(&mut self.entries, number, &End { at, how, why: why.to_owned() });
        Ok(())
    }

    fn write(&mut self, line: &Line) -> Result<(), ApplyError> {
        let written = serde_json::to_string(line)
            .map_err(io::Error::from)
            .and_then(|line| self.file.write_all(format!("{line}\n").as_bytes()))
            .and_then(|()| self.file.sync_all());
        written.map_err(|source| ApplyError::Journal {
            path: self.path.display().to_string(),
            what: "written",
            source,
        })
    }
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than any real one; move it away"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a journal's text says; a line that is none was cut off.
fn entries(text: &str) -> Vec<(Entry, Option<End>)> {
    let mut entries: Vec<(Entry, Option<End>)> = Vec::new();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Started(entry)) => entries.push((entry, None)),
            Ok(Line::Ended { number, at, how, why }) => ended(&mut entries, number, &End { at, how, why }),
            Err(_) => {}
        }
    }
    entries
}

fn ended(entries: &mut [(Entry, Option<End>)], number: u64, end: &End) {
    for (_, its) in entries.iter_mut().filter(|(entry, _)| entry.number == number) {
        *its = Some(end.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let file = Written { path: "/sys/x".into(), within: None, was: "1".into(), to: "2".into() };
        Entry {
            number: 0,
            at: UnixMs(1),
            who: "root".into(),
            check: "a.b".into(),
            files: vec![file],
            drop_in: None,
        }
    }

    #[test]
    fn what_is_begun_is_known_after_any_end_of_the_process() {
        let state = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(state.path()).unwrap();
        let one = journal.start(entry()).unwrap();
        let two = journal.start(entry()).unwrap();
        assert_eq!((one.number, two.number), (1, 2));
        assert!(matches!(Journal::open(state.path()), Err(ApplyError::Busy { .. })));
        journal.end(1, UnixMs(2), How::Applied, "").unwrap();
        drop(journal);
        assert_eq!(Journal::cut_off(state.path()), std::slice::from_ref(&two));
        let journal = Journal::open(state.path()).unwrap();
        assert_eq!((journal.standing(), journal.unfinished()), (vec![one], vec![two]));
    }

    #[test]
    fn a_line_that_was_cut_off_is_nothing_and_spoils_no_other() {
        let state = tempfile::tempdir().unwrap();
        Journal::open(state.path()).unwrap().start(entry()).unwrap();
        let path = state.path().join(NAME);
        let text = fs::read_to_string(&path).unwrap();
        for cut in 1..text.len() - 1 {
            fs::write(&path, text.get(..cut).unwrap_or_default()).unwrap();
            let mut journal = Journal::open(state.path()).unwrap();
            assert!(journal.unfinished().is_empty());
            journal.start(entry()).unwrap();
            drop(journal);
            assert_eq!(Journal::open(state.path()).unwrap().unfinished().len(), 1);
        }
    }
}
