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

    /// A slot is over: what the engine changed, and what has become of all that go on. Those of which more than counts is
    /// another now.
    pub fn take(&mut self, changes: Vec<Change>, engine: &mut Incidents, scene: &Scene<'_>) -> Vec<Incident> {
        let before = self.0.clone();
        for change in changes {
            self.change(change, scene);
        }
        for incident in self.0.iter_mut().filter(|incident| incident.state.is_live()) {
            look(incident, engine, scene);
        }
        self.prune();
        let is_same = |old: &Incident, new: &Incident| {
            (old.id, old.state, old.severity) == (new.id, new.state, new.severity)
                && (&old.culprits, &old.cause) == (&new.culprits, &new.cause)
        };
        let moved = |incident: &&Incident| !before.iter().any(|old| is_same(old, incident));
        self.0.iter().filter(moved).cloned().collect()
    }

    fn change(&mut self, change: Change, scene: &Scene<'_>) {
        let place = self.0.iter().position(|incident| incident.id == change.id);
        let place = place.unwrap_or_else(|| {
            let (culprits, cause) = (change.culprits.clone(), change.cause.clone());
            self.0.push(Incident::new(change.id, culprits, cause, scene.slot, scene.at));
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
        let what = match change.event {
            Event::Opened => format!("{} is blamed: {}", incident.who(), incident.cause),
            Event::Changed => format!("{}: {}", incident.who(), incident.cause),
            Event::Resolved => "no sign of it any more: resolved".to_owned(),
        };
        note(incident, what, scene);
    }

    fn prune(&mut self) {
        let mut ended: Vec<UnixMs> = self.0.iter().filter_map(|incident| incident.ended).collect();
        ended.sort_by(|a, b| b.cmp(a));
        let Some(last) = ended.get(ENDED) else { return };
        self.0.retain(|incident| incident.ended.is_none_or(|ended| ended > *last));
    }
}

const USED_AGAIN: &str = "used again, and nothing is missed";

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
    let last = |slots: u64| (counted + 1).saturating_sub(slots).max(since);
    let [all, now, lately] = engine.losses(&culprit, [since, last(NOW), last(RATE)]);
    let lately_slots = (counted + 1).saturating_sub(last(RATE));
    let names = engine.beacons_of(&culprit);
    let beacons: Vec<&BeaconStatus> =
        scene.status.beacons.iter().filter(|beacon| names.contains(&beacon.name.to_string())).collect();
    let is_front = matches!(
        culprit.kind,
        CulpritKind::Client | CulpritKind::Signer | CulpritKind::Router | CulpritKind::ChainSplit
    );
    let routed_around = !is_front && !beacons.is_empty() && beacons.iter().all(|beacon| is_out(beacon));
    // Who is used again and loses nothing is no worse than when it was routed around.
    let back = incident.state == IncidentState::Mitigated && !routed_around && !now.any();
    let state = if back || routed_around && now.missed == 0 {
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
        eth_per_hour: rate(lately, lately_slots, scene),
    };
    incident.beacons = beacons.iter().map(|beacon| beacon.name.clone()).collect();
    (incident.folded, incident.ruled_out) = engine.shown(&culprit, since);
    incident.severity = severity(state, now, &culprit, scene.status);
    incident.done = advice::done(&beacons, scene.status);
    incident.next = match engine.ends_in(incident.id) {
        Some(slots) if back => advice::watch(slots),
        _ => advice::next(&culprit, &beacons),
    };
    let was_back = incident.timeline.last().is_some_and(|last| last.what == USED_AGAIN);
    if back {
        note(incident, USED_AGAIN.to_owned(), scene);
    } else if was_back && routed_around {
        note(incident, "it gets no work again".to_owned(), scene);
    }
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
        // A validator that is slashed is lost.
        // Nor can a vote for a checkpoint of the wrong side be taken back.
        _ if matches!(culprit.kind, CulpritKind::Key | CulpritKind::ChainSplit) => Severity::Critical,
        IncidentState::Suspected => Severity::Notice,
        _ if ours && (left == 0 || share >= CRITICAL) => Severity::Critical,
        _ if now.any() || left == 1 && status.beacons.len() > 1 => Severity::Warning,
        IncidentState::Mitigated => Severity::Notice,
        _ => Severity::Warning,
    }
}

