//! Strategies: each gives an ordered choice of beacons for one request, and nothing else.
//!
//! Health, budget and retries stay outside: a strategy sees ranks, never probes; it orders, never sends. To add one,
//! add a file with a [`Strategy`] and a line in [`of`].

mod any;
mod broadcast;
mod one;
mod or;
mod order;
mod pinned;
mod seed;
mod subscribed;

use crate::endpoint::{Row, Strategy as Kind};
use crate::model::{BeaconId, BeaconSet, Slot};
use crate::pool::Table;

pub use order::Key;

/// What a strategy may look at besides the table.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The endpoint.
    pub row: &'static Row,
    /// Who asks.
    pub key: Key,
    /// The slot it is about.
    pub slot: Slot,
    /// The beacon that produced what is being finished.
    pub producer: Option<BeaconId>,
    /// Beacons that hold the subscription.
    pub holders: BeaconSet,
}

/// An ordered choice of beacons.
pub trait Strategy: Sync {
    /// Beacons in the order they should be asked, eligible ones only.
    fn order(&self, choice: &Choice, table: &Table) -> Vec<BeaconId>;
}

/// The strategy of a row; stream, local and denied rows pass through as `any` once something opens them.
pub fn of(kind: Kind) -> &'static dyn Strategy {
    match kind {
        Kind::Any | Kind::Stream | Kind::Local | Kind::Deny => &any::Any,
        Kind::One => &one::One,
        Kind::Pinned => &pinned::Pinned,
        Kind::Broadcast => &broadcast::Broadcast,
        Kind::Subscribed => &subscribed::Subscribed,
        Kind::Seed => &seed::Seed,
        Kind::Or => &or::Or,
    }
}

#[cfg(test)]
mod tests;
