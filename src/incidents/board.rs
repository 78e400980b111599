//! Incidents as everyone is shown them: how bad, where in their life, what was done about them, what to do next.
//!
//! Pure: changes of the engine and the fleet's status in, incidents out. It blames nobody by itself.

use super::Incidents;
use super::advice;
use super::life::{Change, Event};
use super::story::Losses;
use crate::model::{
    BeaconStatus, Cost, Culprit, CulpritKind, FleetStatus, Happening, Incident, IncidentState, Lifecycle,
    Severity, Slot, UnixMs,
};

/// Below this an incident is suspected only.
const SURE: f64 = 0.75;
/// Slots of counted duties that say whether something is being lost now.
const NOW: u64 = 4;
/// Slots over which the rate of losses is told.
const RATE: u64 = 16;
/// From this share of missed duties on an incident is critical.
const CRITICAL: f64 = 0.05;
/// Incidents that have ended and are still shown.
const ENDED: usize = 20;
/// Lines of a timeline.
const TIMELINE: usize = 40;
/// What an attestation is worth, in 64ths of the base reward (altair spec, `PARTICIPATION_FLAG_WEIGHTS`): source 14,
/// target 26, head 14. A missed one loses them and is fined source and target; one that is late or has the wrong head
/// loses the head's.
const MISSED: f64 = 94.0 / 64.0;
const HEAD: f64 = 14.0 / 64.0;

/// What is known besides the engine's changes.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The slot that is over.
    pub slot: Slot,
    /// The present time.
    pub at: UnixMs,
    /// Length of a slot, in milliseconds.
    pub slot_ms: u64,
    /// The fleet.
    pub status: &'a FleetStatus,
    /// Base reward of a validator an epoch, in Gwei; none while it is not known.
    pub base_reward: Option<f64>,
}

/// An incident that is another one than at the last look.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// As it is now.
    pub incident: Incident,
    /// Whether it is worth keeping: more than its counts has changed.
    pub lasting: bool,
}

/// All that go on, and the last that have ended.
#[derive(Debug, Default)]
pub struct Board(Vec<Incident>);

impl Board {
    /// Goes on with what a process before this one had.
    pub fn restore(&mut self, incidents: Vec<Incident>) {
        self.0 = incidents;
        self.prune();
    }

    /// What the engine is to go on with.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.0.iter().map(|incident| Change {
            slot: incident.slot.0,
            event: if incident.state.is_live() { Event::Opened } else { Event::Resolved },
            id: incident.id,
            culprits: incident.culprits.clone(),
            cause: incident.cause.clone(),
            confidence: incident.confidence,
            validators: incident.cost.validators,
            evidence: incident.evidence.clone(),
            ambiguous_with: incident.ambiguous_with.clone(),
        })
    }

    /// All of them: those that go on, worst first, then the last that have ended.
    pub fn list(&self) -> Vec<Incident> {
        let mut all = self.0.clone();
        all.sort_by_key(|incident| {
            let live = incident.state.is_live();
            (!live, std::cmp::Reverse(incident.severity), std::cmp::Reverse(incident.ended), incident.since)
        });
        all
    }

    /// A slot is over: what the engine changed, and what has become of all that go on.
    pub fn take(&mut self, changes: Vec<Change>, engine: &mut Incidents, scene: &Scene<'_>) -> Vec<Moved> {
        let before = self.0.clone();
        for change in changes {
            self.change(change, scene);
        }
        for incident in self.0.iter_mut().filter(|incident| incident.state.is_live()) {
            look(incident, engine, scene);
        }
        self.prune();
        let old = |id: u64| before.iter().find(|incident| incident.id == id);
        let moved = |incident: &Incident| {
            let old = old(incident.id);
            let lasting = old.is_none_or(|old| {
                (old.state, old.severity, &old.culprits, &old.cause)
                    != (incident.state, incident.severity, &incident.culprits, &incident.cause)
            });
            (old != Some(incident)).then(|| Moved { incident: incident.clone(), lasting })
        };
        self.0.iter().filter_map(moved).collect()
    }

    fn change(&mut self, change: Change, scene: &Scene<'_>) {
        let what = match change.event {
            Event::Opened => format!("{} is blamed: {}", who(&change.culprits), change.cause),
            Event::Changed => format!("{}: {}", who(&change.culprits), change.cause),
            Event::Resolved => "no sign of it any more: resolved".to_owned(),
        };
        let place = self.0.iter().position(|incident| incident.id == change.id);
        let place = place.unwrap_or_else(|| {
            self.0.push(new(&change, scene));
            self.0.len() - 1
        });
        let incident = &mut self.0[place];
        if change.event == Event::Resolved {
            (incident.state, incident.ended) = (IncidentState::Resolved, Some(scene.at));
            "nothing: it has ended".clone_into(&mut incident.next);
        } else {
            if !incident.state.is_live() {
                (incident.state, incident.ended) = (IncidentState::Open, None);
            }
            (incident.culprits, incident.cause) = (change.culprits, change.cause);
            (incident.confidence, incident.ambiguous_with) = (change.confidence, change.ambiguous_with);
            (incident.evidence, incident.cost.validators) = (change.evidence, change.validators);
        }
        note(incident, what, scene);
    }

    fn prune(&mut self) {
        let mut ended: Vec<UnixMs> = self.0.iter().filter_map(|incident| incident.ended).collect();
        ended.sort_by(|a, b| b.cmp(a));
        let Some(last) = ended.get(ENDED) else { return };
        self.0.retain(|incident| incident.ended.is_none_or(|ended| ended > *last));
    }
}

