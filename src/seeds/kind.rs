//! What tells the kinds of seeds apart: row, expiry, bounds, and whether a beacon must know it before it serves.
//!
//! To add a kind: a variant of [`SeedKind`], an arm in each function here, and its fields in `item`.

use crate::endpoint::{Inspect, Row, Strategy, table};
use crate::model::SeedKind;

/// Epochs a preparation is valid for, the one it was repeated in included (Beacon API, `prepareBeaconProposer`: "this
/// epoch and the next two"); clients repeat it at least once an epoch.
pub const PREPARED_EPOCHS: u64 = 3;
/// The same of a registration: the specification leaves it to the beacon, and clients repeat it once an epoch.
pub const REGISTERED_EPOCHS: u64 = 3;
/// Registrations of one body: a builder's relay takes them one at a time.
const REGISTRATIONS_AT_ONCE: usize = 500;
/// Entries of another body: some beacons take no body above a few megabytes.
const ENTRIES_AT_ONCE: usize = 8_192;

/// The kind of a row's request body; none if the row is no seed.
pub fn of(row: &Row) -> Option<SeedKind> {
    if row.strategy != Strategy::Seed {
        return None;
    }
    match row.inspect {
        Inspect::CommitteeSubscriptions => Some(SeedKind::Committees),
        Inspect::SyncSubscriptions => Some(SeedKind::Sync),
        Inspect::Preparations => Some(SeedKind::Preparations),
        Inspect::Registrations => Some(SeedKind::Registrations),
        Inspect::Preferences => Some(SeedKind::Preferences),
        Inspect::Subnets => Some(SeedKind::Subnets),
        _ => None,
    }
}

/// The row a kind is told through.
pub fn row(kind: SeedKind) -> Option<&'static Row> {
    table().iter().find(|row| of(row) == Some(kind))
}

/// Whether a beacon that lacks it may not produce a block or an aggregate. A registration that is missing costs a
/// builder's bid; keeping a beacon out for as long as thousands of them take to be told costs more.
pub const fn must_precede(kind: SeedKind) -> bool {
    !matches!(kind, SeedKind::Registrations | SeedKind::Subnets)
}

/// Most entries of one replayed body.
pub const fn at_once(kind: SeedKind) -> usize {
    match kind {
        SeedKind::Registrations => REGISTRATIONS_AT_ONCE,
        _ => ENTRIES_AT_ONCE,
    }
}

/// Most entries remembered, over all clients: of 200,000 validators with room to spare.
pub const fn most(kind: SeedKind) -> usize {
    match kind {
        // Two epochs ahead.
        SeedKind::Committees => 1 << 20,
        SeedKind::Preparations | SeedKind::Registrations => 1 << 18,
        SeedKind::Sync | SeedKind::Preferences => 1 << 16,
        SeedKind::Subnets => 1 << 12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row_and_every_seed_row_a_kind() {
        for kind in SeedKind::ALL {
            assert_eq!(row(kind).and_then(of), Some(kind));
            assert_eq!(SeedKind::of_word(kind.word()), Some(kind));
        }
        let rows = table().iter().filter(|row| row.strategy == Strategy::Seed);
        assert!(rows.clone().all(|row| of(row).is_some()));
        assert_eq!(rows.count(), SeedKind::ALL.len());
    }
}
