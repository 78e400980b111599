//! Every seed that is valid is held by its seed set within a second of a beacon's return, whatever restarts and drains.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::Lost;
use super::*;

/// The runner looks this often.
const TICK_MS: u64 = 100;
/// A second, and the tick in which it ends.
const IN_TIME_MS: u64 = 1_000 + TICK_MS;
const BEACONS: usize = 4;
const CLIENTS: usize = 3;
/// Beacons told of subscriptions, preparations, registrations.
const WIDTHS: [usize; 3] = [2, BEACONS, 1];

#[derive(Debug, Clone)]
enum Step {
    Give(usize, SeedKind, u64),
    Restart(usize),
    /// It is another process within the same tick.
    QuickRestart(usize),
    Drain(usize, bool),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = [SeedKind::Committees, SeedKind::Sync, SeedKind::Preparations, SeedKind::Registrations];
    prop_oneof![
        4 => (0..CLIENTS, proptest::sample::select(kinds.to_vec()), 0_u64..40)
            .prop_map(|(client, kind, first)| Step::Give(client, kind, first)),
        2 => (0..BEACONS).prop_map(Step::Restart),
        2 => (0..BEACONS).prop_map(Step::QuickRestart),
        2 => (0..BEACONS, any::<bool>()).prop_map(|(beacon, drain)| Step::Drain(beacon, drain)),
        6 => (1_u64..200).prop_map(|ticks| Step::Pass(ticks * TICK_MS)),
    ]
}

#[derive(Debug, Clone, Default)]
struct Beacon {
    up_at: u64,
    drained: bool,
    memory: HashSet<Vec<u8>>,
    /// Since when it has been in the seed set, by client and width.
    member_since: [[Option<u64>; 3]; CLIENTS],
}

/// What a client said: who, kind, bytes, when, until when.
type Said = (usize, SeedKind, Vec<u8>, u64, u64);

struct World {
    book: Book,
    now: u64,
    beacons: Vec<Beacon>,
    said: Vec<Said>,
    sent: u64,
}

fn width_of(kind: SeedKind) -> usize {
    match kind {
        SeedKind::Preparations => 1,
        SeedKind::Registrations => 2,
        _ => 0,
    }
}

/// The seed set: the first usable beacons, beginning with the client's own.
fn members(beacons: &[Beacon], now: u64, client: usize, width: usize) -> Vec<usize> {
    let usable = (0..BEACONS).map(|n| (n + client) % BEACONS);
    usable.filter(|n| !beacons[*n].drained && beacons[*n].up_at <= now).take(WIDTHS[width]).collect()
}

impl World {
    fn new() -> Self {
        Self {
            book: book(BEACONS),
            now: 0,
            beacons: vec![Beacon::default(); BEACONS],
            said: Vec::new(),
            sent: 0,
        }
    }

    fn give(&mut self, number: usize, kind: SeedKind, first: u64) {
        let slot = self.now / SLOT_MS;
        // Each client has validators of its own.
        let range = || (number as u64 * 100 + first)..(number as u64 * 100 + first + 5);
        let epochs = |n: u64| (slot / EPOCH + n) * EPOCH * SLOT_MS;
        let (seed, until) = match kind {
            SeedKind::Committees => (committees(range(), slot + first % 9), (slot + first % 9 + 1) * SLOT_MS),
            SeedKind::Sync => (sync(range(), slot / EPOCH + 2), epochs(2)),
            SeedKind::Preparations => (preparations(range(), first as u8), epochs(3)),
            _ => (registrations(range()), epochs(3)),
        };
        let when = at(self.now);
        assert!(self.book.check(&client(number), &seed, when).is_empty());
        self.book.give(&client(number), &seed, when);
        for item in &seed.items {
            // A newer word about the same replaces the older one.
            let stale: Vec<Vec<u8>> = self.known(number, kind, item.key);
            self.said.retain(|(c, k, raw, ..)| !(*c == number && *k == kind && stale.contains(raw)));
            self.said.push((number, kind, item.raw.to_vec(), self.now, until));
        }
        // The request itself reaches one member of the set only: the rest is the book's to tell.
        if let Some(taker) = members(&self.beacons, self.now, number, width_of(kind)).first() {
            self.beacons[*taker].memory.extend(seed.items.iter().map(|item| item.raw.to_vec()));
            took(&mut self.book, &name(*taker), &client(number), &seed, when);
        }
    }

