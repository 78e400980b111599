//! The chain as beacons tell it: spec, fork schedule, identity, slot clock.
//!
//! Owns what the numbers a beacon serves *mean*: when a slot starts, when a duty is due, whether two beacons speak of the
//! same chain. Pure: it never reads a clock, a file or a socket. To add a duty step, add its key to the table in `timing`;
//! to compare one more spec key, add it to the list in `identity`.

mod clock;
mod fork;
mod identity;
mod spec;
mod timing;
pub(crate) mod wire;

pub use clock::SlotClock;
pub use fork::{FAR_FUTURE_EPOCH, Fork, ForkSchedule};
pub use identity::{Genesis, Identity, Stranger};
pub use spec::{Spec, SpecError};
