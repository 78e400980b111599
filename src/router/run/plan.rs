//! How long a request may take here and now: the row's budget, and what is left of the duty's.

use std::time::Duration;

use crate::endpoint::{Follow, Row};
use crate::model::{Bps, Moment, Slot, Step};
use crate::pool::{Gauge, Table};

/// Assumed slot while no beacon has told the chain's; only shares of it are used.
pub const UNKNOWN_SLOT_MS: u64 = 6_000;
/// A second beacon is never asked sooner than this: it would only double the load.
const HEDGE_FLOOR_MS: u64 = 25;
/// A hedge waits until so many of the beacon's recent answers would have come: one request in twenty is asked twice (Dean
/// and Barroso, "The Tail at Scale", 2013).
const HEDGE_QUANTILE: Bps = Bps(9_500);
/// Answers that quantile must rest on.
const HEDGE_SAMPLES: u32 = 40;
/// With fewer answers a hedge waits for so many times the smoothed answer time.
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

/// Makes the plan of a request about `slot` that arrived at `now`; `first` is the gauge of the beacon asked first.
pub fn plan(row: &Row, slot: Slot, now: Moment, table: &Table, first: &Gauge) -> Plan {
    let slot_ms = slot_ms(slot, table);
    let share = |bps: Bps| bps.of(slot_ms).max(1);
    let hedge = row.budget.hedge.map(|bps| {
        if row.follow == Follow::SameBytes {
            // A publication is not sped up by more copies: they are for beacons that do not take it.
            return Duration::from_millis(share(bps));
        }
        let patient = usual_ms(first).clamp(HEDGE_FLOOR_MS, share(bps).max(HEDGE_FLOOR_MS));
        let left = left_ms(row.step, slot, now, table).unwrap_or(slot_ms);
        Duration::from_millis(patient.min((left / HEDGE_SHARE).max(HEDGE_FLOOR_MS)))
    });
    Plan {
        follow: row.follow,
        hedge,
        attempt: Duration::from_millis(share(row.budget.attempt)),
        total: total(row, slot, table),
    }
}

/// How long a request of this row about `slot` may take in all.
pub fn total(row: &Row, slot: Slot, table: &Table) -> Duration {
    Duration::from_millis(row.budget.total.of(slot_ms(slot, table)).max(1))
}

fn slot_ms(slot: Slot, table: &Table) -> u64 {
    table.clock.as_ref().map_or(UNKNOWN_SLOT_MS, |clock| clock.slot_ms(slot))
}

/// Milliseconds after which an answer of this beacon is unusually late.
fn usual_ms(gauge: &Gauge) -> u64 {
    let late = gauge.quantile(HEDGE_QUANTILE, HEDGE_SAMPLES).map(u64::from);
    late.unwrap_or_else(|| u64::from(gauge.latency().0) * HEDGE_PATIENCE) / 1_000
}

/// Milliseconds until the result of this step is worth nothing: the due point of the step that builds on it; 0 after it.
fn left_ms(step: Option<Step>, slot: Slot, now: Moment, table: &Table) -> Option<u64> {
    let clock = table.clock.as_ref()?;
    let end = match step? {
        Step::Propose => clock.due(slot, Step::Attest),
        Step::Attest => clock.due(slot, Step::Aggregate),
        Step::SyncMessage => clock.due(slot, Step::Contribution),
        Step::Aggregate | Step::Contribution | Step::PayloadAttest => clock.start_of(Slot(slot.0 + 1)),
    };
    Some(end.0.saturating_sub(now.wall.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{Genesis, SlotClock};
    use crate::endpoint::table as rows;
    use crate::model::{Root, UnixMs};

    fn named(name: &str) -> &'static Row {
        rows().iter().find(|row| row.name == name).unwrap()
    }

    fn table(slot_s: &str) -> Table {
        let genesis = Genesis { time: 0, validators_root: Root::default(), fork_version: [0; 4] };
        let spec = [("SECONDS_PER_SLOT", slot_s), ("SLOTS_PER_EPOCH", "32")].into_iter().collect();
        let clock = SlotClock::new(&genesis, &spec).unwrap();
        Table {
            seq: 1,
            at: UnixMs(0),
            clock: Some(clock),
            agreed: None,
            parent: None,
            split: None,
            entries: Vec::new(),
        }
    }

    fn hedge_ms(gauge: &Gauge, slot_s: &str, into_slot_ms: u64) -> u128 {
        let (table, row) = (table(slot_s), named("produceAttestationData"));
        let start = table.clock.as_ref().unwrap().start_of(Slot(9));
        let now = Moment { wall: UnixMs(start.0 + into_slot_ms), mono_us: 0 };
        plan(row, Slot(9), now, &table, gauge).hedge.unwrap().as_millis()
    }

    fn answered(times: &[(u64, usize)]) -> Gauge {
        let gauge = Gauge::default();
        for (ms, count) in times {
            (0..*count).for_each(|_| gauge.answer(Moment::default(), ms * 1_000, true));
        }
        gauge
    }

    #[test]
    fn a_hedge_waits_for_what_nineteen_of_twenty_recent_answers_took() {
        let gauge = answered(&[(40, 95), (200, 5)]);
        let late = hedge_ms(&gauge, "12", 0);
        assert!((40..=50).contains(&late), "{late} ms: the outliers raise the mean, not the wait");
        let gauge = answered(&[(40, 90), (200, 10)]);
        let late = hedge_ms(&gauge, "12", 0);
        assert!((200..=250).contains(&late), "{late} ms: one in ten is no outlier");
    }

    #[test]
    fn on_few_answers_a_hedge_waits_for_a_multiple_of_the_smoothed_time() {
        assert_eq!(hedge_ms(&answered(&[(30, 10)]), "12", 0), 120);
    }

    #[test]
    fn a_hedge_has_a_floor_and_a_cap_by_the_slot() {
        assert_eq!(hedge_ms(&answered(&[(1, 100)]), "12", 0), 25);
        assert_eq!(hedge_ms(&Gauge::default(), "12", 0), 25, "never asked: nothing speaks for waiting");
        assert_eq!(hedge_ms(&answered(&[(5_000, 100)]), "12", 0), 360, "3 % of 12 s");
        assert_eq!(hedge_ms(&answered(&[(5_000, 100)]), "3", 0), 90, "3 % of 3 s");
    }

    #[test]
    fn the_less_is_left_the_sooner_the_hedge_and_after_the_end_at_once() {
        let slow = answered(&[(5_000, 100)]);
        let (early, late) = (hedge_ms(&slow, "12", 0), hedge_ms(&slow, "12", 7_000));
        assert!(late < early && late > 25, "{late} ms");
        assert_eq!(hedge_ms(&slow, "12", 8_500), 25, "the aggregate is due: no time to lose");
    }
}
