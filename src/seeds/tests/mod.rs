//! What the book promises, on simulated time.

mod behaviour;
mod held_in_time;

use super::{Book, Client, Form, Seed, When};
use crate::model::{BeaconName, Epoch, Moment, SeedKind, Slot};

/// Milliseconds of a slot here.
const SLOT_MS: u64 = 12_000;
/// Slots of an epoch here.
const EPOCH: u64 = 8;

fn at(ms: u64) -> When {
    let slot = Slot(ms / SLOT_MS);
    When { now: Moment::default().plus_ms(ms), slot, epoch: slot.epoch(EPOCH) }
}

fn in_epoch(epoch: u64) -> When {
    at(epoch * EPOCH * SLOT_MS)
}

fn name(place: usize) -> BeaconName {
    BeaconName::new(format!("b{place}"))
}

fn book(beacons: usize) -> Book {
    let mut book = Book::default();
    book.enlist(&(0..beacons).map(name).collect::<Vec<_>>());
    book
}

/// A beacon takes a body that was just given.
fn took(book: &mut Book, beacon: &BeaconName, client: &Client, seed: &Seed, when: When) {
    let round = book.round();
    book.took(beacon, client, seed, round, when);
}

fn client(number: usize) -> Client {
    Client::named(&format!("vc-{number}"))
}

fn seed(kind: SeedKind, body: &str) -> Seed {
    Seed::read(kind, Form::default(), body.as_bytes()).unwrap_or_else(|| panic!("{kind}: {body}"))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn committees(validators: impl Iterator<Item = u64>, slot: u64) -> Seed {
    let one = |v| {
        format!(
            r#"{{"validator_index":"{v}","committee_index":"{}","slot":"{slot}","is_aggregator":true}}"#,
            v % 4
        )
    };
    seed(SeedKind::Committees, &list(validators.map(one)))
}

fn sync(validators: impl Iterator<Item = u64>, until: u64) -> Seed {
    let one = |v| {
        format!(r#"{{"validator_index":"{v}","sync_committee_indices":["{v}"],"until_epoch":"{until}"}}"#)
    };
    seed(SeedKind::Sync, &list(validators.map(one)))
}

fn preparations(validators: impl Iterator<Item = u64>, to: u8) -> Seed {
    let to = format!("{to:02x}").repeat(20);
    let one = |v| format!(r#"{{"validator_index":"{v}","fee_recipient":"0x{to}"}}"#);
    seed(SeedKind::Preparations, &list(validators.map(one)))
}

fn registrations(keys: impl Iterator<Item = u64>) -> Seed {
    let one = |key| {
        let to = "ab".repeat(20);
        format!(
            r#"{{"message":{{"fee_recipient":"0x{to}","gas_limit":"1","timestamp":"1","pubkey":"0x{key:096x}"}},"signature":"0x00"}}"#
        )
    };
    seed(SeedKind::Registrations, &list(keys.map(one)))
}
