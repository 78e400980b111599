//! The chain as beacons tell it: spec, fork schedule, slot clock.

mod bits;
mod block_key;
mod scan;
mod ssz;

pub use bits::{attestation_bits, bitlist, contribution_bits, unhex};
pub use block_key::{BlockKey, EnvelopeKey};
pub use ssz::Ssz;
