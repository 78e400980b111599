//! The Beacon API as data: one row an endpoint, and the match from a request line to its row.
//!
//! This room never routes and never opens what is closed: it says what a path is, the router decides. To add an
//! endpoint, add a row to the file of its namespace in `table/` and a line to `tests/fixtures/endpoints.tsv`; nothing
//! else changes.
//!
//! Closed rows ([`Strategy::Deny`]) name in [`Row::namespace`] what opens them; once opened they pass through as
//! [`Strategy::Any`], bounded by their own [`Row::follow`].

mod find;
mod index;
mod make;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use find::{Found, Params, find};
pub use row::{Body, Budget, Follow, Inspect, Namespace, Row, RowId, Status, Strategy, Verb};
pub use table::{row, table};
pub use words::{Meaning, meaning};
