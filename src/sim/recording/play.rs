//! The play: slot by slot, what everybody does, and the lines that tell of it.

use std::collections::VecDeque;

use super::beacon::{Answer, Beacon, Vote};
use super::client::{Bundle, Client, clients};
use super::dice::{Dice, Of};
use super::effects::{Effects, effects};
use super::probe::{heads, hosts, probes};
use super::router::Router;
use super::sky::Sky;
use super::tally::{Canary, Duties, Open, Served, canaries};
use crate::model::{BlockSeen, FleetSeen, Labelled, Observation, RECORDING_VERSION, Slot, SlotSeen, UnixMs};
use crate::sim::scenario::Scenario;

/// Number of a recording's first slot: slot 0 of the scenario.
pub const FIRST_SLOT: Slot = Slot(320_000);
/// When slot 0 of the chain began: mainnet's genesis.
const GENESIS_MS: u64 = 1_606_824_023_000;

/// A scenario's recording, line by line: equal scenarios give equal lines.
#[derive(Debug)]
pub struct Recording {
    scenario: Scenario,
    dice: Dice,
    sky: Sky,
    beacons: Vec<Beacon>,
    beacon_names: Vec<Labelled>,
    clients: Vec<Client>,
    client_names: Vec<Labelled>,
    /// Client to slot of the epoch to validators.
    epoch: Vec<Vec<Vec<u64>>>,
    router: Router,
    open: Open,
    canaries: Vec<Canary>,
    slot: u64,
    lines: VecDeque<Observation>,
}

