//! The table of high-water marks. They only rise.

use rusqlite::{Connection, OptionalExtension as _, params};

/// Version 4. SQLite's integers have a sign: the value is the same 64 bits.
pub const SCHEMA: &str = "
    CREATE TABLE marks (
        name TEXT PRIMARY KEY NOT NULL,
        value INTEGER NOT NULL
    ) STRICT;
";

/// Raises a mark, unless it is as high already.
pub fn raise(connection: &Connection, name: &str, to: u64) -> rusqlite::Result<()> {
    if to > value(connection, name)? {
        let sql = "INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)";
        connection.prepare_cached(sql)?.execute(params![name, to.cast_signed()])?;
    }
    Ok(())
}

/// How high it is.
pub fn value(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT value FROM marks WHERE name = ?")?;
    let value: Option<i64> = statement.query_row([name], |row| row.get(0)).optional()?;
    Ok(value.unwrap_or_default().cast_unsigned())
}
