//! The Beacon API as data: one row an endpoint, and the match from a request line to its row.
//!
//! This room never routes. To add an endpoint, add a row to the file of its namespace; nothing else changes.

mod row;
mod words;

pub use row::{Body, Budget, Follow, Inspect, Namespace, Row, RowId, Status, Strategy, Verb};
pub use words::{Meaning, meaning};
