//! What the router remembers between requests: producers, accepted bytes, holders of subscriptions, missing endpoints.
//!
//! All of it is bounded, and no lock is held across an await. Beacons are known by their place in one fleet file: under
//! the next one a memory has an heir, which is given all of it and hears what requests of before still learn.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::decided::Decided;
use super::duties::Duties;
use super::quorum::Quorums;
use super::viewed::Viewed;
use crate::chain::BlockKey;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Produced {
    /// A block.
    Block(BlockKey),
    /// What belongs to the block of this root (envelopes).
    Root(Slot, Root),
    /// Whatever was produced last for a slot.
    Slot(Slot),
}

/// What a memory learns of a beacon.
#[derive(Debug, Clone, Copy)]
pub enum Memo<'a> {
    /// It produced this.
    Produced(BeaconId, Produced),
    /// It took a seed: the body of a request.
    Told(BeaconId, Inspect, &'a [u8]),
    /// It does not know this endpoint, or not in this form (SSZ or JSON), as it said then.
    Lacks(BeaconId, RowId, bool, Moment),
}

impl<'a> Memo<'a> {
    /// The same with the beacon at another place; none if it has no place.
    fn at(self, places: &[Option<BeaconId>]) -> Option<Memo<'a>> {
        let place = |id: BeaconId| places.get(id.index()).copied().flatten();
        Some(match self {
            Self::Produced(id, what) => Self::Produced(place(id)?, what),
            Self::Told(id, inspect, body) => Self::Told(place(id)?, inspect, body),
            Self::Lacks(id, row, ssz, since) => Self::Lacks(place(id)?, row, ssz, since),
        })
    }
}

/// Hears what a memory learns.
type Heir = Arc<dyn Fn(Memo<'_>) + Send + Sync>;

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
    /// No beacon is named in it: all heirs share it.
    taken: Arc<Mutex<Bounded<u64, ()>>>,
    /// It names beacons by name: all heirs share it.
    decided: Arc<Decided>,
    /// As above.
    duties: Arc<Duties>,
    /// As above.
    viewed: Arc<Viewed>,
    /// As above.
    quorums: Arc<Quorums>,
    /// As above.
    blocks: Arc<Blocks>,
    held: Mutex<Held>,
    lacking: Mutex<Bounded<(BeaconId, RowId, bool), Moment>>,
    heirs: Mutex<Vec<Heir>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            produced: Mutex::new(Bounded::new(PRODUCED)),
            taken: Arc::new(Mutex::new(Bounded::new(TAKEN))),
            decided: Arc::default(),
            duties: Arc::default(),
            viewed: Arc::default(),
            quorums: Arc::default(),
            blocks: Arc::default(),
            held: Mutex::default(),
            lacking: Mutex::new(Bounded::new(LACKING)),
            heirs: Mutex::default(),
        }
    }
}

/// A poisoned lock still guards plain data: each change is one call.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn digest(path: &str, body: &Bytes) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    body.hash(&mut hasher);
    hasher.finish()
}

impl Memory {
    /// The memory under the next fleet file: it knows what this one knows and hears what this one still learns. `places`
    /// has each beacon's place there, by its place here; none if it is gone.
    pub fn succeed(&self, places: Vec<Option<BeaconId>>) -> Arc<Memory> {
        let (taken, decided, blocks) = (self.taken.clone(), self.decided.clone(), self.blocks.clone());
        let (duties, viewed) = (self.duties.clone(), self.viewed.clone());
        let quorums = self.quorums.clone();
        let next = Arc::new(Memory { taken, decided, duties, viewed, quorums, blocks, ..Memory::default() });
        let (produced, lacking) = (lock(&self.produced), lock(&self.lacking));
        let held = lock(&self.held);
        *lock(&next.held) = held.at(&places);
        let known =
            produced.order.iter().filter_map(|key| Some(Memo::Produced(*produced.map.get(key)?, *key)));
        let lacks = lacking.map.iter().map(|((id, row, ssz), since)| Memo::Lacks(*id, *row, *ssz, *since));
        known.chain(lacks).filter_map(|memo| memo.at(&places)).for_each(|memo| next.keep(memo));
        let heir = next.clone();
        // While all is locked: what is learned now is either copied or heard.
        lock(&self.heirs).push(Arc::new(move |memo| {
            if let Some(memo) = memo.at(&places) {
                heir.learn(memo);
            }
        }));
        next
    }

    /// What was decided about attestation data.
    pub fn decided(&self) -> &Decided {
        &self.decided
    }

    /// What beacons told of duties.
    pub fn duties(&self) -> &Duties {
        &self.duties
    }

    /// What was said about heads.
    pub fn viewed(&self) -> &Viewed {
        &self.viewed
    }

    /// What was confirmed of checkpoints.
    pub fn quorums(&self) -> &Quorums {
        &self.quorums
    }

