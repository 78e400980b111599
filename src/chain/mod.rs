//! The chain as beacons tell it: spec, fork schedule, identity, slot clock, and the keys of blocks.
//!
//! Owns what the numbers a beacon serves *mean*: when a slot starts, when a duty is due, whether two beacons speak of the
//! same chain, which block a body holds. Pure: it never reads a clock, a file or a socket. To add a duty step, add its
//! key to the table in `timing`; to compare one more spec key, add it to the list in `identity`.

mod bits;
mod block_key;
mod clock;
mod dependent;
mod era;
mod fork;
mod identity;
mod quiet;
mod scan;
mod spec;
mod ssz;
mod timing;
pub(crate) mod wire;

pub use bits::{attestation_bits, bitlist, contribution_bits, hex, unhex};
pub use block_key::{BlockKey, EnvelopeKey};
pub use clock::SlotClock;
pub use dependent::dependent_root;
pub use era::Era;
pub use fork::{FAR_FUTURE_EPOCH, Fork, ForkSchedule};
pub use identity::{Genesis, Identity, Stranger};
pub use spec::{Spec, SpecError};
pub use ssz::Ssz;
