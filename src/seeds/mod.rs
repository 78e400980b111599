//! What every beacon must have been told: subscriptions, fee recipients, preferences, registrations.
//!
//! Pure. A beacon forgets what it was told when it restarts, and says so to nobody. The [`Book`] remembers for each
//! client the entries of the last bodies, their bytes as they came, for as long as the duty behind them lasts, and which
//! beacon holds which; [`Book::plan`] says what a beacon must be told now. It never sends and never chooses beacons: the
//! router says who belongs to a client's seed set. [`Held`] is the same knowledge by duty, for aggregates: whom to ask.
//!
//! Every client and kind is bounded (`kind::most`), so are bytes, claims and duties. To add a kind, see `kind`.

mod ahead;
mod book;
mod claims;
mod client;
mod custody;
mod group;
mod held;
mod item;
mod kind;
mod replay;
mod saved;
mod signs;
mod ssz;
mod sync;
#[cfg(test)]
mod tests;

use crate::chain::SlotClock;
use crate::model::{Epoch, Moment, Slot};

pub use book::{Book, Plan, Round};
pub use claims::Refused;
pub use client::Client;
pub use held::Held;
pub use item::{Form, Item, Seed, body};
pub use kind::{must_precede, of as kind_of, row as row_of};
pub use replay::Replay;
pub use signs::{Sign, Signs, Verdict};
pub use sync::{SyncDuty, sync_duties};

/// A moment on the clock and on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// On the clock.
    pub now: Moment,
    /// The slot; 0 before genesis.
    pub slot: Slot,
    /// The epoch.
    pub epoch: Epoch,
}

impl When {
    /// A moment on a chain.
    pub fn on(clock: &SlotClock, now: Moment) -> Self {
        let slot = clock.slot_at(now.wall).unwrap_or_default();
        Self { now, slot, epoch: clock.epoch_of(slot) }
    }
}

/// How much a beacon may have lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It restarted.
    Everything,
    /// It may have: what must precede its duties is told again. Registrations are many, and repeated by clients.
    Maybe,
}
