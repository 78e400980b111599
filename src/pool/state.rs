//! The pool as a state machine: events in, actions out.

use std::sync::Arc;

use super::agree::{AgreedHead, Block, Heads};
use super::condition::{Branch, Chain, Condition, Facts, Failure, Settings};
use super::gauge::Gauge;
use super::grade::grade;
use super::passing::Passing;
use super::split::{Client, Parted, Rift, Split};
use super::table::{Entry, Table};
use crate::chain::SlotClock;
use crate::model::{BeaconId, Lifecycle, Moment, Reason, Root, Slot, Use};

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The pool's chain is known.
    Chain(SlotClock),
    /// A beacon's chain was read and compared.
    Identified(BeaconId, Chain),
    /// A probe answered.
    Probed(BeaconId, Facts),
    /// A probe failed.
    ProbeFailed(BeaconId, Failure),
    /// A confirmation asked for by [`Action::Confirm`] was answered: it lives, though not necessarily well.
    Confirmed(BeaconId),
    /// A confirmation asked for by [`Action::Confirm`] failed.
    NotConfirmed(BeaconId, Failure),
    /// An event of a beacon says that its head is optimistic.
    Optimistic(BeaconId),
    /// A beacon runs this consensus client.
    Client(BeaconId, Client),
    /// A process before this one saw a chain split that had not ended.
    Parted(Parted),
    /// A beacon reports a head, by event or by probe.
    Head(BeaconId, AgreedHead),
    /// A block's header was read.
    Header(Block),
    /// The router met a refused or broken connection.
    Broken(BeaconId),
    /// An operator's order: drain (true) or resume (false).
    Drain(BeaconId, bool),
    /// It may lack what a beacon must be told before it produces a block or an aggregate.
    Unseeded(BeaconId),
    /// It has been told all of it, as of the turn its entry shows in [`Entry::owed`].
    Seeded(BeaconId, u32),
    /// Time passed.
    Tick,
}

/// What the engine should do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Publish [`Pool::table`].
    Publish,
    /// Ask this beacon at once whether it is alive, briefly.
    Confirm(BeaconId),
    /// Read a block's header from this beacon.
    ReadHeader(BeaconId, Root),
    /// Say so in the log: a beacon's reasons changed, from the first to the second.
    Changed(BeaconId, Vec<Reason>, Vec<Reason>),
}

/// What the fleet file says of one beacon that the pool needs.
#[derive(Debug, Clone)]
pub struct Member {
    /// Set of `Role::bit`.
    pub roles: u8,
    /// Weight, 1 to 1000.
    pub weight: u16,
    /// In the router's own zone.
    pub near: bool,
    /// Beacons with equal numbers share a host.
    pub host: u16,
}

/// What the pool knows of one beacon.
pub(super) struct Seat {
    pub(super) member: Member,
    pub(super) gauge: Arc<Gauge>,
    pub(super) condition: Condition,
    /// The consensus client it runs, once it is known.
    pub(super) client: Option<Client>,
    /// Since when it is drained, if it is.
    pub(super) drained: Option<Moment>,
    pub(super) confirming: bool,
    pub(super) since: Moment,
    pub(super) share: u32,
    pub(super) shown: Vec<Reason>,
    /// Times it became unseeded, and whether it is.
    pub(super) turn: u32,
    pub(super) unseeded: bool,
}

/// The pool.
pub struct Pool {
    pub(super) settings: Settings,
    pub(super) seats: Vec<Seat>,
    pub(super) heads: Heads,
    pub(super) clock: Option<SlotClock>,
    pub(super) passing: Passing,
    pub(super) rift: Option<Rift>,
    pub(super) seq: u64,
    published: Vec<Entry>,
    published_agreed: Option<AgreedHead>,
    published_parent: Option<AgreedHead>,
    published_split: Option<Arc<Split>>,
    published_clock: Option<SlotClock>,
}

/// Assumed slot while no beacon has told the chain's; a warm-up is given in slots.
pub const FALLBACK_SLOT_MS: u64 = 12_000;
/// Clock disparity within which a head of the next slot is not ahead (p2p spec, `MAXIMUM_GOSSIP_CLOCK_DISPARITY`).
const DISPARITY_MS: u64 = 500;

impl Pool {
    /// A pool of `members`; the gauges are shared with the router.
    pub fn new(settings: Settings, members: Vec<(Member, Arc<Gauge>)>, now: Moment) -> Self {
        let seats = members.into_iter().map(|(member, gauge)| Seat::new(member, gauge, now)).collect();
        let mut pool = Self {
            settings,
            seats,
            heads: Heads::default(),
            clock: None,
            passing: Passing::new(now),
            rift: None,
            seq: 0,
            published: Vec::new(),
            published_agreed: None,
            published_parent: None,
            published_split: None,
            published_clock: None,
        };
        pool.conclude(now, &mut Vec::new());
        pool
    }

