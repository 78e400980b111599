//! When each beacon told of the head of each slot, and the lines that makes. Pure.

use std::collections::BTreeMap;

use crate::model::{BeaconName, FleetStatus, HeadSeen, Lifecycle, Observation, Reason, Slot, UnixMs};

/// Slots remembered.
const SLOTS: usize = 16;
/// A beacon that told of no head by event in so many slots is not listened to: nothing is told of it.
const SILENT: u64 = 8;

/// The heads.
#[derive(Debug, Default)]
pub struct Heads {
    /// When a beacon told first of a slot's block, or of a later one.
    told: BTreeMap<Slot, BTreeMap<BeaconName, UnixMs>>,
    /// The newest head that each told of by event.
    events: BTreeMap<BeaconName, Slot>,
}

impl Heads {
    /// A beacon told of a head, by event or when it was probed.
    pub fn take(&mut self, beacon: &BeaconName, slot: Slot, at: UnixMs, by_event: bool) {
        if by_event {
            let newest = self.events.entry(beacon.clone()).or_default();
            *newest = slot.max(*newest);
        }
        self.told.entry(slot).or_default().entry(beacon.clone()).or_insert(at);
        while self.told.len() > SLOTS {
            self.told.pop_first();
        }
    }

    /// A slot is over whose head was agreed on at this moment: its lines. Beacons that are out by order, or of another
    /// network, are left out.
    pub fn lines(&self, slot: Slot, agreed: UnixMs, status: &FleetStatus) -> Vec<Observation> {
        let is_heard =
            |name: &BeaconName| self.events.get(name).is_some_and(|last| last.0 + SILENT >= slot.0);
        let used = status.beacons.iter().filter(|beacon| {
            beacon.lifecycle == Lifecycle::Active
                && !beacon.reasons.contains(&Reason::WrongChain)
                && is_heard(&beacon.name)
        });
        let line = |name: &BeaconName| {
            let at = self.told.range(slot..).filter_map(|(_, told)| told.get(name)).min();
            let after_agreed_ms = at.map(|at| at.since(agreed).max(0) as f64);
            Observation::Head(HeadSeen { slot, beacon: name.to_string(), after_agreed_ms })
        };
        used.map(|beacon| line(&beacon.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BeaconStatus;

    fn status(names: &[&str]) -> FleetStatus {
        FleetStatus {
            beacons: names.iter().map(|name| BeaconStatus::bare(name)).collect(),
            ..FleetStatus::default()
        }
    }

    fn told(heads: &Heads, slot: u64, agreed: u64, status: &FleetStatus) -> Vec<(String, Option<f64>)> {
        let lines = heads.lines(Slot(slot), UnixMs(agreed), status).into_iter();
        let one = |line| match line {
            Observation::Head(seen) => (seen.beacon, seen.after_agreed_ms),
            other => panic!("{other:?}"),
        };
        lines.map(one).collect()
    }

    #[test]
    fn a_head_is_late_against_when_it_was_agreed_on_or_not_told_at_all() {
        let (mut heads, status) = (Heads::default(), status(&["a", "b", "c", "d"]));
        for name in ["a", "b", "c"] {
            heads.take(&BeaconName::new(name), Slot(6), UnixMs(6_000), true);
        }
        heads.take(&BeaconName::new("a"), Slot(7), UnixMs(7_000), true);
        heads.take(&BeaconName::new("b"), Slot(7), UnixMs(7_900), false);
        heads.take(&BeaconName::new("b"), Slot(7), UnixMs(7_950), true);
        // One that is only probed is heard of too late for nothing.
        heads.take(&BeaconName::new("d"), Slot(7), UnixMs(7_800), false);
        let of = |name: &str, ms| (name.to_owned(), ms);
        assert_eq!(
            told(&heads, 7, 7_100, &status),
            [of("a", Some(0.0)), of("b", Some(800.0)), of("c", None)]
        );
        heads.take(&BeaconName::new("c"), Slot(8), UnixMs(8_200), true);
        assert_eq!(told(&heads, 7, 7_100, &status)[2], of("c", Some(1_100.0)), "its next head says so, too");
        assert_eq!(told(&heads, 16, 16_000, &status), [of("c", None)], "the others were silent for long");
    }

    #[test]
    fn what_is_out_by_order_or_of_another_network_is_left_out() {
        let (mut heads, mut status) = (Heads::default(), status(&["a", "b"]));
        for name in ["a", "b"] {
            heads.take(&BeaconName::new(name), Slot(7), UnixMs(7_000), true);
        }
        status.beacons[0].lifecycle = Lifecycle::Drained;
        status.beacons[1].reasons = vec![Reason::WrongChain];
        assert_eq!(told(&heads, 7, 7_000, &status), []);
    }
}
