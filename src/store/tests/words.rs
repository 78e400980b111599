//! What the tests write.

use bytes::Bytes;

use crate::model::{JournalEntry, Slot, UnixMs};
use crate::store::{Expiry, StoredSeed, Write};

/// A line of the journal, told apart by a number.
pub fn entry(number: u64) -> JournalEntry {
    JournalEntry {
        id: 0,
        at: UnixMs(number),
        who: "alice".into(),
        what: "drain".into(),
        target: Some(format!("b{number}")),
        order: None,
        outcome: format!("b{number} is drained"),
    }
}

/// The same as a change.
pub fn note(number: u64) -> Write {
    Write::Journal(entry(number))
}

/// The same as an order with an id.
pub fn order(number: u64, id: &str) -> Write {
    Write::Journal(JournalEntry { order: Some(id.into()), ..entry(number) })
}

/// A seed that is kept for long.
pub fn seed(client: &str, kind: &str, body: &[u8]) -> StoredSeed {
    let body = Bytes::copy_from_slice(body);
    StoredSeed { client: client.into(), kind: kind.into(), body, expiry: Expiry::Slot(Slot(1_000_000)) }
}