    /// Takes an event and says what to do. Always ends with `Publish` when the table would differ.
    pub fn handle(&mut self, event: Event, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Chain(clock) => self.clock = Some(clock),
            Event::Identified(id, chain) => self.identified(id, chain, now),
            Event::Probed(id, facts) => self.probed(id, facts, now),
            Event::ProbeFailed(id, failure) => {
                let settings = self.settings;
                self.seat(id).condition.bad_probe(failure, now, &settings);
            }
            Event::Confirmed(id) => {
                let seat = self.seat(id);
                seat.gauge.sign_of_life(now);
                seat.confirming = false;
            }
            Event::NotConfirmed(id, failure) => self.not_confirmed(id, failure, now),
            Event::Optimistic(id) => self.seat(id).condition.optimistic(),
            Event::Client(id, client) => self.seat(id).client = Some(client),
            Event::Parted(parted) => {
                let slot = self.clock.as_ref().and_then(|clock| clock.slot_at(now.wall));
                self.recall(parted, slot.unwrap_or_default());
            }
            Event::Head(id, head) => self.head(id, head, now, &mut actions),
            Event::Header(block) => self.header(block, &mut actions),
            Event::Broken(id) => self.confirm(id, &mut actions),
            Event::Drain(id, drain) => self.seat(id).drain(drain, now),
            Event::Unseeded(id) => self.seat(id).unseed(),
            Event::Seeded(id, turn) => self.seat(id).seed(turn),
            Event::Tick => self.tick(now, &mut actions),
        }
        self.conclude(now, &mut actions);
        actions
    }

    fn seat(&mut self, id: BeaconId) -> &mut Seat {
        &mut self.seats[id.index()]
    }

    /// The newest slot a head may be of; none while the chain is not known.
    fn latest(&self, now: Moment) -> Option<Slot> {
        let clock = self.clock.as_ref()?;
        Some(clock.slot_at(now.plus_ms(DISPARITY_MS).wall).unwrap_or_default())
    }

    fn slot_ms(&self, now: Moment) -> u64 {
        self.clock
            .as_ref()
            .map_or(FALLBACK_SLOT_MS, |clock| clock.slot_ms(clock.slot_at(now.wall).unwrap_or_default()))
    }

    fn identified(&mut self, id: BeaconId, chain: Chain, now: Moment) {
        if matches!(chain, Chain::Stranger(_)) {
            self.heads.forget(id);
        }
        let seat = self.seat(id);
        if seat.condition.chain != chain {
            seat.since = now;
        }
        seat.condition.chain = chain;
    }

    fn probed(&mut self, id: BeaconId, facts: Facts, now: Moment) {
        let warm_up = self.settings.health.warm_up_slots * self.slot_ms(now);
        let settings = self.settings;
        let seat = self.seat(id);
        seat.gauge.sign_of_life(now);
        if seat.condition.is_down() && !seat.condition.is_rising() {
            // Errors of before must not put it out again; those that shadow reads meet from now on may.
            seat.gauge.forgive();
        }
        seat.condition.good_probe(facts, now, &settings, warm_up);
    }

    fn not_confirmed(&mut self, id: BeaconId, failure: Failure, now: Moment) {
        let settings = self.settings;
        let seat = self.seat(id);
        seat.confirming = false;
        match failure {
            Failure::Unreachable => seat.condition.put_out(Reason::Unreachable, now),
            Failure::TimedOut => seat.condition.put_out(Reason::Hung, now),
            Failure::Bad => seat.condition.bad_probe(failure, now, &settings),
        }
    }

    fn head(&mut self, id: BeaconId, head: AgreedHead, now: Moment, actions: &mut Vec<Action>) {
        self.seat(id).gauge.sign_of_life(now);
        self.heads.report(id, head, self.latest(now).unwrap_or(head.slot));
        if let Some(root) = self.heads.missing(head) {
            actions.push(Action::ReadHeader(id, root));
        } else if !self.heads.knows(head.root) {
            actions.push(Action::ReadHeader(id, head.root));
        }
    }

    fn header(&mut self, block: Block, actions: &mut Vec<Action>) {
        self.heads.learn(block);
        for index in 0..self.seats.len() {
            let id = BeaconId(index as u16);
            let missing = self.heads.of(id).and_then(|head| self.heads.missing(head));
            if let Some(root) = missing.filter(|root| *root == block.parent) {
                actions.push(Action::ReadHeader(id, root));
                return;
            }
        }
    }

    pub(super) fn confirm(&mut self, id: BeaconId, actions: &mut Vec<Action>) {
        let seat = self.seat(id);
        if !seat.confirming && !seat.condition.is_down() {
            seat.confirming = true;
            actions.push(Action::Confirm(id));
        }
    }

    pub(super) fn conclude(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let (slot_ms, latest) = (self.slot_ms(now), self.latest(now));
        let slot = self.clock.as_ref().and_then(|clock| clock.slot_at(now.wall)).unwrap_or_default();
        let across = latest.map(|latest| self.settle(latest, slot, now.wall)).unwrap_or_default();
        let (agreed, parent) = (self.heads.agreed(), self.heads.parent());
        let split = latest.and_then(|latest| self.split(latest));
        let mut entries = Vec::with_capacity(self.seats.len());
        for (index, seat) in self.seats.iter_mut().enumerate() {
            let id = BeaconId(index as u16);
            let head = self.heads.of(id);
            let at_agreed = head.is_some() && head == agreed;
            seat.condition.branch = match self.heads.is_fork(id) {
                _ if across.contains(&id) => Branch::Across,
                true => Branch::Fork,
                false => Branch::Agreed,
            };
            let own = head.map(|head| head.slot);
            seat.condition.catch_up(own, agreed.map(|head| head.slot), at_agreed);
            let mut reasons = seat.condition.reasons(seat.drained.is_some(), &self.settings);
            if seat.unseeded {
                reasons.push(Reason::Unseeded);
            }
            if reasons != seat.shown {
                // It is for as long as it is for its first reason, whatever comes and goes beside that.
                if reasons.first() != seat.shown.first() {
                    seat.since = now;
                }
                let before = std::mem::replace(&mut seat.shown, reasons.clone());
                actions.push(Action::Changed(id, before, reasons.clone()));
            }
            entries.push(Entry {
                id,
                ranks: Use::ALL.map(|uses| grade(&reasons, uses)),
                reasons,
                lifecycle: seat.lifecycle(now, slot_ms),
                head,
                at_agreed,
                roles: seat.member.roles,
                near: seat.member.near,
                host: seat.member.host,
                share: seat.share,
                owed: seat.unseeded.then_some(seat.turn),
            });
        }
        let changed = entries != self.published
            || agreed != self.published_agreed
            || parent != self.published_parent
            || split != self.published_split
            || self.clock != self.published_clock;
        if changed {
            self.seq += 1;
            self.published = entries;
            self.published_agreed = agreed;
            self.published_parent = parent;
            self.published_split = split;
            self.published_clock = self.clock.clone();
            actions.push(Action::Publish);
        }
    }

    /// The table as last concluded.
    pub fn table(&self, now: Moment) -> Table {
        Table {
            seq: self.seq,
            at: now.wall,
            clock: self.clock.clone(),
            agreed: self.published_agreed,
            parent: self.published_parent,
            split: self.published_split.clone(),
            entries: self.published.clone(),
        }
    }

    /// Condition of a beacon, since when its shown reasons hold, and its gauge; for the status.
    pub fn inspect(&self, id: BeaconId) -> (&Condition, Moment, &Gauge) {
        let seat = &self.seats[id.index()];
        (&seat.condition, seat.since, &seat.gauge)
    }
}

