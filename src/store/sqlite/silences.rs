//! The table of silences: a row for each that stands.

use rusqlite::{Connection, params};

use super::kept;
use crate::model::{Silence, UnixMs};

/// Version 7.
pub const SCHEMA: &str = "
    CREATE TABLE silences (
        key TEXT PRIMARY KEY NOT NULL,
        given_by TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        why TEXT
    ) STRICT;
";

/// Keeps one.
pub fn put(connection: &Connection, silence: &Silence) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO silences (key, given_by, at_ms, until_ms, why) VALUES (?, ?, ?, ?, ?)";
    let Silence { key, by, at, until, why } = silence;
    connection.prepare_cached(sql)?.execute(params![key, by, kept(at.0), kept(until.0), why])?;
    Ok(())
}

/// It stands no more.
pub fn forget(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM silences WHERE key = ?")?.execute([key])?;
    Ok(())
}

/// All that stand, by key.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Silence>> {
    let mut statement =
        connection.prepare_cached("SELECT key, given_by, at_ms, until_ms, why FROM silences ORDER BY key")?;
    let rows = statement.query_map([], |row| {
        let ms = |column| Ok::<_, rusqlite::Error>(UnixMs(row.get::<_, i64>(column)? as u64));
        Ok(Silence { key: row.get(0)?, by: row.get(1)?, at: ms(2)?, until: ms(3)?, why: row.get(4)? })
    })?;
    rows.collect()
}
