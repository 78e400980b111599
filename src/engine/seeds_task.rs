//! The task that follows the seeds book: tells beacons what they must know, and the pool when one has been told.
//!
//! It reads the published table, so it sees what the router sees: who belongs to a client's seed set, and who is unseeded
//! ([`crate::pool::Entry::owed`]). One delivery to a beacon at a time; a beacon that answers no probe is left alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::common::Common;
use super::said::Message;
use super::seeds_kept::Kept;
use crate::model::{BeaconId, BeaconName, BeaconSet, Reason, SeedKind, Slot};
use crate::pool::{Entry, Table};
use crate::router::{Desk, Heard, Router};
use crate::seeds::{Client, Plan, Replay, When};
use crate::store::StoreHandle;

/// How often the book is looked at when nothing wakes the task.
const TICK: Duration = Duration::from_millis(100);
/// How often what changed in the book is written.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// After a failed delivery the next one waits so long, twice as long each time, up to the second: it may be one that restarts
/// between two probes, and that is to be told within a second of its return.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_millis(500));

/// Refused bodies that are told in halves in one delivery: a few bad entries among a thousand are found by it.
const HALVINGS: usize = 32;

/// Answers of a beacon that knows no such request: no part of it would fare better.
const NO_SUCH_ROUTE: [u16; 3] = [404, 405, 501];

/// Which beacons answer probes at present.
#[derive(Default)]
pub struct Answering(Mutex<HashSet<BeaconName>>);

impl Answering {
    /// A probe was answered, or not.
    pub fn set(&self, beacon: &BeaconName, answers: bool) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !answers {
            set.remove(beacon);
        } else if !set.contains(beacon) {
            set.insert(beacon.clone());
        }
    }

    fn has(&self, beacon: &BeaconName) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(beacon)
    }
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    next: Duration,
}

/// The task and what it owns.
pub struct SeedsTask {
    /// Of the fleet file in force.
    router: Arc<ArcSwap<Router>>,
    desk: Arc<Desk>,
    answering: Arc<Answering>,
    to_pool: mpsc::Sender<Message>,
    store: StoreHandle,
    /// Seed sets by client and kind, of one router's table.
    sets: HashMap<(Client, SeedKind), BeaconSet>,
    /// Which: where the router is, and the table's number.
    of: (usize, u64),
    pauses: HashMap<BeaconName, Pause>,
    busy: HashSet<BeaconName>,
    slot: Option<Slot>,
}

impl SeedsTask {
    /// For the router in force.
    pub fn new(router: Arc<ArcSwap<Router>>, common: &Common) -> Self {
        let (sets, of, pauses, busy) = Default::default();
        let (desk, answering) = (common.desk.clone(), common.answering.clone());
        let (to_pool, store) = (common.pool.clone(), common.store.clone());
        Self { router, desk, answering, to_pool, store, sets, of, pauses, busy, slot: None }
    }

