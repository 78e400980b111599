//! The host underneath: what a machine's kernel says about itself, judged for what it costs a duty, with the remedy.
//!
//! Owns what is read ([`Source`]), what is remembered of it ([`Record`]), the [`Check`]s that judge it, the table of
//! [`limits`], and remedies: as text, and, where a value written is all of one, as the change that [`apply`] writes. A check judges facts and is pure: the same record gives the same findings, on any
//! machine. It never writes to the machine (only [`apply`] does, by order, and the probe of [`durable`], where an operator named a directory), never judges a setting worse than *warn* (*bad* needs a measurement, or a
//! counter that moved), and never averages sources that disagree.
//!
//! To add a check: a file in `checks` with a `CHECK`, its two lines in `checks/mod.rs`, its limits in `limits.rs`, its cases
//! in `tests/fixtures/host/ID.txt`. To add a kind of reading: a variant of [`Kind`] and an arm in `live.rs`.

pub mod agent;
pub mod apply;
mod audit;
mod beside;
mod change;
mod check;
mod checks;
pub mod clock;
mod clocks;
mod disks;
pub mod durable;
mod facts;
mod finding;
mod irqs;
mod limit;
pub mod limits;
mod live;
mod look;
mod machine;
mod namespace;
mod nic;
pub mod pauses;
mod processes;
mod qdisc;
mod record;
mod remedy;
mod rules;
mod scope;
pub mod shown;
mod source;
pub mod sys;
mod text;

pub use audit::{ClockSeen, audit, audit_as, clock_of, collect, roles_of, worst_first};
pub use beside::Beside;
pub use change::{Change, DropIn, NEVER};
pub use check::{Apply, Check, Class, Cost, Most, Role};
pub use checks::{CHECKS, check_of};
pub use facts::{Facts, Moved};
pub use finding::{Cannot, Finding, Judged, Verdict, Worst};
pub use limit::{Limit, Overrides, Scale};
pub use live::Live;
pub use look::{Found, Looker};
pub use machine::Machine;
pub use nic::words as path_words;
pub use record::{Record, RecordError};
pub use remedy::{Lasting, Remedy, SAME};
pub use source::{Ask, Kind, Reading, Source, Unread};
