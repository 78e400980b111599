//! States as tests and pictures need them: a fleet well, hung, draining, split, empty, and its server gone.

use std::sync::Arc;

use crate::control::{Access, Event as Said, Welcome};
use crate::model::{
    Ack, BeaconName, BeaconStatus, ComingFork, DutyStatus, DutySums, Epoch, Explanation, FleetStatus, Flow,
    HeadStatus, JournalEntry, Lifecycle, Load, LoadError, LogLevel, LogLine, Operation, OperationStep,
    Outcome, PayloadSums, Readiness, Reason, Root, SPREAD, Shared, Silence, Skipped, Slot, Step, StepAnswers,
    Tape, Timing, Traffic, Tried, UnixMs, Use,
};

use super::event::{Effect, Event};
use super::fixture::{self, NOW, beacon, failed, fleet, operation};
use super::state::{Options, Seat, State};
use super::update::tests::options;
use super::update::update;
use super::view::tests::consequences;

/// Every scene with its name.
pub fn all() -> Vec<(&'static str, State)> {
    let mut gone = scene(&healthy());
    let lost = Event::Lost { why: "the connection broke while watching".into(), pause_ms: 5_000 };
    update(&mut gone, UnixMs(NOW.0 + 2_000), lost);
    update(&mut gone, UnixMs(NOW.0 + 75_000), Event::Tick);
    vec![
        ("healthy", scene(&healthy())),
        ("hung", scene(&hung())),
        ("draining", scene(&draining())),
        ("split", scene(&split())),
        (
            "empty",
            scene(&FleetStatus { slot: None, epoch: None, network: None, agreed: None, ..fleet(Vec::new()) }),
        ),
        ("gone", gone),
        ("acked", scene(&acked())),
        ("incident", scene(&incident())),
        ("replay", replay()),
        ("restarting", scene(&restarting(operation("beacon-2", OperationStep::Wait)))),
        ("failed", scene(&restarting(failed(operation("beacon-2", OperationStep::Run))))),
    ]
}

/// A beacon hangs and costs duties, a client is slow, and something has ended.
fn incident() -> FleetStatus {
    let hung = hung();
    let duty = |name: &str, missed, late| DutySums {
        name: name.into(),
        due: 320,
        served: Some(318),
        published: Some(316),
        included: 320 - missed,
        missed,
        late,
        wrong_head: late / 2,
        wrong_target: Some(0),
        distance: Some(1.04),
        p50_ms: Some(-41),
        p99_ms: Some(380),
    };
    let duties = DutyStatus {
        from: Slot(9_876_478),
        to: Slot(9_876_541),
        validators: 1_280,
        clients: vec![duty("vc-1", 12, 3), duty("vc-2", 0, 9)],
        beacons: vec![duty("beacon-1", 0, 1), duty("beacon-2", 12, 8)],
        payloads: vec![PayloadSums { name: "vc-1".into(), due: 40, included: 39, missed: 1, disagree: 2 }],
    };
    let mut incidents = fixture::incidents();
    let (by, why) = ("bob (uid 1001)".into(), Some("its signer is moved".into()));
    let (at, until) = (UnixMs(NOW.0 - 60_000), UnixMs(NOW.0 + 7_200_000));
    let silence = Silence { key: "client vc-2".into(), by, at, until, why };
    incidents[1].silence = Some(silence.clone());
    let ahead = Silence { key: "beacon beacon-3".into(), why: None, ..silence.clone() };
    FleetStatus {
        incidents,
        silences: vec![silence, ahead],
        duties: Some(duties),
        hosts: fixture::hosts(),
        ..hung
    }
}

/// A recording that has come to the slot where a beacon does not answer: what it does not hold is not known.
pub fn replay() -> State {
    let mut state = State::new(Options { seat: Seat::Replay, read_only: true, ..options() }, NOW);
    let mut status = FleetStatus { network: None, epoch: None, agreed: None, ..incident() };
    status.traffic = Traffic { timing: None, steps: Vec::new(), ..status.traffic };
    sick(
        &mut status,
        1,
        Reason::Unreachable,
        "3 of 3 probes of the slot were refused or not answered",
        24_000,
    );
    for beacon in &mut status.beacons {
        (beacon.head, beacon.observed) = (None, Some(NOW));
    }
    status.beacons[3] = beacon("beacon-4");
    for host in &mut status.hosts {
        (host.clock, host.at) = (None, None);
    }
    for sums in
        status.duties.iter_mut().flat_map(|duties| duties.clients.iter_mut().chain(&mut duties.beacons))
    {
        (sums.served, sums.published, sums.wrong_target, sums.distance) = (None, None, None, None);
        (sums.p50_ms, sums.p99_ms) = (None, None);
    }
    status.duties.iter_mut().for_each(|duties| duties.payloads.clear());
    for place in 29..=31 {
        let tape = Tape { place, slots: 400, whole: true, playing: false, speed: 10, note: None };
        let (at, slot) = (UnixMs(NOW.0 - (31 - place) * 12_000), Some(Slot(9_876_513 + place)));
        let then = FleetStatus { at, slot, tape: Some(tape), ..status.clone() };
        // The console's own time is another.
        update(&mut state, UnixMs(NOW.0 + 1_000_000_000), Event::Said(Said::Snapshot(Arc::new(then))));
    }
    state
}

