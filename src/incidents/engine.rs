//! Observations in, changes of incidents out.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::causes::{Case, cause};
use super::cells::Cells;
use super::component::{Id, Parts};
use super::findings::Findings;
use super::keys::Keys;
use super::learn::Blamed;
use super::life::{Change, Event, Incident};
use super::localise::{Blame, Localiser};
use super::network::{Storm, Weather};
use super::splits::Splits;
use super::telling::confidence;
use super::window::Window;
use crate::model::{Culprit, CulpritKind as Kind, Observation};

/// Widths of window, and every how many slots each is looked at.
const WINDOWS: [(u64, u64); 4] = [(2, 1), (8, 1), (32, 2), (96, 4)];
/// Slots without a sign after which an incident has ended, by whether it shows in a narrow window.
const PATIENCE: (u64, u64) = (10, 28);
/// What is blamed must have shown within so many slots.
const FRESH: u64 = 3;
/// Another culprit takes an incident over if it explains it better by so many nats.
const BETTER: f64 = 3.0;
/// What is blamed by more nats than this is no surer.
const SURE: f64 = 60.0;
/// Slots for which the culprit of an incident may turn out to be another one.
const YOUNG: u64 = 12;
/// An incident that opened within so many slots may turn out to be part of another.
const FOLDED: u64 = 24;
/// What shows by mostly the same as an open incident is one of its own at so many nats.
const CLEAR: f64 = 40.0;
/// What a bad finding on its host is worth, in nats.
const FOUND: f64 = 4.0;
/// Slots of duties that name each validator once.
pub(super) const EPOCH: u64 = 32;

/// Which incident a blame belongs to.
enum Whose {
    /// One of its own.
    Own,
    /// One there is, and whether its culprit turns out to be another.
    Of(usize, bool),
}

/// The engine.
#[derive(Debug, Default)]
pub struct Incidents {
    parts: Parts,
    window: Window,
    weather: Weather,
    all: Vec<Incident>,
    keys: Keys,
    pub(super) splits: Splits,
    /// Marks of a component up to a slot belong to an incident that has ended.
    explained: HashMap<Id, u64>,
    findings: Findings,
    now: Option<u64>,
    /// The last slot that was looked at.
    looked: Option<u64>,
    /// Number of the last incident.
    last: u64,
}

impl Incidents {
    /// Takes a line; what it changed of slots that have ended by it.
    pub fn observe(&mut self, line: &Observation) -> Vec<Change> {
        let slot = match line {
            Observation::Recording { .. } => return Vec::new(),
            Observation::Fleet(fleet) => {
                self.parts.learn(fleet);
                self.window.slot_ms = fleet.slot_seconds.max(0.1) * 1_000.0;
                return Vec::new();
            }
            Observation::Slot(seen) => seen.slot,
            Observation::Served(seen) => seen.slot,
            Observation::Duties(seen) => seen.as_of,
            Observation::Canary(seen) => seen.as_of,
            Observation::Shadow(seen) => seen.as_of,
            Observation::Probe(seen) => seen.slot,
            Observation::Head(seen) => seen.slot,
            Observation::Host(seen) => seen.slot,
            Observation::Key(seen) => seen.slot,
            Observation::Split(seen) => seen.slot,
        };
        let changes = match self.now {
            Some(now) if slot.0 > now => self.ended(),
            _ => Vec::new(),
        };
        self.now = Some(self.now.map_or(slot.0, |now| now.max(slot.0)));
        match line {
            Observation::Slot(seen) => self.window.slot(seen, &mut self.parts),
            Observation::Served(seen) => self.window.served(seen, &mut self.parts),
            Observation::Duties(seen) => self.window.duties(seen, &mut self.parts),
            Observation::Canary(seen) => self.window.canary(seen, &mut self.parts),
            Observation::Shadow(seen) => self.window.shadow(seen, &mut self.parts),
            Observation::Probe(seen) => self.window.probe(seen, &mut self.parts),
            Observation::Head(seen) => self.window.head(seen, &mut self.parts),
            Observation::Host(seen) => self.findings.take(seen),
            Observation::Key(seen) => self.keys.take(seen),
            Observation::Split(seen) => self.splits.take(seen),
            Observation::Recording { .. } | Observation::Fleet(_) => {}
        }
        changes
    }

