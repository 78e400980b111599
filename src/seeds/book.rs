//! The book: what clients told, what each beacon holds of it, and what must be told again to whom.
//!
//! Beacons are known by name and have a seat, one bit of a set; clients and names outlive fleet files. Whether a beacon
//! belongs to the seed set of a client's kind is the router's word, asked for by [`Book::plan`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::claims::{Claims, Refused};
use super::client::Client;
use super::custody::{Reach, Rule};
use super::group::Group;
use super::item::{Key, Seed};
use super::kind::{at_once, most, must_precede};
use super::replay::Replay;
use super::{Lost, When};
use crate::chain::Spec;
use crate::model::{BeaconName, BeaconSet, CustodyEstimate, Moment, SeedKind, Told, UnixMs};

/// Bytes of all entries together.
const BYTES: usize = 512 << 20;
/// Bodies of one plan: what does not fit is in the next one.
const BODIES: usize = 32;
/// What a client gave so short a time ago is on its way to its seed set with the client's own request.
const GRACE_MS: u64 = 600;
/// Time between two bodies of registrations to one beacon, and as much again by chance: thousands of keys are told
/// over a time, and no two beacons pass them to a relay in step.
const REGISTRATIONS_EVERY_MS: u64 = 250;

/// A point in the book's life: what was sent before a beacon lost its memory is not held after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Round(u64);

/// What is to be told to a beacon now.
#[derive(Debug, Default)]
pub struct Plan {
    /// Bodies, in the order they should go.
    pub bodies: Vec<Replay>,
    /// It lacks something without which it may not produce a block or an aggregate.
    pub owes: bool,
}

#[derive(Debug, Default)]
struct Seat {
    name: Option<BeaconName>,
    /// When it was told last, by kind.
    at: [Option<UnixMs>; SeedKind::ALL.len()],
    /// When it may get registrations again.
    pace: Option<Moment>,
    /// When it lost its memory last.
    lost: Round,
}

/// The book.
#[derive(Debug, Default)]
pub struct Book {
    pub(super) groups: BTreeMap<(Client, SeedKind), Group>,
    seats: Vec<Seat>,
    places: HashMap<BeaconName, usize>,
    pub(super) claims: Claims,
    reach: Reach,
    rule: Option<Rule>,
    count: [usize; SeedKind::ALL.len()],
    bytes: usize,
    /// Kinds of which the last body did not fit.
    full: BTreeSet<SeedKind>,
    round: u64,
    changed: BTreeSet<(Client, SeedKind)>,
    pub(super) sync: super::sync::Asked,
}

impl Book {
    /// The beacons there are now: others lose their seats.
    pub fn enlist(&mut self, names: &[BeaconName]) {
        let mut freed = 0_u128;
        for (place, seat) in self.seats.iter_mut().enumerate() {
            if seat.name.as_ref().is_some_and(|name| !names.contains(name)) {
                *seat = Seat::default();
                freed |= 1 << place;
            }
        }
        if freed != 0 {
            self.places.retain(|name, _| names.contains(name));
            self.groups.values_mut().for_each(|group| group.lose(freed));
            self.reach.clear(freed);
        }
        for name in names.iter().take(BeaconSet::MOST) {
            if self.places.contains_key(name) {
                continue;
            }
            let free = self.seats.iter().position(|seat| seat.name.is_none());
            let place = free.unwrap_or_else(|| {
                self.seats.push(Seat::default());
                self.seats.len() - 1
            });
            self.seats[place].name = Some(name.clone());
            self.places.insert(name.clone(), place);
            self.groups.values_mut().for_each(|group| group.lose(1 << place));
        }
    }

    /// The chain's constants.
    pub fn learn(&mut self, spec: &Spec) {
        self.rule = Some(Rule::of(spec));
        self.sync.learn(spec);
    }

    fn seat(&self, beacon: &BeaconName) -> Option<u128> {
        self.places.get(beacon).map(|place| 1 << place)
    }

    /// Now.
    pub(super) fn round(&self) -> Round {
        Round(self.round)
    }

    /// The seat of a beacon that has kept its memory since.
    fn seat_since(&self, beacon: &BeaconName, round: Round) -> Option<u128> {
        let place = *self.places.get(beacon)?;
        (self.seats[place].lost <= round).then_some(1 << place)
    }

    /// Entries of a body that contradict what another client said of the same validators.
    pub fn check(&mut self, client: &Client, seed: &Seed, when: When) -> Vec<Refused> {
        self.claims.check(client, &seed.items, when.epoch)
    }

