//! The console: the screen an on-call engineer opens at 03:00.
//!
//! Events go in, effects come out ([`update()`]); panels say what is shown as data, the frame draws it, a theme colours it, and
//! the shell alone knows of terminals. It sees the fleet by control frames only, the same ones whether routing runs in this
//! process or in another. It never decides anything about beacons: orders do that, at the other end.
//!
//! To add a panel, see [`panels`]; a key, [`keys`]; a command, [`command`]; a theme, [`theme`].

mod age;
pub mod command;
mod confirm;
mod course;
pub mod event;
mod filter;
#[cfg(test)]
pub mod fixture;
pub mod frame;
mod handoff;
mod history;
mod incident;
pub mod key;
pub mod keys;
mod line;
pub mod panels;
pub mod picture;
mod piece;
pub mod recording;
mod remedy;
#[cfg(test)]
pub mod scenes;
pub mod shell;
pub mod state;
mod table;
pub mod text;
pub mod theme;
mod toast;
mod trouble;
mod update;
mod view;

pub use update::update;