impl Seat {
    /// Nothing is known of it yet.
    pub(super) fn new(member: Member, gauge: Arc<Gauge>, now: Moment) -> Self {
        Self {
            share: u32::from(member.weight) * 100,
            member,
            gauge,
            condition: Condition::default(),
            client: None,
            drained: None,
            confirming: false,
            since: now,
            shown: vec![Reason::NeverObserved],
            turn: 0,
            unseeded: false,
        }
    }

    fn unseed(&mut self) {
        self.unseeded = true;
        self.turn = self.turn.wrapping_add(1);
    }

    /// What was told before it became unseeded again does not count.
    fn seed(&mut self, turn: u32) {
        self.unseeded &= self.turn != turn;
    }

    /// An order given twice is carried out once.
    fn drain(&mut self, drain: bool, now: Moment) {
        if drain == self.drained.is_some() {
            return;
        }
        self.drained = drain.then_some(now);
        self.since = now;
        if !drain {
            self.gauge.open();
        }
    }

    /// The order itself is what excludes new work. Draining lasts until nothing is in flight, and for a slot after it
    /// produced a block: nobody else could finish a blinded one. Once drained, nothing begins any more.
    fn lifecycle(&self, now: Moment, slot_ms: u64) -> Lifecycle {
        let Some(since) = self.drained else { return Lifecycle::Active };
        // Tables that let it be used are in hands until the next tick.
        let ordered_now = now.ms_since(since) == 0;
        if !ordered_now && !self.gauge.produced_within(now, slot_ms) && self.gauge.close() {
            return Lifecycle::Drained;
        }
        Lifecycle::Draining(self.gauge.in_flight())
    }
}
