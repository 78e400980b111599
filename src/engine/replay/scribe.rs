//! Lines of a recording in, a snapshot a slot out: as those who watch a fleet are told it, as far as the lines go. Pure.
//!
//! A slot has ended when the first line of a later one comes: just when the engine of incidents takes it so.

use std::collections::BTreeMap;

use super::archive::Entry;
use super::beacons::Watched;
use super::sums::{Duties, Flows, Hosts};
use crate::incidents::{Board, Change, Incidents, Scene as Seen};
use crate::model::{
    BeaconName, ChainSplit, FleetSeen, FleetStatus, Observation, Slot, SlotSeen, Traffic, UnixMs,
};

/// A slot that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The fleet as it stood then.
    pub status: FleetStatus,
    /// What is known of the slot.
    pub entry: Entry,
    /// What the engine of incidents said.
    pub changes: Vec<Change>,
}

/// Writes down what the lines tell.
#[derive(Debug, Default)]
pub struct Scribe {
    name: String,
    engine: Incidents,
    board: Board,
    fleet: FleetSeen,
    beacons: Vec<Watched>,
    duties: Duties,
    hosts: Hosts,
    flows: Flows,
    /// The chain split of a slot.
    split: Option<(Slot, ChainSplit)>,
    /// The slot that goes on.
    slot: Option<Slot>,
    /// A slot of which is known when it began, the newest.
    began: Option<(Slot, UnixMs)>,
    /// The moment of the last snapshot.
    last: UnixMs,
}

impl Scribe {
    /// Of a recording of this name, which stands for the fleet's: that is not recorded.
    pub fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// Whether it is known what time it was.
    pub fn has_times(&self) -> bool {
        self.began.is_some()
    }

    /// Takes a line; the slot that has ended by it.
    pub fn take(&mut self, line: &Observation) -> Option<Scene> {
        let slot = match line {
            Observation::Recording { .. } | Observation::Fleet(_) => None,
            Observation::Slot(seen) => Some(seen.slot),
            Observation::Served(seen) => Some(seen.slot),
            Observation::Duties(seen) => Some(seen.as_of),
            Observation::Canary(seen) => Some(seen.as_of),
            Observation::Shadow(seen) => Some(seen.as_of),
            Observation::Probe(seen) => Some(seen.slot),
            Observation::Head(seen) => Some(seen.slot),
            Observation::Host(seen) => Some(seen.slot),
            Observation::Key(seen) => Some(seen.slot),
            Observation::Split(seen) => Some(seen.slot),
        };
        let is_next = slot.zip(self.slot).is_some_and(|(slot, now)| slot > now);
        let ended = is_next.then(|| self.ended()).flatten();
        self.slot = self.slot.max(slot);
        // What it says of slots that have ended was said by `ended`.
        self.engine.observe(line);
        self.note(line);
        ended
    }

    /// The recording has ended: its last slot.
    pub fn end(&mut self) -> Option<Scene> {
        let ended = self.ended();
        self.slot = None;
        ended
    }

    fn note(&mut self, line: &Observation) {
        match line {
            Observation::Fleet(fleet) => self.fleet(fleet),
            Observation::Slot(SlotSeen { slot, began: Some(at), .. }) => {
                self.began = self.began.max(Some((*slot, *at)));
            }
            Observation::Recording { .. }
            | Observation::Slot(_)
            | Observation::Canary(_)
            | Observation::Shadow(_)
            | Observation::Head(_)
            | Observation::Key(_) => {}
            Observation::Split(seen) => self.split = Some((seen.slot, seen.split.clone())),
            Observation::Served(seen) => {
                self.flows.take(seen);
                if let Some(beacon) = self.beacon(&seen.beacon) {
                    beacon.served(seen);
                }
            }
            Observation::Duties(seen) => self.duties.take(seen),
            Observation::Probe(seen) => {
                if let Some(beacon) = self.beacon(&seen.beacon) {
                    beacon.probe(seen);
                }
            }
            Observation::Host(seen) => {
                let at = self.end_of(seen.slot);
                self.hosts.take(seen, at);
            }
        }
    }

    fn beacon(&mut self, name: &str) -> Option<&mut Watched> {
        self.beacons.iter_mut().find(|beacon| beacon.name() == name)
    }

    fn fleet(&mut self, fleet: &FleetSeen) {
        let mut before = std::mem::take(&mut self.beacons);
        for labels in &fleet.beacons {
            let known = before.iter().position(|beacon| beacon.name() == labels.name);
            let mut beacon =
                known.map_or_else(|| Watched::new(labels.clone()), |place| before.swap_remove(place));
            beacon.relabel(labels.clone());
            self.beacons.push(beacon);
        }
        self.fleet = fleet.clone();
    }

    fn slot_ms(&self) -> u64 {
        (self.fleet.slot_seconds.max(0.1) * 1_000.0) as u64
    }

    /// The end of a slot. Where no line says when one began, time is counted from slot 0.
    fn end_of(&self, slot: Slot) -> UnixMs {
        let (known, at) = self.began.unwrap_or_default();
        let slots = slot.0 as i64 - known.0 as i64 + 1;
        UnixMs(at.0.saturating_add_signed(slots.saturating_mul(self.slot_ms() as i64)))
    }

    fn ended(&mut self) -> Option<Scene> {
        let (slot, ms) = (self.slot?, self.slot_ms());
        // However clocks were set, what comes later is shown later.
        self.last = UnixMs(self.end_of(slot).0.max(self.last.0 + 1));
        let changes = self.engine.ended();
        let mut status = self.status(slot);
        let scene = Seen { slot, at: status.at, slot_ms: ms, status: &status, base_reward: None };
        let moved = self.board.take(changes.clone(), &mut self.engine, &scene);
        status.incidents = self.board.list();
        Some(Scene { status, entry: Entry { slot, ms, moved: !moved.is_empty() }, changes })
    }

    fn status(&mut self, slot: Slot) -> FleetStatus {
        let (at, seconds) = (self.last, self.slot_ms() as f64 / 1_000.0);
        let told = self.beacons.iter_mut().map(|beacon| beacon.ended(at, seconds));
        let (beacons, loads) = told.unzip();
        let mut runs: BTreeMap<String, Vec<BeaconName>> = BTreeMap::new();
        for beacon in &self.beacons {
            runs.entry(beacon.host().to_owned()).or_default().push(BeaconName::new(beacon.name()));
        }
        FleetStatus {
            fleet: self.name.clone(),
            slot: Some(slot),
            at,
            beacons,
            split: self.split.take().filter(|(of, _)| *of == slot).map(|(_, split)| split),
            hosts: self.hosts.ended(slot, &runs),
            duties: self.duties.ended(slot, &self.fleet),
            traffic: Traffic { loads, flows: self.flows.ended(), ..Traffic::default() },
            ..FleetStatus::default()
        }
    }
}
