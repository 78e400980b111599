//! The table of drained beacons: a row for each order that stands.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::kept;
use crate::model::{BeaconName, Drain, UnixMs};

/// Version 2.
pub const SCHEMA: &str = "
    CREATE TABLE drains (
        beacon TEXT PRIMARY KEY NOT NULL,
        ordered_by TEXT NOT NULL,
        since_ms INTEGER NOT NULL
    ) STRICT;
";

/// Keeps an order.
pub fn put(connection: &Connection, beacon: &BeaconName, drain: &Drain) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO drains (beacon, ordered_by, since_ms) VALUES (?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![beacon.as_str(), drain.by, kept(drain.since.0)])?;
    Ok(())
}

/// The order stands no more.
pub fn forget(connection: &Connection, beacon: &BeaconName) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM drains WHERE beacon = ?")?.execute([beacon.as_str()])?;
    Ok(())
}

/// All that stand.
pub fn all(connection: &Connection) -> rusqlite::Result<BTreeMap<BeaconName, Drain>> {
    let mut statement = connection.prepare_cached("SELECT beacon, ordered_by, since_ms FROM drains")?;
    let rows = statement.query_map([], |row| {
        let since = UnixMs(row.get::<_, i64>(2)? as u64);
        Ok((BeaconName::new(row.get::<_, String>(0)?), Drain { by: row.get(1)?, since }))
    })?;
    rows.collect()
}
