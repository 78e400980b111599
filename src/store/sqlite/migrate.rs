//! The schema's versions. The file says its own (`user_version`) and whose it is (`application_id`).
//!
//! A step is never changed once released; to change a table, append a step.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::fault::fault;
use super::{acks, drains, incidents, journal, marks, seeds, silences};
use crate::store::StoreError;

/// The steps from nothing to the newest schema; a file of version n has had the first n.
pub const STEPS: [&str; 7] = [
    seeds::SCHEMA,
    drains::SCHEMA,
    journal::SCHEMA,
    marks::SCHEMA,
    acks::SCHEMA,
    incidents::SCHEMA,
    silences::SCHEMA,
];
/// `application_id` of our files: "bdck".
pub const APPLICATION: i64 = 0x6264_636b;

/// The version of a file, 0 if it is empty. Writes nothing.
///
/// # Errors
/// The file is newer than we know, another program's, or no database.
pub fn version_of(connection: &Connection, file: &Path) -> Result<i64, StoreError> {
    let number = |sql: &str| {
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| fault("open", file, error))
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if tables == 0 {
        return Ok(0);
    }
    if number("PRAGMA application_id")? != APPLICATION {
        return Err(StoreError::Foreign { path: file.to_owned() });
    }
    let (theirs, ours) = (number("PRAGMA user_version")?, STEPS.len() as i64);
    if theirs > ours {
        return Err(StoreError::Newer { path: file.to_owned(), theirs, ours });
    }
    Ok(theirs)
}

/// Takes the steps that a file of `version` has not had, all or none.
pub fn migrate(connection: &mut Connection, version: i64) -> rusqlite::Result<()> {
    up_to(connection, version, STEPS.len())
}

fn up_to(connection: &mut Connection, version: i64, last: usize) -> rusqlite::Result<()> {
    let missing = &STEPS[(version.max(0) as usize).min(last)..last];
    if missing.is_empty() {
        return Ok(());
    }
    let all = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in missing {
        all.execute_batch(step)?;
    }
    all.pragma_update(None, "application_id", APPLICATION)?;
    all.pragma_update(None, "user_version", last as i64)?;
    all.commit()
}

#[cfg(test)]
pub mod older {
    //! Files as older versions left them.

    use super::*;

    /// Makes a file of an older version.
    pub fn make(file: &Path, version: usize) -> Connection {
        let mut connection = Connection::open(file).unwrap();
        up_to(&mut connection, 0, version).unwrap();
        connection
    }
}