    fn known(&self, number: usize, kind: SeedKind, key: super::super::item::Key) -> Vec<Vec<u8>> {
        let same = |raw: &Vec<u8>| {
            let body = [b"[".as_slice(), raw, b"]"].concat();
            Seed::read(kind, Form::default(), &body).is_some_and(|seed| seed.items[0].key == key)
        };
        let of = self.said.iter().filter(|(c, k, ..)| *c == number && *k == kind);
        of.map(|(_, _, raw, ..)| raw.clone()).filter(|raw| same(raw)).collect()
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Give(client, kind, first) => self.give(*client, *kind, *first),
            Step::Restart(beacon) | Step::QuickRestart(beacon) => {
                let down = if matches!(step, Step::Restart(_)) { 1_700 } else { 0 };
                let one = &mut self.beacons[*beacon];
                one.memory.clear();
                one.up_at = self.now + down;
                one.member_since = Default::default();
                self.book.lose(&name(*beacon), Lost::Everything);
            }
            Step::Drain(beacon, drain) => self.beacons[*beacon].drained = *drain,
            Step::Pass(ms) => {
                let end = self.now + ms;
                while self.now < end {
                    self.now += TICK_MS;
                    self.tick();
                    self.check();
                }
            }
        }
    }

    fn tick(&mut self) {
        let (now, when) = (self.now, at(self.now));
        self.book.prune(when);
        for client in 0..CLIENTS {
            for width in 0..3 {
                let set = members(&self.beacons, now, client, width);
                for (place, beacon) in self.beacons.iter_mut().enumerate() {
                    let since = &mut beacon.member_since[client][width];
                    *since = set.contains(&place).then(|| since.unwrap_or(now));
                }
            }
        }
        for place in 0..BEACONS {
            let beacons = self.beacons.clone();
            let wanted = |client: &Client, kind: SeedKind| {
                let number: usize = client.as_str()[3..].parse().unwrap();
                members(&beacons, now, number, width_of(kind)).contains(&place)
            };
            let plan = self.book.plan(&name(place), when, wanted);
            for body in plan.bodies {
                self.sent += 1;
                let seed = Seed::read(body.kind, body.form.clone(), &body.body).unwrap();
                self.beacons[place].memory.extend(seed.items.iter().map(|item| item.raw.to_vec()));
                self.book.replayed(&name(place), &body, when);
            }
        }
    }

    fn check(&self) {
        for (client, kind, raw, given, until) in &self.said {
            if *until <= self.now || given + IN_TIME_MS > self.now {
                continue;
            }
            // Registrations go one body at a time, of one client after the other.
            let patience =
                if *kind == SeedKind::Registrations { IN_TIME_MS + 500 * CLIENTS as u64 } else { IN_TIME_MS };
            for (place, beacon) in self.beacons.iter().enumerate() {
                let since = beacon.member_since[*client][width_of(*kind)];
                let due =
                    since.is_some_and(|since| since + patience <= self.now) && given + patience <= self.now;
                assert!(
                    !due || beacon.memory.contains(raw),
                    "b{place} lacks {kind} of client {client} at {} ms: {}",
                    self.now,
                    String::from_utf8_lossy(raw)
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_valid_seed_is_held_by_its_seed_set_within_a_second_of_a_return(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
        }
        world.apply(&Step::Pass(3_000));
        // Once told, a calm fleet is left alone.
        let sent = world.sent;
        world.apply(&Step::Pass(2_000));
        prop_assert_eq!(world.sent, sent);
    }
}
