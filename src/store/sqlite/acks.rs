//! The table of acknowledgements: a row for each that stands.

use rusqlite::{Connection, params};

use super::kept;
use crate::model::{Ack, UnixMs};

/// Version 5.
pub const SCHEMA: &str = "
    CREATE TABLE acks (
        key TEXT PRIMARY KEY NOT NULL,
        given_by TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        why TEXT
    ) STRICT;
";

/// Keeps one.
pub fn put(connection: &Connection, ack: &Ack) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO acks (key, given_by, at_ms, why) VALUES (?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![ack.key, ack.by, kept(ack.at.0), ack.why])?;
    Ok(())
}

/// It stands no more.
pub fn forget(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM acks WHERE key = ?")?.execute([key])?;
    Ok(())
}

/// All that stand, by key.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Ack>> {
    let mut statement =
        connection.prepare_cached("SELECT key, given_by, at_ms, why FROM acks ORDER BY key")?;
    let rows = statement.query_map([], |row| {
        let at = UnixMs(row.get::<_, i64>(2)? as u64);
        Ok(Ack { key: row.get(0)?, by: row.get(1)?, at, why: row.get(3)? })
    })?;
    rows.collect()
}
