//! The pool as a state machine: events in, actions out.

use std::sync::Arc;

use super::agree::{AgreedHead, Block, Heads};
use super::condition::{Chain, Condition, ERRORS_IN_ROW, Facts, Failure, Settings};
use super::gauge::Gauge;
use super::grade::{GOOD, grade};
use super::table::{Entry, Table};
use crate::chain::SlotClock;
use crate::model::{BeaconId, Lifecycle, Moment, Reason, Root, Slot, Step, Use};

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
    /// A beacon reports a head, by event or by probe.
    Head(BeaconId, AgreedHead),
    /// A block's header was read.
    Header(Block),
    /// The router met a refused or broken connection.
    Broken(BeaconId),
    /// An operator's order: drain (true) or resume (false).
    Drain(BeaconId, bool),
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
    /// Say so in the log: a beacon's reasons changed.
    Changed(BeaconId, Vec<Reason>),
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

struct Seat {
    member: Member,
    gauge: Arc<Gauge>,
    condition: Condition,
    drained: bool,
    drained_since: Option<Moment>,
    confirming: bool,
    since: Moment,
    share: u32,
    shown: Vec<Reason>,
}

/// The pool.
pub struct Pool {
    settings: Settings,
    seats: Vec<Seat>,
    heads: Heads,
    clock: Option<SlotClock>,
    sampled: Option<Slot>,
    ranked: Option<Slot>,
    seq: u64,
    published: Vec<Entry>,
    published_agreed: Option<AgreedHead>,
    published_clock: bool,
}

/// A beacon slower than this is never called slow, whatever its peers do, microseconds.
const SLOW_FLOOR_US: u32 = 50_000;
/// Samples a latency must rest on before it is compared.
const SLOW_SAMPLES: u32 = 20;
/// Confirmations of a silent beacon are not repeated while one is under way; a warm-up is shown in slots.
const FALLBACK_SLOT_MS: u64 = 12_000;
/// Clock disparity within which a head of the next slot is not ahead (p2p spec, `MAXIMUM_GOSSIP_CLOCK_DISPARITY`).
const DISPARITY_MS: u64 = 500;

impl Pool {
    /// A pool of `members`; the gauges are shared with the router.
    pub fn new(settings: Settings, members: Vec<(Member, Arc<Gauge>)>, now: Moment) -> Self {
        let seats = members
            .into_iter()
            .map(|(member, gauge)| Seat {
                share: u32::from(member.weight) * 100,
                member,
                gauge,
                condition: Condition::default(),
                drained: false,
                drained_since: None,
                confirming: false,
                since: now,
                shown: vec![Reason::NeverObserved],
            })
            .collect();
        let mut pool = Self {
            settings,
            seats,
            heads: Heads::default(),
            clock: None,
            sampled: None,
            ranked: None,
            seq: 0,
            published: Vec::new(),
            published_agreed: None,
            published_clock: false,
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
            Event::Head(id, head) => self.head(id, head, now, &mut actions),
            Event::Header(block) => self.header(block, &mut actions),
            Event::Broken(id) => self.confirm(id, &mut actions),
            Event::Drain(id, drain) => {
                let seat = self.seat(id);
                seat.drained = drain;
                seat.drained_since = drain.then_some(now);
                seat.since = now;
            }
            Event::Tick => self.tick(now, &mut actions),
        }
        self.conclude(now, &mut actions);
        actions
    }

    fn seat(&mut self, id: BeaconId) -> &mut Seat {
        &mut self.seats[id.index()]
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
        seat.condition.good_probe(facts, now, &settings, warm_up);
    }

    fn not_confirmed(&mut self, id: BeaconId, failure: Failure, now: Moment) {
        let seat = self.seat(id);
        seat.confirming = false;
        match failure {
            Failure::Unreachable => seat.condition.put_out(Reason::Unreachable, now),
            Failure::TimedOut => seat.condition.put_out(Reason::Hung, now),
            Failure::Bad => {}
        }
    }

