//! A pool in a world where only this file makes time pass.

use std::sync::Arc;
use std::time::Duration;

use super::super::{
    Action, AgreedHead, Block, Chain, Entry, Event, Facts, Failure, Gauge, Member, Pool, Settings,
};
use crate::chain::{Genesis, SlotClock, Spec};
use crate::model::{BeaconId, Health, Lifecycle, Moment, Reason, Role, Root, Slot, Step, UnixMs, Use};

/// How often the engine ticks, milliseconds.
pub const TICK_MS: u64 = 50;
/// How long a confirmation may take, milliseconds.
pub const CONFIRM_MS: u64 = 300;
/// Genesis in seconds.
const GENESIS: u64 = 1_700_000_000;

/// A slot clock of a chain with slots of so many seconds.
pub fn clock(slot_s: &str) -> SlotClock {
    let genesis = Genesis { time: GENESIS, validators_root: Root::default(), fork_version: [0; 4] };
    let spec: Spec = [("SECONDS_PER_SLOT", slot_s), ("SLOTS_PER_EPOCH", "32")].into_iter().collect();
    SlotClock::new(&genesis, &spec).unwrap()
}

/// The settings of a silent fleet file.
pub fn settings() -> Settings {
    let health = Health {
        stale_slots: 1,
        silence: Duration::from_millis(500),
        rise: 3,
        fall: 2,
        warm_up_slots: 2,
        slow_factor: 5,
    };
    Settings { health }
}

/// The block of a slot on a branch; branches share nothing but what `fork_at` says.
pub fn root(slot: u64, branch: u8) -> Root {
    let mut bytes = [branch; 32];
    bytes[..8].copy_from_slice(&slot.to_le_bytes());
    Root(bytes)
}

/// A head on a branch.
pub fn head(slot: u64, branch: u8) -> AgreedHead {
    AgreedHead { slot: Slot(slot), root: root(slot, branch) }
}

/// What the router writes down of an answer.
pub fn answered(gauge: &Gauge, now: Moment, took_us: u64, ok: bool) {
    gauge.answer(now, took_us, ok);
    if ok {
        gauge.good();
    } else {
        gauge.error();
    }
}

/// A pool, its gauges and the time.
pub struct World {
    pub pool: Pool,
    pub gauges: Vec<Arc<Gauge>>,
    pub clock: SlotClock,
    pub now: Moment,
    /// Everything the pool asked for so far.
    pub asked: Vec<Action>,
}

impl World {
    /// `count` beacons of which nothing is known, at the start of slot 100.
    pub fn unknown(count: usize, slot_s: &str) -> Self {
        let clock = clock(slot_s);
        let now = Moment { wall: clock.start_of(Slot(100)), mono_us: 5_000_000 };
        let gauges: Vec<Arc<Gauge>> = (0..count).map(|_| Arc::default()).collect();
        let roles = Role::ALL.iter().fold(0, |set, role| set | role.bit());
        let members = gauges.iter().enumerate().map(|(host, gauge)| {
            (Member { roles, weight: 100, near: false, host: host as u16 }, gauge.clone())
        });
        let pool = Pool::new(settings(), members.collect(), now);
        Self { pool, gauges, clock, now, asked: Vec::new() }
    }

    /// `count` healthy beacons of one chain, all at the block of slot 99.
    pub fn healthy(count: usize, slot_s: &str) -> Self {
        let mut world = Self::unknown(count, slot_s);
        world.feed(Event::Chain(world.clock.clone()));
        for id in world.ids() {
            world.feed(Event::Identified(id, Chain::Same));
            world.probe(id, Facts { head_slot: Slot(99), ..Facts::default() });
        }
        world.arrive(99, 98, &world.ids());
        for id in world.ids() {
            assert_eq!(world.reasons(id), [], "{id}");
        }
        world
    }

    pub fn ids(&self) -> Vec<BeaconId> {
        (0..self.gauges.len()).map(|index| BeaconId(index as u16)).collect()
    }