    /// All of the newest slot has been told: what it changed. Told once; the line of a later slot says the same.
    pub fn ended(&mut self) -> Vec<Change> {
        match self.now {
            Some(now) if self.looked.is_none_or(|looked| looked < now) => {
                self.looked = Some(now);
                self.look(now)
            }
            _ => Vec::new(),
        }
    }

    /// Goes on with incidents of a process before this one.
    pub fn restore(&mut self, changes: impl IntoIterator<Item = Change>, now: u64) {
        for change in changes {
            self.last = self.last.max(change.id);
            if change.event == Event::Resolved {
                continue;
            }
            if Keys::are_of(&change) {
                self.keys.restore(change, now);
            } else if Splits::are_of(&change) {
                self.splits.restore(change, now);
            } else {
                self.all.push(Incident { seen: now, ..Incident::new(change, CLEAR, PATIENCE.1) });
            }
        }
    }

    /// After how many slots without a sign an incident that goes on will have ended; none where no window decides it.
    pub(super) fn ends_in(&self, id: u64) -> Option<u64> {
        let incident = self.open().find(|incident| incident.change.id == id)?;
        Some((incident.seen + incident.patience).saturating_sub(self.now?))
    }

    pub(super) fn now(&self) -> Option<u64> {
        self.now
    }

