//! What the router remembers between requests: producers, accepted bytes, holders of subscriptions, missing endpoints.
//!
//! All of it is bounded, and no lock is held across an await.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::chain::{BlockKey, EnvelopeKey};
use crate::endpoint::{Inspect, RowId};
use crate::model::{BeaconId, BeaconSet, Epoch, Moment, Root, Slot};
use crate::seeds::Held;

/// Blocks whose producer is remembered.
const PRODUCED: usize = 4_096;
/// Bodies remembered as taken.
const TAKEN: usize = 65_536;

/// Missing endpoints remembered.
const LACKING: usize = 4_096;
/// A missing endpoint is looked for again after this: beacons are upgraded.
const LACK_MS: u64 = 600_000;

/// What a thing is recognised by when it comes back to be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Produced {
    /// A block.
    Block(BlockKey),
    /// What belongs to the block of this root (envelopes).
    Root(Slot, Root),
    /// Whatever was produced last for a slot.
    Slot(Slot),
}

/// A map that forgets its oldest entries.
struct Bounded<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
    limit: usize,
}

impl<K: Hash + Eq + Copy, V> Bounded<K, V> {
    fn new(limit: usize) -> Self {
        Self { map: HashMap::new(), order: VecDeque::new(), limit }
    }

    fn insert(&mut self, key: K, value: V) {
        if self.map.insert(key, value).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.map.remove(&oldest);
            }
        }
    }
}

/// The router's memory.
pub struct Memory {
    produced: Mutex<Bounded<Produced, BeaconId>>,
    taken: Mutex<Bounded<u64, ()>>,
    held: Mutex<Held>,
    lacking: Mutex<Bounded<(BeaconId, RowId, bool), Moment>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            produced: Mutex::new(Bounded::new(PRODUCED)),
            taken: Mutex::new(Bounded::new(TAKEN)),
            held: Mutex::default(),
            lacking: Mutex::new(Bounded::new(LACKING)),
        }
    }
}

/// A poisoned lock still guards plain data: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn digest(path: &str, body: &Bytes) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    body.hash(&mut hasher);
    hasher.finish()
}

impl Memory {
    /// A beacon produced this answer.
    pub fn produced(&self, beacon: BeaconId, slot: Slot, answer: &[u8], ssz: bool) {
        let mut produced = lock(&self.produced);
        produced.insert(Produced::Slot(slot), beacon);
        if let Some(key) = BlockKey::of_unsigned(answer, ssz) {
            produced.insert(Produced::Block(key), beacon);
        }
    }

    /// Who produced what this request finishes: a signed block, or an envelope.
    pub fn producer(&self, inspect: Inspect, slot: Slot, body: &[u8], ssz: bool) -> Option<BeaconId> {
        let produced = lock(&self.produced);
        let exact = match inspect {
            Inspect::SignedBlock => BlockKey::of_signed(body, ssz).map(Produced::Block),
            Inspect::Envelope => {
                EnvelopeKey::of_signed(body, ssz).map(|key| Produced::Root(key.slot, key.beacon_block_root))
            }
            _ => None,
        };
        let by_slot = || match exact {
            Some(Produced::Block(key)) => Produced::Slot(key.slot),
            Some(Produced::Root(slot, _)) => Produced::Slot(slot),
            Some(Produced::Slot(_)) | None => Produced::Slot(slot),
        };
        exact.and_then(|key| produced.map.get(&key)).or_else(|| produced.map.get(&by_slot())).copied()
    }

    /// Who served the envelope of a block root will take its signed form.
    pub fn served_envelope(&self, beacon: BeaconId, slot: Slot, root: Root) {
        lock(&self.produced).insert(Produced::Root(slot, root), beacon);
    }

    /// Some beacon took these bytes.
    pub fn took(&self, path: &str, body: &Bytes) {
        lock(&self.taken).insert(digest(path, body), ());
    }

    /// Whether some beacon took these bytes before.
    pub fn was_taken(&self, path: &str, body: &Bytes) -> bool {
        lock(&self.taken).map.contains_key(&digest(path, body))
    }

    /// A beacon took a seed.
    pub fn told(&self, beacon: BeaconId, inspect: Inspect, body: &[u8]) {
        match inspect {
            Inspect::CommitteeSubscriptions => lock(&self.held).took_committees(beacon, body),
            Inspect::SyncSubscriptions => lock(&self.held).took_sync(beacon, body),
            _ => {}
        }
    }

    /// Who holds the subscriptions of a slot's committee.
    pub fn committee_holders(&self, slot: Slot, index: Option<u64>) -> BeaconSet {
        lock(&self.held).committee(slot, index)
    }

    /// Who holds sync subscriptions in an epoch.
    pub fn sync_holders(&self, epoch: Epoch) -> BeaconSet {
        lock(&self.held).sync(epoch)
    }

    /// A beacon does not know this endpoint, or not in this form (SSZ or JSON).
    pub fn lacks(&self, beacon: BeaconId, row: RowId, ssz: bool, now: Moment) {
        let mut lacking = lock(&self.lacking);
        lacking.map.remove(&(beacon, row, ssz));
        lacking.insert((beacon, row, ssz), now);
    }

    /// Moves beacons that lack the endpoint behind all others.
    pub fn able_first(&self, order: Vec<BeaconId>, row: RowId, ssz: bool, now: Moment) -> Vec<BeaconId> {
        let lacking = lock(&self.lacking);
        if lacking.map.is_empty() {
            return order;
        }
        let lacks = |id: &BeaconId| {
            lacking.map.get(&(*id, row, ssz)).is_some_and(|since| now.ms_since(*since) < LACK_MS)
        };
        let (unable, mut able): (Vec<_>, Vec<_>) = order.into_iter().partition(lacks);
        able.extend(unable);
        able
    }

    /// A beacon is another one now: what it had been told is gone, what it lacked it may know.
    pub fn forget(&self, beacon: BeaconId) {
        lock(&self.held).forget(beacon);
        lock(&self.lacking).map.retain(|(id, ..), _| *id != beacon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beacon_that_lacks_an_endpoint_goes_last_until_it_may_have_been_upgraded() {
        let memory = Memory::default();
        let order = || vec![BeaconId(0), BeaconId(1), BeaconId(2)];
        let (row, now) = (RowId(7), Moment::default().plus_ms(1));
        memory.lacks(BeaconId(0), row, true, now);
        assert_eq!(memory.able_first(order(), row, true, now), [BeaconId(1), BeaconId(2), BeaconId(0)]);
        assert_eq!(memory.able_first(order(), row, false, now), order(), "another form is another question");
        assert_eq!(memory.able_first(order(), RowId(8), true, now), order());
        assert_eq!(memory.able_first(order(), row, true, now.plus_ms(LACK_MS)), order());
        memory.forget(BeaconId(0));
        assert_eq!(memory.able_first(order(), row, true, now), order());
    }

    #[test]
    fn bytes_that_were_taken_are_known_again_and_memory_is_bounded() {
        let memory = Memory::default();
        let body = |n: usize| Bytes::from(n.to_string());
        for n in 0..TAKEN + 10 {
            memory.took("/p", &body(n));
        }
        assert!(memory.was_taken("/p", &body(TAKEN)) && !memory.was_taken("/q", &body(TAKEN)));
        assert!(!memory.was_taken("/p", &body(0)), "the oldest is forgotten");
        assert_eq!(lock(&memory.taken).map.len(), TAKEN);
    }
}