    fn head(&mut self, id: BeaconId, head: AgreedHead, now: Moment, actions: &mut Vec<Action>) {
        let latest = match &self.clock {
            Some(clock) => clock.slot_at(now.plus_ms(DISPARITY_MS).wall).unwrap_or_default(),
            None => head.slot,
        };
        self.seat(id).gauge.sign_of_life(now);
        self.heads.report(id, head, latest);
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

    fn confirm(&mut self, id: BeaconId, actions: &mut Vec<Action>) {
        let seat = self.seat(id);
        if !seat.confirming && !seat.condition.is_down() {
            seat.confirming = true;
            actions.push(Action::Confirm(id));
        }
    }

    fn tick(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let silence = self.settings.health.silence.as_millis() as u64;
        for index in 0..self.seats.len() {
            let id = BeaconId(index as u16);
            let seat = &mut self.seats[index];
            if seat.gauge.silence_ms(now) >= silence {
                self.confirm(id, actions);
            } else if seat.gauge.errors_in_row() >= ERRORS_IN_ROW && !seat.condition.is_down() {
                seat.condition.put_out(Reason::Failing, now);
            }
        }
        self.sample_lag(now);
        self.prefer(now);
    }

    /// Lag is the agreed head minus a beacon's own, looked at one twelfth of a slot after the attestation due point,
    /// so that a block late at one beacon and a missed slot are no lag.
    fn sample_lag(&mut self, now: Moment) {
        let (Some(clock), Some(agreed)) = (self.clock.clone(), self.heads.agreed()) else { return };
        let Some(slot) = clock.slot_at(now.wall) else { return };
        let sample_at = clock.due(slot, Step::Attest).0 + clock.slot_ms(slot) / 12;
        if now.wall.0 < sample_at || self.sampled == Some(slot) {
            return;
        }
        self.sampled = Some(slot);
        for (index, seat) in self.seats.iter_mut().enumerate() {
            let own = self.heads.of(BeaconId(index as u16));
            let own_slot = own.map(|head| head.slot).or(seat.condition.facts.map(|facts| facts.head_slot));
            let behind = own_slot.map_or(0, |own| agreed.slot.0.saturating_sub(own.0));
            seat.condition.lag = behind;
        }
    }

    /// Preference among the healthy changes only in the last quarter of a slot, so that an attestation and its
    /// aggregate meet the same beacons; slowness is judged then too.
    fn prefer(&mut self, now: Moment) {
        if let Some(clock) = self.clock.clone() {
            let Some(slot) = clock.slot_at(now.wall) else { return };
            let late = clock.start_of(slot).0 + clock.slot_ms(slot) * 3 / 4;
            if now.wall.0 < late || self.ranked == Some(slot) {
                return;
            }
            self.ranked = Some(slot);
        }
        let mut known: Vec<u32> = self
            .seats
            .iter()
            .filter(|seat| !seat.condition.is_down())
            .map(|seat| seat.gauge.latency())
            .filter(|(_, samples)| *samples >= SLOW_SAMPLES)
            .map(|(latency, _)| latency)
            .collect();
        known.sort_unstable();
        let median = known.get((known.len().max(1) - 1) / 2).copied().unwrap_or(0);
        let factor = u32::from(self.settings.health.slow_factor.max(2));
        for seat in &mut self.seats {
            let (latency, samples) = seat.gauge.latency();
            let comparable = known.len() >= 2 && samples >= SLOW_SAMPLES && median > 0;
            // Once slow it must be twice as good as what made it so before it counts as recovered.
            let bound = if seat.condition.slow { factor / 2 } else { factor };
            seat.condition.slow =
                comparable && latency > SLOW_FLOOR_US && latency > median.saturating_mul(bound);
            let weight = u32::from(seat.member.weight) * 100;
            // A beacon twice as slow as its peers gets half its share, within a factor of two either way.
            let pace = if comparable {
                (u64::from(median) * 100 / u64::from(latency.max(1))).clamp(50, 200)
            } else {
                100
            };
            seat.share = ((u64::from(weight) * pace / 100) as u32).max(1);
        }
    }

    fn conclude(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let seats = &self.seats;
        self.heads.settle(|id| seats[id.index()].condition.is_trusted() && !seats[id.index()].drained);
        let agreed = self.heads.agreed();
        let mut entries = Vec::with_capacity(self.seats.len());
        for (index, seat) in self.seats.iter_mut().enumerate() {
            let id = BeaconId(index as u16);
            let head = self.heads.of(id);
            seat.condition.fork = self.heads.is_fork(id);
            let at_agreed = head.is_some() && head == agreed;
            if at_agreed {
                seat.condition.lag = 0;
            }
            let reasons = seat.condition.reasons(seat.drained, &self.settings);
            if reasons != seat.shown {
                seat.shown.clone_from(&reasons);
                seat.since = now;
                actions.push(Action::Changed(id, reasons.clone()));
            }
            entries.push(Entry {
                id,
                ranks: Use::ALL.map(|uses| grade(&reasons, uses)),
                reasons,
                lifecycle: seat.lifecycle(now),
                head,
                at_agreed,
                roles: seat.member.roles,
                near: seat.member.near,
                host: seat.member.host,
                share: seat.share,
                latency_us: 0,
            });
        }
        let changed = entries != self.published
            || agreed != self.published_agreed
            || self.clock.is_some() != self.published_clock;
        if changed {
            self.seq += 1;
            self.published = entries;
            self.published_agreed = agreed;
            self.published_clock = self.clock.is_some();
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
            entries: self.published.clone(),
        }
    }

    /// Condition of a beacon, since when its shown reasons hold, and its gauge; for the status.
    pub fn inspect(&self, id: BeaconId) -> (&Condition, Moment, &Gauge) {
        let seat = &self.seats[id.index()];
        (&seat.condition, seat.since, &seat.gauge)
    }

    /// How many beacons are healthy for what gets signed.
    pub fn healthy(&self) -> usize {
        self.published.iter().filter(|entry| entry.ranks[Use::Sign as usize] == GOOD).count()
    }
}

impl Seat {
    /// Draining lasts until nothing is in flight; the order itself is what excludes new work.
    fn lifecycle(&self, now: Moment) -> Lifecycle {
        let Some(since) = self.drained_since else { return Lifecycle::Active };
        match self.gauge.in_flight() {
            0 if now.ms_since(since) > 0 => Lifecycle::Drained,
            in_flight => Lifecycle::Draining(in_flight),
        }
    }
}