    /// A client gave a body; nobody holds it yet. What does not fit any more is not remembered.
    pub fn give(&mut self, client: &Client, seed: &Seed, when: When) -> Round {
        let kind = seed.kind;
        self.round += 1;
        let round = self.round;
        let (count, bytes) = (&mut self.count[kind as usize], &mut self.bytes);
        let group = self.groups.entry((client.clone(), kind)).or_default();
        let mut fits = true;
        for item in &seed.items {
            if item.ends.is_over(when.epoch, when) {
                continue;
            }
            let known = group.entries.contains_key(&item.key);
            if !known && *count >= most(kind) || *bytes + item.raw.len() > BYTES {
                fits = false;
                continue;
            }
            let (grown, new) = group.give(item, &seed.form, round, when);
            *bytes = bytes.saturating_add_signed(grown);
            *count += usize::from(new);
            self.claims.claim(client, item, when.epoch);
        }
        if seed.form.fork.is_some() {
            group.fork.clone_from(&seed.form.fork);
        }
        if fits {
            self.full.remove(&kind);
        } else {
            self.full.insert(kind);
        }
        self.changed.insert((client.clone(), kind));
        Round(round)
    }

    /// Every beacon that was asked refused the body: what it changed is not told to anybody.
    pub fn withdraw(&mut self, client: &Client, seed: &Seed) {
        let Some(group) = self.groups.get_mut(&(client.clone(), seed.kind)) else { return };
        let given: HashMap<Key, &[u8]> = seed.items.iter().map(|item| (item.key, &*item.raw)).collect();
        let (gone, bytes) = group.drop_where(|key, entry| {
            entry.told == 0 && given.get(key).is_some_and(|raw| **raw == *entry.raw)
        });
        self.went(client, seed.kind, gone, bytes);
    }

    fn went(&mut self, client: &Client, kind: SeedKind, gone: usize, bytes: usize) {
        if gone > 0 {
            self.count[kind as usize] -= gone;
            self.bytes -= bytes;
            self.changed.insert((client.clone(), kind));
        }
    }

    /// A beacon took a client's body, given in `round`.
    pub fn took(&mut self, beacon: &BeaconName, client: &Client, seed: &Seed, round: Round, when: When) {
        let Some(seat) = self.seat_since(beacon, round) else { return };
        let Some(group) = self.groups.get_mut(&(client.clone(), seed.kind)) else { return };
        let same = |entry: &super::group::Entry, place: usize| entry.raw == seed.items[place].raw;
        group.hold(seat, seed.items.iter().map(|item| item.key), same, when);
        self.noted(beacon, seed.kind, seed.items.iter().map(|item| item.key), when);
    }

    /// A beacon took a replay.
    pub fn replayed(&mut self, beacon: &BeaconName, replay: &Replay, when: When) {
        let Some(seat) = self.seat_since(beacon, replay.round) else { return };
        let Some(group) = self.groups.get_mut(&(replay.client.clone(), replay.kind)) else { return };
        group.hold(seat, replay.keys(), |entry, place| replay.is_of(place, entry.edition), when);
        self.noted(beacon, replay.kind, replay.keys(), when);
    }

    /// A beacon refused a replay for good: it is not told this again before the client says otherwise or it restarts.
    pub fn refused(&mut self, beacon: &BeaconName, replay: &Replay, when: When) {
        let Some(seat) = self.seat_since(beacon, replay.round) else { return };
        let Some(group) = self.groups.get_mut(&(replay.client.clone(), replay.kind)) else { return };
        group.refuse(seat, replay.keys(), |entry, place| replay.is_of(place, entry.edition), when);
    }

    /// A replay in two halves, of what in it still is as it was; none if it has less than two entries.
    pub fn halves(&self, replay: &Replay) -> Option<[Replay; 2]> {
        let group = self.groups.get(&(replay.client.clone(), replay.kind))?;
        replay.halves(group)
    }

    fn noted(&mut self, beacon: &BeaconName, kind: SeedKind, keys: impl Iterator<Item = Key>, when: When) {
        let Some(place) = self.places.get(beacon).copied() else { return };
        self.seats[place].at[kind as usize] = Some(when.now.wall);
        keys.filter_map(Key::custodian).for_each(|validator| self.reach.add(validator, 1 << place));
    }

    /// A beacon lost what it was told.
    pub fn lose(&mut self, beacon: &BeaconName, lost: Lost) {
        let Some(place) = self.places.get(beacon).copied() else { return };
        self.round += 1;
        self.seats[place].lost = Round(self.round);
        for ((_, kind), group) in &mut self.groups {
            if lost == Lost::Everything || must_precede(*kind) {
                group.lose(1 << place);
            }
        }
    }

