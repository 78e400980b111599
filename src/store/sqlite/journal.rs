//! The journal's table. It is append-only, and the file itself refuses anything else.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::kept;
use crate::model::{JournalEntry, UnixMs};

/// Version 3.
pub const SCHEMA: &str = "
    CREATE TABLE journal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        target TEXT,
        order_id TEXT UNIQUE,
        outcome TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER journal_is_not_cut BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

/// Adds an entry, unless its order has one: then that one is returned.
pub fn append(connection: &Connection, note: &JournalEntry) -> rusqlite::Result<JournalEntry> {
    if let Some(order) = &note.order
        && let Some(entry) = of(connection, order)?
    {
        return Ok(entry);
    }
    let sql = "INSERT INTO journal (at_ms, who, what, target, order_id, outcome) VALUES (?, ?, ?, ?, ?, ?)";
    let id = connection.prepare_cached(sql)?.insert(params![
        kept(note.at.0),
        note.who,
        note.what,
        note.target,
        note.order,
        note.outcome
    ])?;
    Ok(JournalEntry { id: id as u64, ..note.clone() })
}

/// The last ones, oldest first.
pub fn last(connection: &Connection, most: usize) -> rusqlite::Result<Vec<JournalEntry>> {
    let mut statement = connection.prepare_cached("SELECT * FROM journal ORDER BY id DESC LIMIT ?")?;
    let mut entries =
        statement.query_map([kept(most as u64)], entry)?.collect::<rusqlite::Result<Vec<_>>>()?;
    entries.reverse();
    Ok(entries)
}

/// The first ones after a number, oldest first.
pub fn since(connection: &Connection, id: u64, most: usize) -> rusqlite::Result<Vec<JournalEntry>> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM journal WHERE id > ? ORDER BY id LIMIT ?")?;
    statement.query_map([kept(id), kept(most as u64)], entry)?.collect()
}

/// The one of an order.
pub fn of(connection: &Connection, order: &str) -> rusqlite::Result<Option<JournalEntry>> {
    let mut statement = connection.prepare_cached("SELECT * FROM journal WHERE order_id = ?")?;
    statement.query_row([order], entry).optional()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<JournalEntry> {
    Ok(JournalEntry {
        id: row.get::<_, i64>("id")? as u64,
        at: UnixMs(row.get::<_, i64>("at_ms")? as u64),
        who: row.get("who")?,
        what: row.get("what")?,
        target: row.get("target")?,
        order: row.get("order_id")?,
        outcome: row.get("outcome")?,
    })
}
