//! Who holds which subscription.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{BeaconId, BeaconSet, Epoch, Quoted, Slot};

/// Slots for which subscriptions are remembered; a subscription is made one or two epochs ahead.
const SLOTS: usize = 256;
/// Committees remembered in a slot (consensus spec, `MAX_COMMITTEES_PER_SLOT` is 64).
const COMMITTEES: usize = 64;

/// One entry of `beacon_committee_subscriptions` (Beacon API, `prepareBeaconCommitteeSubnet`), the fields needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct CommitteeSubscription {
    #[serde(deserialize_with = "Quoted::plain")]
    committee_index: u64,
    #[serde(deserialize_with = "Quoted::plain")]
    slot: u64,
}

#[derive(Deserialize)]
struct SyncSubscription {
    #[serde(deserialize_with = "Quoted::plain")]
    until_epoch: u64,
}

/// Who holds which subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    committees: BTreeMap<Slot, BTreeMap<u64, BeaconSet>>,
    sync: BTreeMap<BeaconId, Epoch>,
}

impl Held {
    /// A beacon took a body of committee subscriptions. Bodies that are none change nothing.
    pub fn took_committees(&mut self, beacon: BeaconId, body: &[u8]) {
        let Ok(entries) = serde_json::from_slice::<Vec<CommitteeSubscription>>(body) else { return };
        for entry in entries {
            let slot = self.committees.entry(Slot(entry.slot)).or_default();
            if slot.len() < COMMITTEES || slot.contains_key(&entry.committee_index) {
                slot.entry(entry.committee_index).or_default().add(beacon);
            }
        }
        while self.committees.len() > SLOTS {
            self.committees.pop_first();
        }
    }

    /// A beacon took a body of sync committee subscriptions.
    pub fn took_sync(&mut self, beacon: BeaconId, body: &[u8]) {
        let Ok(entries) = serde_json::from_slice::<Vec<SyncSubscription>>(body) else { return };
        if let Some(until) = entries.iter().map(|entry| Epoch(entry.until_epoch)).max() {
            let held = self.sync.entry(beacon).or_insert(until);
            *held = (*held).max(until);
        }
    }

    /// Holders of a committee's subscription; of the whole slot when the committee is not told or not known.
    pub fn committee(&self, slot: Slot, index: Option<u64>) -> BeaconSet {
        let Some(slot) = self.committees.get(&slot) else { return BeaconSet::default() };
        match index.and_then(|index| slot.get(&index)) {
            Some(set) => *set,
            None => slot.values().fold(BeaconSet::default(), |all, set| all.or(*set)),
        }
    }

    /// Holders of sync subscriptions valid in an epoch.
    pub fn sync(&self, epoch: Epoch) -> BeaconSet {
        let mut set = BeaconSet::default();
        self.sync.iter().filter(|(_, until)| **until >= epoch).for_each(|(id, _)| set.add(*id));
        set
    }

    /// The same with each beacon at another place, by its place here; what those without one hold is left out.
    #[must_use]
    pub fn at(&self, places: &[Option<BeaconId>]) -> Held {
        let place = |id: BeaconId| places.get(id.index()).copied().flatten();
        let moved = |set: &BeaconSet| {
            let mut moved = BeaconSet::default();
            let old = (0..places.len()).map(|index| BeaconId(index as u16)).filter(|id| set.has(*id));
            old.filter_map(place).for_each(|id| moved.add(id));
            moved
        };
        let slot = |slot: &BTreeMap<u64, BeaconSet>| slot.iter().map(|(i, set)| (*i, moved(set))).collect();
        Held {
            committees: self.committees.iter().map(|(at, committees)| (*at, slot(committees))).collect(),
            sync: self.sync.iter().filter_map(|(id, until)| Some((place(*id)?, *until))).collect(),
        }
    }

    /// A beacon lost what it was told.
    pub fn forget(&mut self, beacon: BeaconId) {
        self.sync.remove(&beacon);
        for set in self.committees.values_mut().flat_map(BTreeMap::values_mut) {
            set.0 &= !(1 << beacon.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"[{"validator_index":"1","committee_index":"3","committees_at_slot":"4","slot":"70",
        "is_aggregator":true},{"validator_index":"2","committee_index":"1","committees_at_slot":"4","slot":"71",
        "is_aggregator":false}]"#;

    #[test]
    fn holders_are_found_by_slot_and_committee_and_forgotten_with_the_beacon() {
        let mut held = Held::default();
        held.took_committees(BeaconId(2), BODY.as_bytes());
        held.took_committees(BeaconId(5), BODY.as_bytes());
        held.took_committees(BeaconId(6), b"garbage");
        let both = held.committee(Slot(70), Some(3));
        assert!(both.has(BeaconId(2)) && both.has(BeaconId(5)) && !both.has(BeaconId(6)));
        assert_eq!(held.committee(Slot(71), None), both, "v1 aggregates do not tell their committee");
        assert!(held.committee(Slot(72), Some(3)).is_empty());
        held.forget(BeaconId(2));
        assert!(!held.committee(Slot(70), Some(3)).has(BeaconId(2)));
    }

    #[test]
    fn sync_subscriptions_expire_with_their_epoch() {
        let mut held = Held::default();
        let body = br#"[{"validator_index":"1","sync_committee_indices":["0"],"until_epoch":"9"}]"#;
        held.took_sync(BeaconId(1), body);
        assert!(held.sync(Epoch(9)).has(BeaconId(1)));
        assert!(held.sync(Epoch(10)).is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let mut held = Held::default();
        for slot in 0..2_000 {
            let body = format!(r#"[{{"committee_index":"{slot}","slot":"{slot}","is_aggregator":true}}]"#);
            held.took_committees(BeaconId(0), body.as_bytes());
        }
        assert!(held.committees.len() <= SLOTS);
    }
}