    /// Runs until `cancel`.
    pub async fn run(mut self, cancel: CancellationToken) {
        let desk = self.desk.clone();
        let mut kept = Kept::read(self.store.clone(), desk.clone()).await;
        let (mut ticks, mut writes) = (interval(TICK), interval(WRITE_EVERY));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deliveries = JoinSet::new();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return kept.finish().await,
                _ = writes.tick() => kept.write(),
                _ = ticks.tick() => {}
                () = desk.wake.notified() => {}
                Some(done) = deliveries.join_next() => if let Ok((beacon, arrived)) = done {
                    self.delivered(beacon, arrived);
                },
            }
            self.look(&mut deliveries, &mut kept);
        }
    }

    fn look(&mut self, deliveries: &mut JoinSet<(BeaconName, bool)>, kept: &mut Kept) {
        let router = self.router.load_full();
        let table = router.table.load_full();
        let Some(clock) = &table.clock else { return };
        let when = When::on(clock, (router.clock())());
        kept.restore(when);
        if self.slot != Some(when.slot) {
            self.slot = Some(when.slot);
            self.pass(when);
        }
        let of = (Arc::as_ptr(&router) as usize, table.seq);
        if self.of != of {
            self.of = of;
            self.sets.clear();
        }
        for entry in table.entries.iter().filter(|entry| may_be_told(entry)) {
            let beacon = &router.lane.upstreams[entry.id.index()].name;
            if !self.answering.has(beacon) {
                // What failed while it was away is no reason to wait once it is back.
                self.pauses.remove(beacon);
                continue;
            }
            let paused = self.pauses.get(beacon).is_some_and(|pause| pause.until > Instant::now());
            if self.busy.contains(beacon) || paused {
                continue;
            }
            let plan = self.plan(entry.id, &router, &table, when);
            if !plan.bodies.is_empty() {
                self.busy.insert(beacon.clone());
                deliveries.spawn(deliver(router.clone(), entry.id, plan));
            } else if let (Some(turn), false) = (entry.owed, plan.owes) {
                // A full queue is asked again at the next look.
                let _ = self.to_pool.try_send(Message::Seeded(beacon.clone(), turn));
            }
        }
    }

    /// A slot began.
    fn pass(&self, when: When) {
        let helped = self.desk.with(|book| {
            book.prune(when);
            book.help(when)
        });
        for client in helped {
            tracing::info!(%client, "posts no sync committee subscriptions: made from its duties");
        }
    }

    fn plan(&mut self, id: BeaconId, router: &Router, table: &Table, when: When) -> Plan {
        let name = &router.lane.upstreams[id.index()].name;
        let sets = std::cell::RefCell::new(&mut self.sets);
        let wanted = |client: &Client, kind: SeedKind| {
            let key = (client.clone(), kind);
            sets.borrow_mut().entry(key).or_insert_with(|| router.seed_set(client, kind, table)).has(id)
        };
        self.desk.with(|book| book.plan(name, when, wanted))
    }

    fn delivered(&mut self, beacon: BeaconName, arrived: bool) {
        self.busy.remove(&beacon);
        if arrived {
            self.pauses.remove(&beacon);
            return;
        }
        let wait = self.pauses.get(&beacon).map_or(BACKOFF.0, |pause| pause.next);
        let pause = Pause { until: Instant::now() + wait, next: (wait * 2).min(BACKOFF.1) };
        self.pauses.insert(beacon, pause);
    }
}

/// Until its chain is known it may be of any: nobody's fee recipients are told to it.
fn may_be_told(entry: &Entry) -> bool {
    let strange = [Reason::NeverObserved, Reason::WrongChain, Reason::Drained];
    !entry.reasons.iter().any(|reason| strange.contains(reason))
}

/// Tells a beacon one body after the other. Whether all arrived. One that is refused is told in halves, so that one bad
/// entry keeps no other from being told.
async fn deliver(router: Arc<Router>, id: BeaconId, plan: Plan) -> (BeaconName, bool) {
    let beacon = router.lane.upstreams[id.index()].name.clone();
    let mut bodies: VecDeque<Replay> = plan.bodies.into();
    let mut halvings = HALVINGS;
    while let Some(replay) = bodies.pop_front() {
        let heard = router.replay(id, &replay).await;
        let table = router.table.load();
        let Some(clock) = &table.clock else { return (beacon, false) };
        let when = When::on(clock, (router.clock())());
        let Replay { client, kind, .. } = &replay;
        match heard {
            Heard::Taken => {
                tracing::debug!(%beacon, %kind, %client, entries = replay.len(), "told again");
                router.seeding.desk.with(|book| book.replayed(&beacon, &replay, when));
            }
            Heard::Refused(status) => {
                let splits = halvings > 0 && !NO_SUCH_ROUTE.contains(&status);
                let halves = router.seeding.desk.with(|book| book.halves(&replay)).filter(|_| splits);
                if let Some([first, second]) = halves {
                    halvings -= 1;
                    bodies.push_front(second);
                    bodies.push_front(first);
                    continue;
                }
                tracing::warn!(
                    %beacon, %kind, %client, entries = replay.len(), status,
                    "refuses what it must be told; it is not told this again before it restarts or the client changes it"
                );
                router.seeding.desk.with(|book| book.refused(&beacon, &replay, when));
            }
            Heard::Failed => return (beacon, false),
        }
    }
    (beacon, true)
}