    /// Blocks that were given or published.
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Learns something of a beacon, and passes it on to the heir.
    pub fn learn(&self, memo: Memo<'_>) {
        self.keep(memo);
        let heirs = lock(&self.heirs).clone();
        for heir in &heirs {
            heir(memo);
        }
    }

    /// What another process must be given: who produced what, oldest first, and who holds which subscription. `heir` hears
    /// what is learned from now on.
    pub fn bequeath(
        &self,
        heir: impl Fn(Memo<'_>) + Send + Sync + 'static,
    ) -> (Vec<(Produced, BeaconId)>, Held) {
        let (produced, held) = (lock(&self.produced), lock(&self.held));
        lock(&self.heirs).push(Arc::new(heir));
        let all = produced.order.iter().filter_map(|key| Some((*key, *produced.map.get(key)?)));
        (all.collect(), held.clone())
    }

    /// Who holds which subscription, as another process knows it.
    pub fn inherit(&self, held: Held) {
        *lock(&self.held) = held;
    }

    fn keep(&self, memo: Memo<'_>) {
        match memo {
            Memo::Produced(beacon, key) => lock(&self.produced).insert(key, beacon),
            Memo::Told(beacon, Inspect::CommitteeSubscriptions, body) => {
                lock(&self.held).took_committees(beacon, body);
            }
            Memo::Told(beacon, Inspect::SyncSubscriptions, body) => lock(&self.held).took_sync(beacon, body),
            Memo::Told(..) => {}
            Memo::Lacks(beacon, row, ssz, since) => {
                let mut lacking = lock(&self.lacking);
                lacking.map.remove(&(beacon, row, ssz));
                lacking.insert((beacon, row, ssz), since);
            }
        }
    }

    /// A beacon produced the block that a client is given for a slot.
    pub fn produced(&self, beacon: BeaconId, slot: Slot, key: Option<BlockKey>) {
        self.learn(Memo::Produced(beacon, Produced::Slot(slot)));
        if let Some(key) = key {
            self.learn(Memo::Produced(beacon, Produced::Block(key)));
        }
    }

    /// Who made exactly this.
    pub fn made(&self, what: Produced) -> Option<BeaconId> {
        lock(&self.produced).map.get(&what).copied()
    }

    /// Who produced what a request finishes: exactly this, or what was produced last for its slot.
    pub fn producer(&self, exact: Option<Produced>, slot: Slot) -> Option<BeaconId> {
        let slot = match exact {
            Some(Produced::Block(key)) => key.slot,
            Some(Produced::Root(slot, _) | Produced::Slot(slot)) => slot,
            None => slot,
        };
        exact.and_then(|exact| self.made(exact)).or_else(|| self.made(Produced::Slot(slot)))
    }

    /// Who served the envelope of a block root will take its signed form.
    pub fn served_envelope(&self, beacon: BeaconId, slot: Slot, root: Root) {
        self.learn(Memo::Produced(beacon, Produced::Root(slot, root)));
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
        self.learn(Memo::Told(beacon, inspect, body));
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
        self.learn(Memo::Lacks(beacon, row, ssz, now));
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
    fn an_heir_knows_all_and_hears_what_is_learned_late() {
        let old = Memory::default();
        let (slot, row, now) = (Slot(70), RowId(7), Moment::default().plus_ms(1));
        let body = br#"[{"committee_index":"3","slot":"70","is_aggregator":true}]"#;
        old.served_envelope(BeaconId(0), slot, Root::default());
        old.told(BeaconId(0), Inspect::CommitteeSubscriptions, body);
        old.told(BeaconId(1), Inspect::CommitteeSubscriptions, body);
        old.lacks(BeaconId(0), row, true, now);
        old.took("/p", &Bytes::from_static(b"x"));
        // The first beacon moves to the end, the second is gone.
        let new = old.succeed(vec![Some(BeaconId(1)), None]);
        let produced = |key| lock(&new.produced).map.get(&key).copied();
        assert_eq!(produced(Produced::Root(slot, Root::default())), Some(BeaconId(1)));
        let mut holders = BeaconSet::default();
        holders.add(BeaconId(1));
        assert_eq!(new.committee_holders(slot, Some(3)), holders);
        let order = vec![BeaconId(1), BeaconId(0)];
        assert_eq!(new.able_first(order, row, true, now), [BeaconId(0), BeaconId(1)]);
        assert!(new.was_taken("/p", &Bytes::from_static(b"x")));
        old.served_envelope(BeaconId(0), Slot(71), Root::default());
        old.served_envelope(BeaconId(1), Slot(72), Root::default());
        old.took("/p", &Bytes::from_static(b"late"));
        assert_eq!(produced(Produced::Root(Slot(71), Root::default())), Some(BeaconId(1)));
        assert_eq!(produced(Produced::Root(Slot(72), Root::default())), None);
        assert!(new.was_taken("/p", &Bytes::from_static(b"late")));
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
