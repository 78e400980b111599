//! The clock of a host: who says what about it, and the one verdict made of that.
//!
//! Owns the interval in which a clock's offset lies ([`interval`]), how sources that agree are told from those that do not
//! ([`select`]), steps ([`steps`]), the verdict ([`verdict`]), those who are asked ([`chrony`], [`ntpd_rs`], [`timesyncd`],
//! [`sntp`], [`kernel`]) and where ([`places`]); beacon hosts without an agent ([`date`]) and the fleet's clocks beside each
//! other ([`fleet`]). An offset is *host less true time*: positive is ahead. It never sets a clock, never averages sources
//! that disagree, and never believes a number without its bound.
//!
//! To add a source, add its file with a function that makes a [`Reading`] of what it read, its [`Witness`], and its word
//! in [`places`].

pub mod chrony;
pub mod date;
pub mod fleet;
pub mod interval;
pub mod kernel;
pub mod limits;
pub mod ntpd_rs;
pub mod places;
pub mod reading;
pub mod select;
pub mod sntp;
pub mod steps;
pub mod timesyncd;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use interval::Interval;
pub use kernel::KernelClock;
pub use limits::{Grade, Limits};
pub use reading::{Reading, Standing, Witness};
pub use steps::{Glance, Step, Steps};
pub use verdict::{ClockAspect, ClockEvidence, ClockFinding, ClockVerdict, judge};