fn who(culprits: &[Culprit]) -> String {
    culprits.iter().map(Culprit::to_string).collect::<Vec<_>>().join(" and ")
}

fn new(change: &Change, scene: &Scene<'_>) -> Incident {
    Incident {
        id: change.id,
        state: IncidentState::Suspected,
        severity: Severity::Notice,
        culprits: change.culprits.clone(),
        cause: change.cause.clone(),
        confidence: change.confidence,
        slot: scene.slot,
        since: scene.at,
        ended: None,
        cost: Cost::default(),
        evidence: Vec::new(),
        ambiguous_with: Vec::new(),
        ruled_out: Vec::new(),
        folded: Vec::new(),
        done: Vec::new(),
        next: String::new(),
        timeline: Vec::new(),
        silence: None,
    }
}

fn note(incident: &mut Incident, what: String, scene: &Scene<'_>) {
    if incident.timeline.last().is_some_and(|last| last.what == what) {
        return;
    }
    if incident.timeline.len() == TIMELINE {
        // How it began is kept.
        incident.timeline.remove(1);
    }
    incident.timeline.push(Happening { slot: scene.slot, at: scene.at, what });
}

/// What has become of an incident by the end of a slot.
fn look(incident: &mut Incident, engine: &mut Incidents, scene: &Scene<'_>) {
    let Some(culprit) = incident.culprits.first().cloned() else { return };
    let counted = engine.counted();
    // Duties of the slot it was seen in, and of the one before, may have been lost by it already.
    let since = incident.slot.0.saturating_sub(1);
    let all = engine.losses(&culprit, since);
    let now = engine.losses(&culprit, (counted + 1).saturating_sub(NOW).max(since));
    let names = engine.beacons_of(&culprit);
    let beacons: Vec<&BeaconStatus> =
        scene.status.beacons.iter().filter(|beacon| names.contains(&beacon.name.to_string())).collect();
    let is_front = matches!(culprit.kind, CulpritKind::Client | CulpritKind::Signer | CulpritKind::Router);
    let routed_around = !is_front && !beacons.is_empty() && beacons.iter().all(|beacon| is_out(beacon));
    let state = if routed_around && now.missed == 0 {
        IncidentState::Mitigated
    } else if incident.confidence < SURE && incident.state == IncidentState::Suspected {
        IncidentState::Suspected
    } else {
        IncidentState::Open
    };
    incident.cost = Cost {
        validators: incident.cost.validators,
        due: all.due,
        missed: all.missed,
        late: all.late,
        wrong_head: all.wrong_head,
        eth_per_hour: rate(engine, &culprit, since, scene),
    };
    incident.folded = engine.folded(&culprit, since);
    incident.ruled_out = engine.ruled_out(&culprit, since);
    incident.severity = severity(state, now, &culprit, scene.status);
    incident.done = advice::done(&beacons, scene.status);
    incident.next = advice::next(&culprit, &beacons);
    if state != incident.state {
        incident.state = state;
        let what = match state {
            IncidentState::Mitigated => "mitigated: it gets no work, and nothing is missed",
            IncidentState::Open => "open",
            IncidentState::Suspected | IncidentState::Resolved => return,
        };
        note(incident, what.to_owned(), scene);
    }
}

/// Whether a beacon gets no work that matters.
fn is_out(beacon: &BeaconStatus) -> bool {
    !beacon.healthy || beacon.lifecycle != Lifecycle::Active
}

fn severity(state: IncidentState, now: Losses, culprit: &Culprit, status: &FleetStatus) -> Severity {
    let left = status.beacons.iter().filter(|beacon| !is_out(beacon)).count();
    let share = if now.due == 0 { 0.0 } else { now.missed as f64 / now.due as f64 };
    // What the whole network loses is nothing that somebody here can mend.
    let ours = culprit.kind != CulpritKind::Network;
    match state {
        IncidentState::Suspected => Severity::Notice,
        _ if ours && (left == 0 || share >= CRITICAL) => Severity::Critical,
        _ if now.any() || left == 1 && status.beacons.len() > 1 => Severity::Warning,
        IncidentState::Mitigated => Severity::Notice,
        _ => Severity::Warning,
    }
}

/// ETH an hour at the rate of the last counted slots; none if nothing was lost in them.
fn rate(engine: &mut Incidents, culprit: &Culprit, since: u64, scene: &Scene<'_>) -> Option<f64> {
    let first = (engine.counted() + 1).saturating_sub(RATE).max(since);
    let losses = engine.losses(culprit, first);
    let slots = (engine.counted() + 1).checked_sub(first).filter(|slots| *slots > 0)?;
    let lost = losses.missed as f64 * MISSED + (losses.late + losses.wrong_head) as f64 * HEAD;
    let gwei = lost * scene.base_reward?;
    let hours = slots as f64 * scene.slot_ms as f64 / 3.6e6;
    (lost > 0.0 && hours > 0.0).then(|| gwei / 1e9 / hours)
}