/// Presses keys, one after the other; what an order would mean is answered as serve does.
pub fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split_whitespace() {
        let now = state.now;
        for effect in update(state, now, Event::Key(key.parse().unwrap())) {
            if let Effect::Preflight(intent, beacons) = &effect {
                let status = state.history.newest().unwrap().clone();
                let told = consequences(&status, *intent, beacons);
                update(state, now, Event::Preflight(Ok(told)));
            } else {
                effects.push(effect);
            }
        }
    }
    effects
}

/// A state that was told this, and what led to it.
pub fn scene(status: &FleetStatus) -> State {
    let mut state = State::new(options(), NOW);
    let welcome = Welcome {
        beacondeck: "0.1.0".into(),
        pid: 4711,
        access: Access::Observe,
        you: "alice (uid 1000)".into(),
    };
    update(&mut state, NOW, Event::Connected(welcome));
    let before = NOW.0 - 60_000;
    for second in 0..=60 {
        let at = UnixMs(before + second * 1_000);
        let then = FleetStatus { at, ..status.clone() };
        update(&mut state, at, Event::Said(Said::Snapshot(Arc::new(then))));
    }
    for (id, level, text) in
        [(1, LogLevel::Info, "routing fleet=home"), (2, LogLevel::Warn, "beacon-2 does not answer")]
    {
        let at = UnixMs(NOW.0 - 100_000);
        let from = "beacondeck::engine".into();
        update(&mut state, NOW, Event::Said(Said::Log(LogLine { id, at, level, from, text: text.into() })));
    }
    let entry = JournalEntry {
        id: 1,
        at: UnixMs(NOW.0 - 50_000),
        who: "bob (uid 1001)".into(),
        what: "resume".into(),
        target: Some("beacon-3".into()),
        order: None,
        outcome: "beacon-3 is active".into(),
    };
    update(&mut state, NOW, Event::Said(Said::Journal(entry)));
    update(&mut state, NOW, Event::Explained(Ok(vec![shared(), explanation()])));
    state
}

fn explanation() -> Explanation {
    Explanation {
        id: 812,
        at: UnixMs(NOW.0 - 1_500),
        slot: Slot(9_876_544),
        client: "vc-1".into(),
        endpoint: "produceAttestationData".into(),
        method: Some("GET".into()),
        due_ms: 12,
        status: 200,
        served_by: "beacon-1".into(),
        shared: None,
        took_ms: 504.2,
        attempts: vec![
            tried("beacon-2", Outcome::TimedOut, 0, 500.0),
            tried("beacon-1", Outcome::Ok, 200, 4.2),
        ],
        why: "a read: the best ranked beacon at the agreed head, by zone, then by weight; beacon-2 failed"
            .into(),
        skipped: vec![Skipped { beacon: BeaconName::new("beacon-4"), reason: "syncing".into() }],
        publication: None,
    }
}

/// The same question a little later, answered by what was decided.
fn shared() -> Explanation {
    Explanation {
        id: 813,
        at: UnixMs(NOW.0 - 900),
        client: "vc-2".into(),
        due_ms: 612,
        shared: Some(Shared::Decided),
        took_ms: 0.1,
        attempts: Vec::new(),
        why: "not fetched for this request: decided before, one answer for all who ask this".into(),
        skipped: Vec::new(),
        ..explanation()
    }
}

fn tried(name: &str, outcome: Outcome, status: u16, took_ms: f64) -> Tried {
    Tried { beacon: BeaconName::new(name), outcome, status, start_ms: 0.0, took_ms }
}

fn name(number: usize) -> String {
    format!("beacon-{number}")
}

/// Four beacons that are well, with traffic.
pub fn healthy() -> FleetStatus {
    let mut status = fleet((1..=4).map(|number| beacon(&name(number))).collect());
    let clients = ["Lighthouse/v8.0.1-ced49dd", "Teku/v25.11.0", "Lodestar/v1.36.0", "Nimbus/v25.11.0"];
    for (beacon, client) in status.beacons.iter_mut().zip(clients) {
        beacon.version = Some(client.to_owned());
    }
    status.traffic = traffic(&status);
    status.forks = vec![fork()];
    status
}

/// A fork that two of four are not ready for.
fn fork() -> ComingFork {
    let of = |number, missing: &[&str], lost| Readiness {
        beacon: BeaconName::new(name(number)),
        missing: missing.iter().map(ToString::to_string).collect(),
        lost,
    };
    let beacons = vec![
        of(1, &[], false),
        of(2, &["its spec lacks PAYLOAD_DUE_BPS_GLOAS"], false),
        of(3, &[], false),
        of(4, &["its release does not know it: upgrade it"], true),
    ];
    ComingFork { name: "gloas".into(), epoch: Epoch(308_900), at: UnixMs(NOW.0 + 99_000_000), beacons }
}