    pub fn feed(&mut self, event: Event) -> Vec<Action> {
        let actions = self.pool.handle(event, self.now);
        self.asked.extend(actions.iter().cloned());
        actions
    }

    pub fn probe(&mut self, id: BeaconId, facts: Facts) {
        self.feed(Event::Probed(id, facts));
    }

    /// A good probe of a beacon at the head of `slot`.
    pub fn well(&mut self, id: BeaconId, slot: u64) {
        self.probe(id, Facts { head_slot: Slot(slot), ..Facts::default() });
    }

    pub fn fails(&mut self, id: BeaconId, failure: Failure) {
        self.feed(Event::ProbeFailed(id, failure));
    }

    /// The block of `slot` on branch 0 with its parent of slot `parent` arrives at those beacons, its header known.
    pub fn arrive(&mut self, slot: u64, parent: u64, at: &[BeaconId]) {
        self.arrive_on(0, slot, root(parent, 0), at);
    }

    /// The same on another branch.
    pub fn arrive_on(&mut self, branch: u8, slot: u64, parent: Root, at: &[BeaconId]) {
        let block = Block { root: root(slot, branch), slot: Slot(slot), parent };
        self.feed(Event::Header(block));
        for id in at {
            self.feed(Event::Head(*id, head(slot, branch)));
        }
    }

    /// Lets time pass in ticks; returns what the ticks asked for.
    pub fn pass(&mut self, ms: u64) -> Vec<Action> {
        let end = self.now.plus_ms(ms);
        let mut actions = Vec::new();
        while self.now.mono_us < end.mono_us {
            let left = (end.mono_us - self.now.mono_us) / 1_000;
            self.now = self.now.plus_ms(left.min(TICK_MS));
            actions.extend(self.feed(Event::Tick));
        }
        actions
    }

    /// Lets time pass until a wall-clock moment.
    pub fn until(&mut self, wall: UnixMs) -> Vec<Action> {
        self.pass(u64::try_from(wall.since(self.now.wall)).unwrap())
    }

    /// Lets time pass until a share (in hundredths) of a slot.
    pub fn until_into(&mut self, slot: u64, hundredths: u64) -> Vec<Action> {
        let start = self.clock.start_of(Slot(slot)).0;
        self.until(UnixMs(start + self.clock.slot_ms(Slot(slot)) * hundredths / 100))
    }

    /// Lets time pass until the lag of a slot has been sampled: a twelfth of a slot and two ticks after the due point.
    pub fn until_sampled(&mut self, slot: u64) {
        let due = self.clock.due(Slot(slot), Step::Attest).0;
        self.until(UnixMs(due + self.clock.slot_ms(Slot(slot)) / 12 + 2 * TICK_MS));
    }

    /// The router sends a beacon a quick request.
    pub fn send(&self, id: BeaconId) {
        assert!(self.gauges[id.index()].begin(self.now, true));
    }

    /// And gets an answer after so many microseconds.
    pub fn answered(&self, id: BeaconId, took_us: u64, ok: bool) {
        answered(&self.gauges[id.index()], self.now, took_us, ok);
        self.gauges[id.index()].end();
    }

    pub fn entry(&self, id: BeaconId) -> Entry {
        self.pool.table(self.now).entries[id.index()].clone()
    }

    pub fn reasons(&self, id: BeaconId) -> Vec<Reason> {
        self.entry(id).reasons
    }

    pub fn lifecycle(&self, id: BeaconId) -> Lifecycle {
        self.entry(id).lifecycle
    }

    pub fn rank(&self, id: BeaconId, uses: Use) -> u8 {
        self.entry(id).ranks[uses as usize]
    }

    pub fn agreed(&self) -> AgreedHead {
        self.pool.table(self.now).agreed.unwrap()
    }

    pub fn lag(&self, id: BeaconId) -> u64 {
        self.pool.inspect(id).0.lag
    }
}

/// Beacons by their numbers.
pub const A: BeaconId = BeaconId(0);
pub const B: BeaconId = BeaconId(1);
pub const C: BeaconId = BeaconId(2);
