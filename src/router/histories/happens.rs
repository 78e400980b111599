//! What may happen in a history.

use proptest::prelude::*;

use super::{CLIENTS, FLEET};

/// What happens.
#[derive(Debug, Clone)]
pub enum Happens {
    /// So many times 50 ms pass, and clients ask.
    Pass(u64),
    /// A block of the present slot, that many blocks below the head of the first beacon, with sources so far back; it
    /// reaches these beacons.
    Block {
        depth: usize,
        lag: u64,
        to: u8,
    },
    /// A block upon the head of the first beacon for one client, another one upon the head of the last for the other.
    Split,
    Catch(u8),
    Optimistic(u8, bool),
    Foreign(u8, bool),
    Down(u8, bool),
    /// A client signs what it was given last, if it did not do that duty.
    Sign(u16),
    /// The router ends, and another begins with its marks.
    Restart,
    Jump(i64),
}

pub fn happens() -> impl Strategy<Value = Happens> {
    let beacon = || 0..FLEET.len() as u8;
    prop_oneof![
        12 => (1..40_u64).prop_map(Happens::Pass),
        8 => (prop_oneof![6 => Just(0_usize), 1 => 1..3_usize], prop_oneof![4 => Just(0), 1 => 0..3_u64], any::<u8>())
            .prop_map(|(depth, lag, to)| Happens::Block { depth, lag, to }),
        3 => Just(Happens::Split),
        3 => any::<u8>().prop_map(Happens::Catch),
        2 => (beacon(), any::<bool>()).prop_map(|(beacon, on)| Happens::Optimistic(beacon, on)),
        1 => (beacon(), any::<bool>()).prop_map(|(beacon, on)| Happens::Foreign(beacon, on)),
        2 => (beacon(), any::<bool>()).prop_map(|(beacon, on)| Happens::Down(beacon, on)),
        8 => (0..CLIENTS).prop_map(Happens::Sign),
        1 => Just(Happens::Restart),
        1 => (-20_000..20_000_i64).prop_map(Happens::Jump),
    ]
}
