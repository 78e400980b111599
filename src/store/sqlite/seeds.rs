//! The table of seeds: the last body a client and kind.

use rusqlite::{Connection, params};

use super::kept;
use crate::model::{Slot, UnixMs};
use crate::store::{Expiry, StoredSeed};

/// Version 1.
pub const SCHEMA: &str = "
    CREATE TABLE seeds (
        client TEXT NOT NULL,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        last_slot INTEGER,
        until_ms INTEGER,
        PRIMARY KEY (client, kind),
        CHECK ((last_slot IS NULL) <> (until_ms IS NULL))
    ) STRICT;
";

/// Keeps a seed in place of its last.
pub fn put(connection: &Connection, seed: &StoredSeed) -> rusqlite::Result<()> {
    let (last_slot, until_ms) = match seed.expiry {
        Expiry::Slot(slot) => (Some(kept(slot.0)), None),
        Expiry::At(at) => (None, Some(kept(at.0))),
    };
    let sql = "INSERT OR REPLACE INTO seeds (client, kind, body, last_slot, until_ms) VALUES (?, ?, ?, ?, ?)";
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute(params![seed.client, seed.kind, &seed.body[..], last_slot, until_ms])?;
    Ok(())
}

/// Drops one.
pub fn forget(connection: &Connection, client: &str, kind: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM seeds WHERE client = ? AND kind = ?")?;
    statement.execute(params![client, kind])?;
    Ok(())
}

/// Drops what has expired.
pub fn expire(connection: &Connection, slot: Option<Slot>, at: UnixMs) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("DELETE FROM seeds WHERE last_slot < ? OR until_ms <= ?")?;
    statement.execute(params![slot.map(|slot| kept(slot.0)), kept(at.0)])?;
    Ok(())
}

/// All of them.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<StoredSeed>> {
    let sql = "SELECT client, kind, body, last_slot, until_ms FROM seeds ORDER BY client, kind";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let (last_slot, until_ms): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
        let expiry = last_slot.map_or_else(
            || Expiry::At(UnixMs(until_ms.unwrap_or_default() as u64)),
            |slot| Expiry::Slot(Slot(slot as u64)),
        );
        let body: Vec<u8> = row.get(2)?;
        Ok(StoredSeed { client: row.get(0)?, kind: row.get(1)?, body: body.into(), expiry })
    })?;
    rows.collect()
}