fn traffic(status: &FleetStatus) -> Traffic {
    let names: Vec<BeaconName> = status.beacons.iter().map(|beacon| beacon.name.clone()).collect();
    let served = names.iter().map(|name| (name.clone(), 0.25)).collect::<Vec<_>>();
    let flow = |client: &str, needs, step, per_s, p99_ms| Flow {
        client: client.into(),
        needs,
        step,
        per_s,
        failed_per_s: 0.0,
        hedged_per_s: 0.0,
        retried_per_s: 0.0,
        p50_ms: 3.2,
        p99_ms,
        budget_ms: 4_000,
        served: served.clone(),
    };
    let mut spread = vec![0; SPREAD];
    (spread[8], spread[9], spread[10]) = (120, 14, 1);
    let answers = |step, name: &BeaconName| StepAnswers {
        step,
        beacon: name.clone(),
        answers: 135,
        late: 135,
        p50_ms: 3.1,
        p99_ms: 12.0,
        spread: spread.clone(),
    };
    Traffic {
        timing: Some(Timing {
            slot_start: UnixMs(NOW.0 - 1_500),
            slot_ms: 12_000,
            slots_per_epoch: 32,
            due: vec![(Step::Propose, 0), (Step::Attest, 4_000), (Step::Aggregate, 8_000)],
        }),
        flows: vec![
            flow("vc-1", Use::Read, None, 12.0, 8.0),
            flow("vc-1", Use::Sign, Some(Step::Attest), 8.3, 12.3),
            flow("vc-1", Use::Publish, Some(Step::Attest), 8.3, 21.0),
            flow("vc-2", Use::Sign, Some(Step::Aggregate), 12.0, 2_500.0),
        ],
        loads: names
            .iter()
            .map(|name| Load { per_s: 10.2, most_per_s: 14.0, ..Load::none(name.clone()) })
            .collect(),
        steps: names
            .iter()
            .flat_map(|name| [answers(Step::Attest, name), answers(Step::Aggregate, name)])
            .collect(),
    }
}

fn sick(status: &mut FleetStatus, place: usize, reason: Reason, detail: &str, ms: u64) {
    let beacon: &mut BeaconStatus = &mut status.beacons[place];
    beacon.healthy = false;
    beacon.reasons = vec![reason];
    beacon.detail = detail.to_owned();
    beacon.since = UnixMs(NOW.0 - ms);
}

/// One hangs, one syncs, some requests fail.
pub fn hung() -> FleetStatus {
    let mut status = healthy();
    sick(&mut status, 1, Reason::Hung, "accepts requests and does not answer", 120_000);
    status.beacons[1].observed = Some(UnixMs(NOW.0 - 120_000));
    sick(&mut status, 3, Reason::Syncing, "", 3_600_000);
    status.traffic.flows[1].failed_per_s = 0.4;
    status.traffic.loads[1].per_s = 0.1;
    status.traffic.loads[1].failed_per_s = 0.1;
    let error = |before_s: u64, endpoint: &str, outcome, code| LoadError {
        at: UnixMs(NOW.0 - before_s * 1_000),
        endpoint: endpoint.to_owned(),
        outcome,
        status: code,
        took_ms: 2_000,
    };
    status.traffic.loads[1].errors = vec![
        error(119, "produceAttestationData", Outcome::TimedOut, 0),
        error(118, "submitPoolAttestationsV2", Outcome::Failed, 500),
    ];
    status.beacons[1].cpu = Some(97);
    status.beacons[2].cpu = Some(31);
    status
}

fn draining() -> FleetStatus {
    let mut status = healthy();
    status.beacons[1].lifecycle = Lifecycle::Draining(7);
    status.beacons[2].lifecycle = Lifecycle::Drained;
    for place in [1, 2] {
        sick(&mut status, place, Reason::Drained, "", 30_000);
    }
    status
}

/// One hangs and somebody has taken note; of the one that syncs nobody has.
fn acked() -> FleetStatus {
    let mut status = hung();
    let (by, why) = ("bob (uid 1001)".into(), Some("its disk is full".into()));
    status.acks = vec![Ack { key: "hung beacon-2".into(), by, at: UnixMs(NOW.0 - 60_000), why }];
    status
}

/// One is being restarted, or was.
pub fn restarting(operation: Operation) -> FleetStatus {
    let mut status = healthy();
    status.beacons[1].lifecycle = Lifecycle::Drained;
    sick(&mut status, 1, Reason::Drained, "by order of alice (uid 1000) (restart)", 38_000);
    status.beacons[1].reasons.push(Reason::Syncing);
    status.operations = vec![operation];
    status
}

fn split() -> FleetStatus {
    let mut status = healthy();
    for place in [1, 3] {
        sick(
            &mut status,
            place,
            Reason::ChainSplit,
            "on the other side of a chain split: nothing is signed from it",
            24_000,
        );
        status.beacons[place].head = Some(HeadStatus { slot: Slot(9_876_540), root: Root([0xcd; 32]) });
        status.beacons[place].lag = 3;
    }
    let beacons = ["beacon-1", "beacon-2", "beacon-3", "beacon-4"];
    status.incidents = vec![fixture::split("Lighthouse, Lodestar", "Nimbus, Teku", &beacons)];
    status
}
