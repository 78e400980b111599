//! The table: rows by namespace, one slice.
//!
//! A row is 1 to 3 lines in the file of its namespace. To add a file, add it to [`PARTS`]; `fallback` stays last.

mod beacon;
mod closed;
mod fallback;
mod node;
mod publish;
mod validator;
mod vendor;

use super::row::{Row, RowId};

const PARTS: [&[Row]; 7] =
    [beacon::ROWS, publish::ROWS, validator::ROWS, node::ROWS, closed::ROWS, vendor::ROWS, fallback::ROWS];

const LEN: usize = {
    let (mut part, mut len) = (0, 0);
    while part < PARTS.len() {
        len += PARTS[part].len();
        part += 1;
    }
    len
};

static TABLE: [Row; LEN] = {
    let mut rows = [PARTS[0][0]; LEN];
    let (mut part, mut at) = (0, 0);
    while part < PARTS.len() {
        let mut i = 0;
        while i < PARTS[part].len() {
            rows[at] = PARTS[part][i];
            i += 1;
            at += 1;
        }
        part += 1;
    }
    rows
};

/// How many rows a path may match; the rest are chosen when no template matches.
pub(super) const MATCHED: usize = LEN - fallback::ROWS.len();

const fn fallback_row(place: usize) -> RowId {
    RowId((MATCHED + place) as u16)
}

/// Chosen for reads of the standard namespaces that have no row.
pub(super) const UNKNOWN_GET: RowId = fallback_row(fallback::GET);
/// Chosen for POSTs of the standard namespaces that have no row.
pub(super) const UNKNOWN_POST: RowId = fallback_row(fallback::POST);
/// Chosen for everything outside the standard namespaces that has no row.
pub(super) const UNKNOWN_VENDOR: RowId = fallback_row(fallback::VENDOR);
/// Chosen for paths that two servers may read differently.
pub(super) const MALFORMED: RowId = fallback_row(fallback::MALFORMED);

/// Every row, in the order of their [`RowId`]; the last four stand for what has no row of its own.
pub fn table() -> &'static [Row] {
    &TABLE
}

/// The row of an id that came from this table. An id from elsewhere gets the row that is always refused.
pub fn row(id: RowId) -> &'static Row {
    TABLE.get(usize::from(id.0)).unwrap_or(&TABLE[MALFORMED.0 as usize])
}
