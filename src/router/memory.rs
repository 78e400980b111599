//! What the router remembers between requests: producers, accepted bytes, holders of subscriptions.
//!
//! All of it is bounded, and no lock is held across an await.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::chain::{BlockKey, EnvelopeKey};
use crate::endpoint::Inspect;
use crate::model::{BeaconId, BeaconSet, Epoch, Root, Slot};
use crate::seeds::Held;

/// Blocks whose producer is remembered.
const PRODUCED: usize = 4_096;
/// Bodies remembered as taken.
const TAKEN: usize = 65_536;

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
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.map.remove(&oldest);
        }
    }
}

/// The router's memory.
pub struct Memory {
    produced: Mutex<Bounded<Produced, BeaconId>>,
    taken: Mutex<Bounded<u64, ()>>,
    held: Mutex<Held>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            produced: Mutex::new(Bounded::new(PRODUCED)),
            taken: Mutex::new(Bounded::new(TAKEN)),
            held: Mutex::default(),
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

    /// A beacon was restarted: what it had been told is gone.
    pub fn forget(&self, beacon: BeaconId) {
        lock(&self.held).forget(beacon);
    }
}
