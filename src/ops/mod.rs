//! Operations on a beacon's process: restart and upgrade, in the order that costs no duty.
//!
//! Drain, run, wait until it is fit again, resume. A step that fails ends the operation and leaves the beacon drained, with
//! one sentence that says what to do. [`Flow`] decides and is pure; [`Runner`] does it: its [`Hands`] reach the pool and
//! the journal, its programs are a unit of systemd, a command of the fleet file, or what an agent
//! does by name ([`Far`]). It never guesses how a beacon is
//! restarted, and never takes a command from anywhere but the fleet file. To add a way to run something, add a file
//! beside `command` and an arm in `program`.

mod command;
mod far;
mod flow;
mod preflight;
mod program;
mod ready;
mod runner;
mod systemd;

pub use far::{Far, FarRun};
pub use flow::{Bounds, Flow};
pub use preflight::{Question, preflight};
pub use program::{Program, ProgramError};
pub use runner::{Hands, Ordering, Runner};
