//! The state in one SQLite file. Every write is on disk when it returns (WAL, `synchronous=FULL`).
//!
//! A file a table: its schema, its reads and writes.

mod acks;
mod drains;
mod fault;
mod incidents;
mod journal;
mod marks;
mod migrate;
mod seeds;
mod silences;

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::lock::Lock;
use super::{Store, StoreError, StoredSeed, Write};
use crate::model::{Ack, BeaconName, Drain, JournalEntry, Silence};
use fault::fault;

/// The file's name in the directory.
const FILE: &str = "beacondeck.db";
/// How long a reader that holds the file (a backup, a curious operator) is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// Bytes the write-ahead log is cut to once its content is in the file.
const LOG: i64 = 4 * 1024 * 1024;

/// The state in `beacondeck.db`.
#[derive(Debug)]
pub struct SqliteStore {
    // Before the lock: the file is closed when another process may take it.
    connection: Connection,
    file: PathBuf,
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the state in a directory, makes what is missing and brings an older file up to date.
    ///
    /// `holder` is what a second process is told of this one.
    ///
    /// # Errors
    /// The directory cannot be made or is in use, the file cannot be written, is damaged, newer or not ours.
    pub fn open(dir: &Path, holder: &str) -> Result<Self, StoreError> {
        let made = DirBuilder::new().recursive(true).mode(0o750).create(dir);
        made.map_err(|source| StoreError::system("create the state directory", dir, source))?;
        let lock = Lock::take(dir, holder)?;
        let file = dir.join(FILE);
        create(dir, &file).map_err(|source| StoreError::system("open", &file, source))?;
        let connection = connect(&file)?;
        Ok(Self { connection, file, _lock: lock })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.connection).map_err(|error| fault("read", &self.file, error))
    }
}

/// Makes the file if it is not there, lasting and for our eyes only: SQLite gives its other files the same mode.
fn create(dir: &Path, file: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o640);
    if options.open(file)?.metadata()?.len() == 0 {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

fn connect(file: &Path) -> Result<Connection, StoreError> {
    let failed = |error| fault("open", file, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    let version = migrate::version_of(&connection, file)?;
    let settings = [("synchronous", "FULL"), ("trusted_schema", "OFF"), ("cell_size_check", "ON")];
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(failed)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG, |_| Ok(())).map_err(failed)?;
    for (name, value) in settings {
        connection.pragma_update(None, name, value).map_err(failed)?;
    }
    let found: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if found != "ok" {
        return Err(StoreError::Corrupt { path: file.to_owned(), source: fault::damage(&found) });
    }
    migrate::migrate(&mut connection, version).map_err(|error| fault("bring up to date", file, error))?;
    Ok(connection)
}

impl Store for SqliteStore {
    fn write(&mut self, writes: &[Write]) -> Result<Vec<JournalEntry>, StoreError> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        write(&mut self.connection, writes).map_err(|error| fault("write to", &self.file, error))
    }

    fn seeds(&mut self) -> Result<Vec<StoredSeed>, StoreError> {
        self.read(seeds::all)
    }

    fn drains(&mut self) -> Result<BTreeMap<BeaconName, Drain>, StoreError> {
        self.read(drains::all)
    }

    fn acks(&mut self) -> Result<Vec<Ack>, StoreError> {
        self.read(acks::all)
    }

    fn silences(&mut self) -> Result<Vec<Silence>, StoreError> {
        self.read(silences::all)
    }

    fn incidents(&mut self) -> Result<Vec<String>, StoreError> {
        self.read(incidents::all)
    }

    fn mark(&mut self, name: &str) -> Result<u64, StoreError> {
        self.read(|connection| marks::value(connection, name))
    }

    fn journal_last(&mut self, most: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(|connection| journal::last(connection, most))
    }

    fn journal_since(&mut self, id: u64, most: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(|connection| journal::since(connection, id, most))
    }

    fn journal_of(&mut self, order: &str) -> Result<Option<JournalEntry>, StoreError> {
        self.read(|connection| journal::of(connection, order))
    }
}

fn write(connection: &mut Connection, writes: &[Write]) -> rusqlite::Result<Vec<JournalEntry>> {
    let all = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut entries = Vec::new();
    for write in writes {
        match write {
            Write::Seed(seed) => seeds::put(&all, seed)?,
            Write::Forget { client, kind } => seeds::forget(&all, client, kind)?,
            Write::Expire { slot, at } => seeds::expire(&all, *slot, *at)?,
            Write::Drain(beacon, drain) => drains::put(&all, beacon, drain)?,
            Write::Resume(beacon) => drains::forget(&all, beacon)?,
            Write::Ack(ack) => acks::put(&all, ack)?,
            Write::Unack(key) => acks::forget(&all, key)?,
            Write::Silence(silence) => silences::put(&all, silence)?,
            Write::Unsilence(key) => silences::forget(&all, key)?,
            Write::Incident { id, body } => incidents::put(&all, *id, body)?,
            Write::Raise { mark, to } => marks::raise(&all, mark, *to)?,
            Write::Journal(note) => entries.push(journal::append(&all, note)?),
        }
    }
    all.commit()?;
    Ok(entries)
}

/// A number as SQLite keeps it; what is greater than it can be is kept as its greatest.
fn kept(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
