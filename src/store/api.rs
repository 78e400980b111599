//! The trait and its words: everything the house persists. A backend knows nothing of what they mean.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::StoreError;
use crate::model::{Ack, BeaconName, Drain, JournalEntry, Silence, Slot, UnixMs};

/// Until when a seed is worth replaying.
///
/// Values of 2^63 and more are kept as 2^63 - 1: either is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// This is the last slot.
    Slot(Slot),
    /// From this time on it is not.
    At(UnixMs),
}

/// The last body of one kind that one client told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSeed {
    /// Who told it.
    pub client: String,
    /// What it is, in the words of whoever stores it; there is one body a client and kind.
    pub kind: String,
    /// The body, opaque here.
    pub body: Bytes,
    /// Until when it is kept.
    pub expiry: Expiry,
}

/// Incidents kept: so many numbers back from the newest.
pub const KEPT_INCIDENTS: u64 = 200;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Keep this seed in place of the last one of its client and kind.
    Seed(StoredSeed),
    /// Drop one.
    Forget {
        /// Of this client.
        client: String,
        /// Of this kind.
        kind: String,
    },
    /// Drop every seed that has expired.
    Expire {
        /// The present slot; none while the chain is not known, seeds with a slot are then kept.
        slot: Option<Slot>,
        /// The present time.
        at: UnixMs,
    },
    /// A beacon is drained; takes the place of an earlier order.
    Drain(BeaconName, Drain),
    /// A beacon is in use again.
    Resume(BeaconName),
    /// Somebody has taken note of something; takes the place of an earlier one of its key.
    Ack(Ack),
    /// What has this key has ended.
    Unack(String),
    /// Of something nobody is told for a while; takes the place of an earlier silence of its key.
    Silence(Silence),
    /// The silence of this key has ended.
    Unsilence(String),
    /// Keep this of an incident in place of what was kept of it; old ones give way ([`KEPT_INCIDENTS`]).
    Incident {
        /// Its number.
        id: u64,
        /// What is kept, opaque here.
        body: String,
    },
    /// A high-water mark is at least this; a lower value changes nothing.
    Raise {
        /// Its name.
        mark: String,
        /// The value.
        to: u64,
    },
    /// A line of the journal, without a number. If an entry of its order is there already, nothing is added.
    Journal(JournalEntry),
}

/// What persists. The rules that every backend must keep are the tests in `tests/suite.rs`.
pub trait Store: Send {
    /// Carries out all changes in order, or none; when it returns they survive a loss of power.
    ///
    /// Returns the journal's entry for each [`Write::Journal`]: the new one, or the one its order has already.
    fn write(&mut self, writes: &[Write]) -> Result<Vec<JournalEntry>, StoreError>;

    /// All seeds, by client and kind.
    fn seeds(&mut self) -> Result<Vec<StoredSeed>, StoreError>;

    /// Every beacon that is drained.
    fn drains(&mut self) -> Result<BTreeMap<BeaconName, Drain>, StoreError>;

    /// Every acknowledgement that stands, by key.
    fn acks(&mut self) -> Result<Vec<Ack>, StoreError>;

    /// Every silence that stands, by key.
    fn silences(&mut self) -> Result<Vec<Silence>, StoreError>;

    /// What is kept of incidents, by number.
    fn incidents(&mut self) -> Result<Vec<String>, StoreError>;

    /// A high-water mark; 0 if it was never raised.
    fn mark(&mut self, name: &str) -> Result<u64, StoreError>;

    /// The last `most` entries of the journal, oldest first.
    fn journal_last(&mut self, most: usize) -> Result<Vec<JournalEntry>, StoreError>;

    /// The first `most` entries after the one with this number, oldest first.
    fn journal_since(&mut self, id: u64, most: usize) -> Result<Vec<JournalEntry>, StoreError>;

    /// The entry of an order, if it was carried out before.
    fn journal_of(&mut self, order: &str) -> Result<Option<JournalEntry>, StoreError>;
}