/// ETH an hour at the rate of the last counted slots; none if nothing was lost in them.
fn rate(losses: Losses, slots: u64, scene: &Scene<'_>) -> Option<f64> {
    let lost = losses.missed as f64 * MISSED + (losses.late + losses.wrong_head) as f64 * HEAD;
    let gwei = lost * scene.base_reward?;
    let hours = slots as f64 * scene.slot_ms as f64 / 3.6e6;
    (lost > 0.0 && hours > 0.0).then(|| gwei / 1e9 / hours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DutiesSeen, FleetSeen, Labelled, Observation, Reason};

    fn beacon(name: &str, reasons: &[Reason]) -> BeaconStatus {
        let (healthy, reasons) = (reasons.is_empty(), reasons.to_vec());
        BeaconStatus { healthy, reasons, ..BeaconStatus::bare(name) }
    }

    fn status(reasons: &[Reason]) -> FleetStatus {
        let beacons = vec![beacon("b1", reasons), beacon("b2", &[]), beacon("b3", &[])];
        FleetStatus { beacons, ..FleetStatus::default() }
    }

    fn scene(slot: u64, status: &FleetStatus) -> Scene<'_> {
        let at = UnixMs(slot * 12_000);
        Scene { slot: Slot(slot), at, slot_ms: 12_000, status, base_reward: Some(10_000.0) }
    }

    fn change(event: Event, confidence: f64) -> Change {
        Change {
            slot: 0,
            event,
            id: 4,
            culprits: vec![Culprit { kind: CulpritKind::Beacon, name: "b1".into() }],
            cause: "does not answer".into(),
            confidence,
            validators: 10,
            evidence: vec!["probes not answered: 2 of 2".into()],
            ambiguous_with: Vec::new(),
        }
    }

    fn engine() -> Incidents {
        let mut engine = Incidents::default();
        let labelled = |name: &str| Labelled { name: name.into(), ..Labelled::default() };
        let beacons = ["b1", "b2", "b3"].map(labelled).to_vec();
        let fleet = FleetSeen { beacons, clients: vec![labelled("vc")], slot_seconds: 12.0 };
        engine.observe(&Observation::Fleet(fleet));
        engine
    }

    fn duties(engine: &mut Incidents, slot: u64, beacon: &str, missed: u32) {
        engine.observe(&Observation::Duties(DutiesSeen {
            slot: Slot(slot),
            as_of: Slot(slot + 2),
            client: "vc".into(),
            beacon: Some(beacon.into()),
            due: 10,
            missed,
            late: 0,
            wrong_head: 0,
        }));
    }

    #[test]
    fn an_incident_is_suspected_open_mitigated_and_resolved() {
        let (mut board, mut engine) = (Board::default(), engine());
        let well = status(&[]);
        let moved = board.take(vec![change(Event::Opened, 0.6)], &mut engine, &scene(100, &well));
        let first = &moved[0];
        assert_eq!((first.state, first.severity), (IncidentState::Suspected, Severity::Notice));
        for slot in 99..=100 {
            duties(&mut engine, slot, "b1", 5);
            duties(&mut engine, slot, "b2", 0);
        }
        board.take(vec![change(Event::Changed, 0.9)], &mut engine, &scene(102, &well));
        let open = board.list().remove(0);
        assert_eq!((open.state, open.severity), (IncidentState::Open, Severity::Critical));
        assert_eq!((open.cost.due, open.cost.missed), (20, 10));
        // Ten missed in two slots of 12 s, at 94/64 of 10,000 Gwei each.
        let lost = 10.0 * 94.0 / 64.0 * 10_000.0 / 1e9 * 3_600.0 / 24.0;
        assert!((open.cost.eth_per_hour.unwrap() - lost).abs() < 1e-9, "{:?}", open.cost);
        assert!(open.next.starts_with("d: drain b1"), "{}", open.next);
        for slot in 101..=106 {
            duties(&mut engine, slot, "b2", 0);
        }
        let hung = status(&[Reason::Hung]);
        let moved = board.take(Vec::new(), &mut engine, &scene(108, &hung));
        let mitigated = &moved[0];
        assert_eq!((mitigated.state, mitigated.severity), (IncidentState::Mitigated, Severity::Notice));
        assert_eq!(mitigated.done, [format!("b1 is routed around: {}", Reason::Hung)]);
        assert!(board.take(Vec::new(), &mut engine, &scene(109, &hung)).is_empty(), "nothing is new");
        assert!(
            board.take(Vec::new(), &mut engine, &scene(110, &well)).is_empty(),
            "it is back and loses nothing"
        );
        let back = board.list().remove(0);
        assert_eq!((back.state, back.timeline.last().unwrap().what.as_str()), (mitigated.state, USED_AGAIN));
        board.take(vec![change(Event::Resolved, 0.9)], &mut engine, &scene(120, &well));
        let ended = board.list().remove(0);
        assert_eq!((ended.state, ended.ended), (IncidentState::Resolved, Some(UnixMs(120 * 12_000))));
        let told: Vec<&str> = ended.timeline.iter().map(|line| line.what.as_str()).collect();
        assert_eq!(told.len(), 6, "{told:?}");
        board.take(vec![change(Event::Changed, 0.9)], &mut engine, &scene(130, &well));
        assert!(board.list()[0].state.is_live() && board.list()[0].ended.is_none(), "it is back");
    }

    #[test]
    fn a_key_at_two_places_is_open_and_critical_at_once() {
        let (mut board, mut engine) = (Board::default(), engine());
        let culprits = vec![Culprit { kind: CulpritKind::Key, name: "vc-1+vc-2".into() }];
        let key =
            Change { culprits, cause: "both sign for validator 17".into(), ..change(Event::Opened, 1.0) };
        let moved = board.take(vec![key], &mut engine, &scene(100, &status(&[])));
        assert_eq!((moved[0].state, moved[0].severity), (IncidentState::Open, Severity::Critical));
        assert_eq!(moved[0].line(), "incident 4: key vc-1+vc-2: both sign for validator 17 (critical, open)");
        assert!(moved[0].next.starts_with("stop one of them now, vc-1 or vc-2"), "{}", moved[0].next);
        assert!(board.take(Vec::new(), &mut engine, &scene(150, &status(&[]))).is_empty(), "it stays so");
    }

    #[test]
    fn the_last_beacon_left_and_a_restart() {
        let (mut board, mut engine) = (Board::default(), engine());
        let mut left = status(&[Reason::Hung]);
        left.beacons[1] = beacon("b2", &[Reason::Unreachable]);
        board.take(vec![change(Event::Opened, 0.9)], &mut engine, &scene(100, &left));
        let incident = board.list().remove(0);
        assert_eq!((incident.state, incident.severity), (IncidentState::Mitigated, Severity::Warning));
        left.beacons[2] = beacon("b3", &[Reason::Hung]);
        board.take(Vec::new(), &mut engine, &scene(101, &left));
        assert_eq!(board.list()[0].severity, Severity::Critical, "nobody is left");
        let mut again = Board::default();
        again.restore(board.list());
        let kept: Vec<Change> = again.changes().collect();
        assert_eq!((kept[0].id, kept[0].event), (4, Event::Opened));
    }
}