    /// What a beacon must be told now; `wanted` says whether it belongs to the seed set of a client's kind.
    pub fn plan(
        &mut self,
        beacon: &BeaconName,
        when: When,
        wanted: impl Fn(&Client, SeedKind) -> bool,
    ) -> Plan {
        let (mut plan, round) = (Plan::default(), self.round());
        let Some(place) = self.places.get(beacon).copied() else { return plan };
        for ((client, kind), group) in &mut self.groups {
            if group.is_settled(1 << place) || !wanted(client, *kind) {
                continue;
            }
            let paced = *kind == SeedKind::Registrations;
            if paced && self.seats[place].pace.is_some_and(|pace| when.now.mono_us < pace.mono_us) {
                continue;
            }
            let lacking = group.lacking(1 << place, at_once(*kind), GRACE_MS, when);
            plan.owes |= lacking.any && must_precede(*kind);
            if lacking.due.is_empty() || plan.bodies.len() >= BODIES {
                continue;
            }
            if paced {
                let wait = REGISTRATIONS_EVERY_MS + jitter(&lacking.due, place);
                self.seats[place].pace = Some(when.now.plus_ms(wait));
            }
            plan.bodies.push(Replay::of(client, *kind, lacking.ssz, lacking.due, round, group));
        }
        // What a block or an aggregate waits for goes first.
        plan.bodies.sort_by_key(|replay| !must_precede(replay.kind));
        plan
    }

    /// Whether a beacon holds everything a client told of a kind; nothing told is nothing lacking.
    pub fn holds(&self, beacon: &BeaconName, client: &Client, kind: SeedKind) -> bool {
        let Some(group) = self.groups.get(&(client.clone(), kind)) else { return true };
        self.seat(beacon).is_some_and(|seat| group.is_held(seat))
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.count.iter().all(|count| *count == 0)
    }

    /// Entries remembered of a kind.
    pub fn len(&self, kind: SeedKind) -> usize {
        self.count[kind as usize]
    }

    /// Forgets what is over.
    pub fn prune(&mut self, when: When) {
        let mut gone = Vec::new();
        for ((client, kind), group) in &mut self.groups {
            let (entries, bytes) = group.prune(when);
            if entries > 0 {
                gone.push((client.clone(), *kind, entries, bytes));
            }
        }
        for (client, kind, entries, bytes) in gone {
            self.went(&client, kind, entries, bytes);
        }
        self.groups.retain(|_, group| !group.entries.is_empty());
        self.claims.prune(when.epoch);
    }

    /// What each of `beacons` holds of each kind, and what it custodies for it.
    pub fn tell(
        &self,
        beacons: &[BeaconName],
        when: Option<When>,
    ) -> Vec<(Vec<Told>, Option<CustodyEstimate>)> {
        let mut counts = vec![[0_u32; SeedKind::ALL.len()]; self.seats.len()];
        for ((_, kind), group) in &self.groups {
            for entry in group.entries.values() {
                let mut told = entry.told;
                while told != 0 {
                    if let Some(seat) = counts.get_mut(told.trailing_zeros() as usize) {
                        seat[*kind as usize] += 1;
                    }
                    told &= told - 1;
                }
            }
        }
        let reach = self.reach.counts();
        let told = |beacon: &BeaconName| {
            let Some(place) = self.places.get(beacon).copied() else { return (Vec::new(), None) };
            let told = SeedKind::ALL.into_iter().filter_map(|kind| {
                let at = self.seats[place].at[kind as usize]?;
                let refused = self.refusals(place, kind);
                Some(Told { kind, count: counts[place][kind as usize], refused, at })
            });
            let custody =
                self.rule.zip(when).and_then(|(rule, when)| rule.estimate(reach[place], when.epoch));
            (told.collect(), custody)
        };
        beacons.iter().map(told).collect()
    }

    /// What on-call must know, one sentence each.
    pub fn alerts(&self) -> Vec<String> {
        let mut alerts = self.claims.alerts();
        for (place, seat) in self.seats.iter().enumerate() {
            let Some(name) = &seat.name else { continue };
            for kind in SeedKind::ALL {
                let refused = self.refusals(place, kind);
                if refused > 0 {
                    alerts.push(format!(
                        "{name} refuses {refused} of the {kind} it must be told: see its log, then repair what the client \
                         sends or restart the beacon"
                    ));
                }
            }
        }
        for kind in &self.full {
            alerts.push(format!(
                "the seeds book is full of {kind}: the newest reach beacons with the client's own request only and are not \
                 told again after a restart"
            ));
        }
        alerts
    }

    fn refusals(&self, place: usize, kind: SeedKind) -> u32 {
        let groups = self.groups.iter().filter(|((_, of), _)| *of == kind);
        groups.map(|(_, group)| group.refused(1 << place) as u32).sum()
    }

    /// Groups that changed since this was asked last.
    pub fn take_changed(&mut self) -> Vec<(Client, SeedKind)> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    pub(super) fn group(&self, client: &Client, kind: SeedKind) -> Option<&Group> {
        self.groups.get(&(client.clone(), kind))
    }
}

/// Chance from the data itself: the same body to the same seat always waits as long.
fn jitter(due: &[(Key, u64)], place: usize) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    due.first().map(|(key, _)| key).hash(&mut hasher);
    place.hash(&mut hasher);
    hasher.finish() % REGISTRATIONS_EVERY_MS
}