    pub(super) fn place(&self, culprit: &Culprit) -> Option<Id> {
        self.parts.find(culprit)
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    pub(super) fn seen(&mut self) -> (&Window, &mut Parts) {
        (&self.window, &mut self.parts)
    }

    fn look(&mut self, now: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        self.window.ended(&mut self.parts);
        self.keys.look(now, &mut self.last, &mut changes);
        self.splits.look(now, &mut self.last, &mut changes);
        let storm = self.weather.look(&self.window, now);
        self.storm(storm, now, &mut changes);
        let found = self.localise(now);
        let named: Vec<Id> = found.iter().map(|(blame, _, _)| blame.id).collect();
        for (blame, width, cells) in &found {
            if let Some(change) = self.blame(blame, *width, cells, &named, now) {
                self.fold(blame, &change, &named, &mut changes);
                changes.push(change);
            }
        }
        self.end(now, &mut changes);
        self.found(now, &mut changes);
        let mut blamed: HashMap<Id, u64> =
            self.open().filter_map(|incident| Some((self.id_of(incident)?, incident.at))).collect();
        // What has ended a while ago may not have been usual then.
        let ended = self.all.iter().filter(|incident| !incident.open && incident.at + 40 > now);
        blamed.extend(ended.filter_map(|incident| Some((self.id_of(incident)?, incident.began))));
        self.all.retain(|incident| incident.is_recent(now));
        let blamed = Blamed { since: blamed, until: &self.explained };
        self.window.learn(now, &blamed, &mut self.parts);
        self.window.forget(now);
        changes
    }

    fn open(&self) -> impl Iterator<Item = &Incident> {
        self.all.iter().filter(|incident| incident.open)
    }

    fn id_of(&self, incident: &Incident) -> Option<Id> {
        self.parts.find(incident.culprit())
    }

    pub(super) fn findings(&self) -> &Findings {
        &self.findings
    }

    /// What findings of hosts alone open and end.
    fn found(&mut self, now: u64, changes: &mut Vec<Change>) {
        let open = self.all.iter().filter(|incident| incident.open).map(Incident::culprit);
        let blamed =
            open.filter(|culprit| culprit.kind == Kind::Host).map(|host| host.name.clone()).collect();
        let (window, parts) = (&self.window, &mut self.parts);
        let mut validators =
            |culprit: &Culprit| parts.find(culprit).map_or(0, |id| window.due(id, EPOCH, parts) as u64);
        self.findings.look(now, &blamed, &mut validators, &mut self.last, changes);
    }

    /// How improbable a fault of each component is, in nats.
    fn priors(&self, now: u64) -> Vec<f64> {
        let mut priors: Vec<f64> = (0..self.parts.len()).map(|id| self.parts.prior(id)).collect();
        for host in self.findings.bad(now) {
            let host = Culprit { kind: Kind::Host, name: host.to_owned() };
            if let Some(id) = self.parts.find(&host) {
                priors[id] -= FOUND;
            }
        }
        priors
    }

    /// Who is to blame by what each window shows, the best of what excludes each other.
    fn localise(&mut self, now: u64) -> Vec<(Blame, u64, Rc<Cells>)> {
        let due = WINDOWS.iter().filter(|(_, every)| now.is_multiple_of(*every));
        let widths: Vec<u64> = due.map(|(width, _)| *width).collect();
        let cells = self.window.cells(now, &widths, &self.explained, &mut self.parts);
        let priors = self.priors(now);
        let open: BTreeSet<Id> = self.open().filter_map(|incident| self.id_of(incident)).collect();
        let mut all: Vec<(Blame, u64, Rc<Cells>)> = Vec::new();
        for (width, cells) in widths.into_iter().zip(cells) {
            let cells = Rc::new(cells);
            let blames = Localiser::new(&cells, &self.parts, (&priors, &open), now).solve();
            all.extend(blames.into_iter().map(|blame| (blame, width, cells.clone())));
        }
        all.sort_by(|a, b| b.0.score.total_cmp(&a.0.score).then(a.1.cmp(&b.1)).then(a.0.id.cmp(&b.0.id)));
        let mut found: Vec<(Blame, u64, Rc<Cells>)> = Vec::new();
        for (blame, width, cells) in &all {
            let clash = found.iter().any(|(other, of, _)| {
                other.id == blame.id
                    || of != width
                        && (self.parts.related(other.id, blame.id)
                            || other.near.contains(&blame.id)
                            || blame.near.contains(&other.id))
            });
            if !clash {
                found.push((blame.clone(), *width, cells.clone()));
            }
        }
        for (blame, _, cells) in &mut found {
            // What the narrowest window shows is how it is now.
            let same = all.iter().filter(|(other, _, _)| other.id == blame.id);
            if let Some((now, _, shown)) = same.min_by_key(|(_, width, _)| *width) {
                (blame.strength, *cells) = (now.strength.clone(), shown.clone());
            }
        }
        let newest = self.window.newest_duties();
        found.retain(|(blame, _, _)| {
            blame.newest + FRESH >= now || (blame.newest + FRESH > newest && newest + 4 >= now)
        });
        found
    }

    fn blame(&mut self, blame: &Blame, width: u64, cells: &Cells, named: &[Id], now: u64) -> Option<Change> {
        // What a finding alone had opened goes on by what shows now.
        let given = self.findings.give(self.parts.culprit(blame.id));
        self.all.extend(given);
        let whose = self.whose(blame, named, now)?;
        let change = self.told(blame, cells, now);
        let patience = if width <= 8 { PATIENCE.0 } else { PATIENCE.1 };
        match whose {
            Whose::Own => {
                self.last += 1;
                let change = Change { id: self.last, ..change };
                self.all.push(Incident::new(change.clone(), blame.score, patience));
                Some(change)
            }
            Whose::Of(place, taken_over) => self.all[place].again(change, blame.score, patience, taken_over),
        }
    }

    /// Which incident a blame belongs to; none: it says nothing that is not said.
    fn whose(&self, blame: &Blame, named: &[Id], now: u64) -> Option<Whose> {
        let culprit = self.parts.culprit(blame.id);
        let same = |incident: &Incident| incident.culprit() == culprit && incident.is_recent(now);
        if let Some(place) = self.all.iter().rposition(same) {
            return Some(Whose::Of(place, false));
        }
        let gives_way = |incident: &Incident| {
            incident.open
                && self.id_of(incident).is_some_and(|id| {
                    !named.contains(&id) && (self.parts.related(id, blame.id) || blame.near.contains(&id))
                })
        };
        if let Some(place) = self.all.iter().rposition(gives_way) {
            let old = &self.all[place];
            let stands = old.seen + FRESH >= now && old.at + 6 < now;
            let better = blame.score >= old.score.min(SURE) + BETTER || !stands;
            return (old.at + YOUNG >= now && better).then_some(Whose::Of(place, true));
        }
        (!self.is_part_of_another(blame)).then_some(Whose::Own)
    }

    /// Whether an open incident stands for what is blamed, too, or shows by mostly the same.
    fn is_part_of_another(&self, blame: &Blame) -> bool {
        self.open().filter_map(|incident| self.id_of(incident)).any(|id| {
            self.parts.members(id).contains(&blame.id) || blame.score < CLEAR && blame.near.contains(&id)
        })
    }

    /// What turns out to be part of an incident is told so, and is none of its own any more.
    fn fold(&mut self, blame: &Blame, change: &Change, named: &[Id], changes: &mut Vec<Change>) {
        let parts = &self.parts;
        let is_part = |incident: &Incident| {
            let id = parts.find(incident.culprit()).filter(|id| !named.contains(id));
            let part = |id| parts.is_part(id, blame.id) || blame.near.contains(&id);
            let weak = |id| incident.score < CLEAR && parts.is_part(id, blame.id);
            incident.open
                && incident.change.id != change.id
                && incident.at + FOLDED >= change.slot
                && (incident.score.min(SURE) <= blame.score || id.is_some_and(weak))
                && id.is_some_and(part)
        };
        self.all.retain(|incident| {
            let part = is_part(incident);
            if part {
                let told = Change { id: incident.change.id, event: Event::Changed, ..change.clone() };
                changes.push(told.clone());
                changes.push(Change { event: Event::Resolved, ..told });
            }
            !part
        });
    }

    fn end(&mut self, now: u64, changes: &mut Vec<Change>) {
        for place in 0..self.all.len() {
            let incident = &self.all[place];
            if !incident.open || incident.seen + incident.patience > now {
                continue;
            }
            if let Some(id) = self.id_of(incident) {
                self.explained.insert(id, incident.seen + 2);
            }
            let incident = &mut self.all[place];
            (incident.open, incident.at) = (false, now);
            if self.findings.holds(incident.culprit(), now) {
                changes.push(self.findings.adopt(Incident { open: true, ..incident.clone() }, now));
            } else {
                changes.push(Change { slot: now, event: Event::Resolved, ..incident.change.clone() });
            }
        }
        // What its finding goes on with is none of its own any more.
        let findings = &self.findings;
        self.all.retain(|incident| incident.open || !findings.holds(incident.culprit(), now));
    }

    fn storm(&mut self, storm: Option<Storm>, now: u64, changes: &mut Vec<Change>) {
        let Some(storm) = storm else { return };
        let network = Culprit { kind: Kind::Network, name: "network".to_owned() };
        let known =
            self.all.iter().rposition(|incident| *incident.culprit() == network && incident.is_recent(now));
        let why = cause(&Case { storm: Some(storm.kind), ..Case::of(&network.kind) });
        let change = Change {
            confidence: confidence(storm.score),
            evidence: storm.evidence,
            ..Change::blames(network, why, now)
        };
        if let Some(place) = known {
            let incident = &mut self.all[place];
            if incident.open {
                if storm.now {
                    incident.seen = now;
                }
                return;
            }
            (incident.open, incident.at, incident.seen) = (true, now, now);
            let change = Change { id: incident.change.id, event: Event::Changed, ..change };
            incident.change = change.clone();
            changes.push(change);
            return;
        }
        self.last += 1;
        let change = Change { id: self.last, ..change };
        self.all.push(Incident::new(change.clone(), storm.score, PATIENCE.0 + 6));
        changes.push(change);
    }
}
