//! The rules of every backend, what is SQLite's own, and the handle.

mod handle;
mod oracle;
pub mod suite;
pub mod words;
