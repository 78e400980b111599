//! How long a request may take here and now: the row's budget, and what is left of the duty's.

use std::time::Duration;

use crate::endpoint::{Follow, Row};
use crate::model::{BeaconId, Bps, Moment, Slot, Step};
use crate::pool::Table;

/// Assumed slot while no beacon has told the chain's; only shares of it are used.
pub const UNKNOWN_SLOT_MS: u64 = 6_000;
/// A second beacon is never asked sooner than this: it would only double the load.
const HEDGE_FLOOR_MS: u64 = 25;
/// A hedge waits for so many times the beacon's usual answer time.
const HEDGE_PATIENCE: u64 = 4;
/// A hedge uses at most this share of what is left of the duty's budget.
const HEDGE_SHARE: u64 = 8;

/// A row's budget in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Which attempt may follow which.
    pub follow: Follow,
    /// When the next may start although the last has not failed.
    pub hedge: Option<Duration>,
    /// When one attempt is given up.
    pub attempt: Duration,
    /// When the request is given up.
    pub total: Duration,
}

/// Makes the plan of a request about `slot` that arrived at `now`; `first` is the beacon asked first.
pub fn plan(row: &Row, slot: Slot, now: Moment, table: &Table, first: Option<(BeaconId, u32)>) -> Plan {
    let slot_ms = table.clock.as_ref().map_or(UNKNOWN_SLOT_MS, |clock| clock.slot_ms(slot));
    let share = |bps: Bps| bps.of(slot_ms).max(1);
    let usual_ms = first.map_or(0, |(_, latency_us)| u64::from(latency_us) / 1_000);
    let hedge = row.budget.hedge.map(|bps| {
        if row.follow == Follow::SameBytes {
            // A publication is not sped up by more copies: they are for beacons that do not take it.
            return Duration::from_millis(share(bps));
        }
        let patient = (usual_ms * HEDGE_PATIENCE).clamp(HEDGE_FLOOR_MS, share(bps).max(HEDGE_FLOOR_MS));
        let left = left_ms(row.step, slot, now, table).unwrap_or(slot_ms);
        Duration::from_millis(patient.min((left / HEDGE_SHARE).max(HEDGE_FLOOR_MS)))
    });
    Plan {
        follow: row.follow,
        hedge,
        attempt: Duration::from_millis(share(row.budget.attempt)),
        total: Duration::from_millis(share(row.budget.total)),
    }
}

/// Milliseconds until the result of this step is worth nothing: the due point of the step that builds on it.
fn left_ms(step: Option<Step>, slot: Slot, now: Moment, table: &Table) -> Option<u64> {
    let clock = table.clock.as_ref()?;
    let end = match step? {
        Step::Propose => clock.due(slot, Step::Attest),
        Step::Attest => clock.due(slot, Step::Aggregate),
        Step::SyncMessage => clock.due(slot, Step::Contribution),
        Step::Aggregate | Step::Contribution | Step::PayloadAttest => clock.start_of(Slot(slot.0 + 1)),
    };
    u64::try_from(end.since(now.wall)).ok()
}
