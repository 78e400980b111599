//! What must survive a restart: seeds, drains, acknowledgements, the journal, high-water marks. One trait, SQLite behind it.
//!
//! It owns `beacondeck.db` in the directory `state:` and the lock that keeps a second process out of it. It decides
//! nothing: what is worth keeping, and for how long, is said by who writes. [`Store`] is synchronous; [`StoreHandle`] is
//! the cheap asynchronous handle of the one thread that owns it.
//!
//! To keep another kind of thing: a [`Write`] and a reading method of [`Store`], a file with its table in `sqlite/` whose
//! `SCHEMA` is appended to the steps in `sqlite/migrate.rs`, and its rules in `tests/suite.rs`, which every backend passes.

mod api;
mod backlog;
mod error;
mod handle;
mod keeper;
mod lock;
mod sqlite;
#[cfg(test)]
mod tests;

pub use api::{Expiry, KEPT_INCIDENTS, Store, StoredSeed, Write};
pub use error::{Cause, StoreError};
pub use handle::StoreHandle;
pub use sqlite::SqliteStore;