impl Recording {
    /// A scenario's recording with another seed than its own mixed in; 0: its own alone.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let dice = Dice(scenario.seed ^ seed.rotate_left(32));
        let sky = Sky::new(scenario, dice);
        let fleet = &scenario.fleet;
        let (beacon_names, client_names) = (fleet.beacons(), fleet.clients());
        let seen = FleetSeen {
            beacons: beacon_names.clone(),
            clients: client_names.clone(),
            slot_seconds: sky.slot_ms / 1_000.0,
        };
        Self {
            router: Router::new(fleet, &sky, dice),
            sky,
            beacons: (0..fleet.beacons).map(|place| Beacon::new(place, dice)).collect(),
            beacon_names,
            clients: clients(fleet, dice),
            client_names,
            epoch: Vec::new(),
            open: Open::default(),
            canaries: Vec::new(),
            slot: 0,
            lines: [Observation::Recording { version: RECORDING_VERSION }, Observation::Fleet(seen)].into(),
            scenario: scenario.clone(),
            dice,
        }
    }

    fn play(&mut self) {
        let slot = self.slot;
        let number = Slot(FIRST_SLOT.0 + slot);
        let (of_beacons, of_clients) = effects(&self.scenario, slot);
        for (beacon, effects) in self.beacons.iter_mut().zip(&of_beacons) {
            beacon.begin(slot, &self.sky, effects.clone());
        }
        let per_epoch = self.scenario.fleet.slots_per_epoch;
        if slot.is_multiple_of(per_epoch) {
            let epoch = slot / per_epoch;
            self.epoch =
                self.clients.iter().map(|client| client.epoch(epoch, per_epoch, self.dice)).collect();
        }
        let (mut served, mut duties) = (Served::default(), Duties::new(slot, self.sky.next_block(slot)));
        let mut asked = Vec::new();
        for (client, effects) in self.clients.iter().zip(&of_clients) {
            let validators = &self.epoch[client.place][(slot % per_epoch) as usize];
            let asks =
                Asks { slot, client, effects, heard: self.router.heard(client.home, slot, &self.beacons) };
            for bundle in client.bundles(slot, validators, self.dice) {
                self.attest(&asks, &bundle, &mut served, &mut duties);
                asked.extend(self.canary(&asks, &bundle));
            }
        }
        self.canaries.extend(asked);
        let told = hosts(&self.scenario, (slot, FIRST_SLOT), &self.beacon_names, &of_beacons, self.dice);
        self.lines.extend(told);
        for (place, (mut probe, well)) in
            probes(slot, &self.beacons, &self.sky, self.dice).into_iter().enumerate()
        {
            let (asked, failed) = served.of(place);
            self.router.judge(place, well && failed * 2 <= asked);
            probe.slot = number;
            probe.beacon.clone_from(&self.beacon_names[place].name);
            self.lines.push_back(Observation::Probe(probe));
        }
        for (place, mut head) in heads(slot, &self.beacons, &self.sky) {
            head.slot = number;
            head.beacon.clone_from(&self.beacon_names[place].name);
            self.lines.push_back(Observation::Head(head));
        }
        self.lines.extend(served.lines(number, &self.client_names, &self.beacon_names));
        self.open.push(duties);
        self.lines.push_back(Observation::Slot(SlotSeen {
            slot: number,
            block: self.block(),
            proposer: None,
            began: Some(UnixMs(GENESIS_MS + (number.0 as f64 * self.sky.slot_ms) as u64)),
            participation: Some((self.sky.participation(slot) * 1e4).round() / 1e4),
        }));
        self.lines.extend(self.open.lines(slot, FIRST_SLOT, &self.client_names, &self.beacon_names));
        let names = (&self.client_names, &self.beacon_names);
        self.lines.extend(canaries(&mut self.canaries, slot, FIRST_SLOT, names.0, names.1));
        self.slot += 1;
    }

    fn block(&self) -> BlockSeen {
        match self.sky.block(self.slot) {
            None => BlockSeen::Missed,
            Some(at) if at > self.sky.due_ms => BlockSeen::Late,
            Some(_) => BlockSeen::OnTime,
        }
    }

    /// One question of one client and all that comes of it.
    fn attest(&self, asks: &Asks<'_>, bundle: &Bundle, served: &mut Served, duties: &mut Duties) {
        let (slot, client) = (asks.slot, asks.client.place);
        let key = [slot, bundle.key];
        let n = bundle.duties.len() as u32;
        let hidden = self.dice.chance(self.scenario.fleet.unknown_paths, Of::Path, &key);
        let mut end = |beacon: Option<usize>, included: &dyn Fn(u64, u64) -> Option<(u64, bool)>| {
            for (committee, validator) in &bundle.duties {
                duties.one(client, beacon.filter(|_| !hidden), included(*committee, *validator));
            }
        };
        let lost = self.dice.chance(asks.effects.lost, Of::Lost, &key);
        if asks.effects.silent || lost {
            return end(None, &|_, _| None);
        }
        let order = self.router.order(asks.client.home, &key);
        let at = asks.client.asks(slot, asks.heard, asks.effects, &self.sky, self.dice);
        let (best, tries) = self.router.fetch(&order, at, &key, &self.beacons);
        for mut part in tries {
            part.told = part.told.map(|told| told + asks.effects.slow);
            served.data(client, 1, part);
        }
        let Some((from, told, vote)) = best else { return end(Some(order[0]), &|_, _| None) };
        let unsigned = asks.effects.unsigned
            || self.dice.chance(asks.effects.dropped, Of::Dropped, &[slot, bundle.key, client as u64]);
        if unsigned {
            return end(Some(from), &|_, _| None);
        }
        let told = told + asks.effects.slow;
        let signed = asks.client.signs(slot, told, bundle.duties.len(), asks.effects, self.dice);
        let start = slot as f64 * self.sky.slot_ms;
        let given = (start, signed + asks.effects.slow);
        let (gossip, tries) = self.router.publish(&order, given, vote, &key, &self.beacons);
        for part in tries {
            served.publish(client, n, part, start + self.sky.due_ms);
        }
        let Some(gossip) = gossip.map(|at| at - start) else { return end(Some(from), &|_, _| None) };
        end(Some(from), &|committee, validator| self.included(slot, (committee, validator), vote, gossip));
    }

    /// What one more beacon says to a question that another has answered, if it is asked.
    fn canary(&self, asks: &Asks<'_>, bundle: &Bundle) -> Option<Canary> {
        let (slot, client) = (asks.slot, asks.client.place);
        let key = [slot, bundle.key];
        let lost = self.dice.chance(asks.effects.lost, Of::Lost, &key);
        let turn = self.dice.chance(self.scenario.fleet.canary, Of::Canary, &key);
        if asks.effects.silent || lost || !turn {
            return None;
        }
        let order = self.router.order(asks.client.home, &key);
        let at = asks.client.asks(slot, asks.heard, asks.effects, &self.sky, self.dice);
        let (from, told, _) = self.router.fetch(&order, at, &key, &self.beacons).0?;
        let others: Vec<usize> =
            (0..self.beacons.len()).filter(|other| *other != from && self.router.uses(*other)).collect();
        let place = (self.dice.word(Of::CanaryWhom, &key) as usize).checked_rem(others.len())?;
        let beacon = others[place];
        let answer = match self.beacons[beacon].data(told, &[slot, bundle.key, beacon as u64]) {
            Answer::Good(then, vote) => Some((then - told, vote == Vote::Head(self.canonical(slot)))),
            Answer::Failed(_) | Answer::Never => None,
        };
        Some(Canary { slot, client, beacon, answer })
    }

    /// The slot of the block that is the chain's head in a slot.
    fn canonical(&self, slot: u64) -> u64 {
        (0..=slot).rev().find(|of| self.sky.block(*of).is_some()).unwrap_or(0)
    }

    fn included(
        &self,
        slot: u64,
        (committee, validator): (u64, u64),
        vote: Vote,
        at: f64,
    ) -> Option<(u64, bool)> {
        let known = match vote {
            Vote::Head(_) => true,
            // Few proposers know the other branch.
            Vote::Fork => !self.dice.chance(0.5, Of::ForkLost, &[slot, validator]),
            Vote::Foreign => false,
        };
        let block = self.sky.included(slot, committee, validator, at).filter(|_| known)?;
        Some((block, vote != Vote::Head(self.canonical(slot))))
    }
}

/// Who asks, in which slot, as what.
struct Asks<'a> {
    slot: u64,
    client: &'a Client,
    effects: &'a Effects,
    heard: Option<f64>,
}

impl Iterator for Recording {
    type Item = Observation;

    fn next(&mut self) -> Option<Observation> {
        while self.lines.is_empty() && self.slot < self.scenario.slots {
            self.play();
        }
        self.lines.pop_front()
    }
}
