//! The table of incidents: a row for each, the newest [`KEPT`] of them.

use rusqlite::{Connection, params};

use super::kept;
use crate::store::KEPT_INCIDENTS as KEPT;

/// Version 6.
pub const SCHEMA: &str = "
    CREATE TABLE incidents (
        id INTEGER PRIMARY KEY NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
";

/// Keeps one in place of what was kept of it.
pub fn put(connection: &Connection, id: u64, body: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO incidents (id, body) VALUES (?, ?)";
    connection.prepare_cached(sql)?.execute(params![kept(id), body])?;
    let sql = "DELETE FROM incidents WHERE id <= (SELECT max(id) FROM incidents) - ?";
    connection.prepare_cached(sql)?.execute([KEPT as i64])?;
    Ok(())
}

/// All of them, by number.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT body FROM incidents ORDER BY id")?;
    statement.query_map([], |row| row.get(0))?.collect()
}
