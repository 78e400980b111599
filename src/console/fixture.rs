//! A fleet as the console's tests see it.

use crate::model::{
    BeaconName, BeaconStatus, ClockMeasured, Cost, Culprit, CulpritKind, Ending, Epoch, FleetStatus,
    Happening, HeadStatus, HostChange, HostClock, HostFinding, HostLevel, HostRemedy, HostStatus, Incident,
    IncidentState, JournalEntry, Lifecycle, Operation, OperationStep as Step, RemedyState, Root, Severity,
    Slot, StepState, StepStatus, Traffic, UnixMs, Verb,
};

/// The moment of the fixture's snapshot.
pub const NOW: UnixMs = UnixMs(1_700_000_000_000);

/// A healthy beacon at slot 9,876,543.
pub fn beacon(name: &str) -> BeaconStatus {
    BeaconStatus {
        drained: None,
        cpu: None,
        name: BeaconName::new(name),
        lifecycle: Lifecycle::Active,
        healthy: true,
        reasons: Vec::new(),
        detail: String::new(),
        head: Some(HeadStatus { slot: Slot(9_876_543), root: Root([0xab; 32]) }),
        lag: 0,
        peers: Some(101),
        version: Some("Lighthouse/v8.0.1-ced49dd/x86_64-linux".into()),
        execution: Some("Geth/v1.16.7".into()),
        in_flight: 12,
        latency_us: 3_100,
        p50_us: Some(2_560),
        p99_us: Some(12_288),
        answered: 1_234_567,
        failed: 89,
        observed: Some(NOW),
        since: UnixMs(NOW.0 - 7_500_000),
        told: Vec::new(),
        custody: None,
    }
}

/// A fleet of those beacons.
pub fn fleet(beacons: Vec<BeaconStatus>) -> FleetStatus {
    FleetStatus {
        fleet: "home".into(),
        version: "0.1.0".into(),
        network: Some("mainnet".into()),
        genesis_validators_root: None,
        slot: Some(Slot(9_876_544)),
        epoch: Some(Epoch(308_642)),
        agreed: Some(HeadStatus { slot: Slot(9_876_543), root: Root([0xab; 32]) }),
        at: NOW,
        beacons,
        operations: Vec::new(),
        incidents: Vec::new(),
        duties: None,
        hosts: Vec::new(),
        split: None,
        forks: Vec::new(),
        acks: Vec::new(),
        groups: Vec::new(),
        silences: Vec::new(),
        alerts: Vec::new(),
        traffic: Traffic::default(),
        tape: None,
    }
}

/// Three incidents: a beacon's that costs duties, a client's that may be chance, and one that has ended.
pub fn incidents() -> Vec<Incident> {
    let culprit = |kind, name: &str| Culprit { kind, name: name.into() };
    let at = |before_s: u64| UnixMs(NOW.0 - before_s * 1_000);
    let happened = |before_s: u64, what: &str| Happening {
        slot: Slot(9_876_544 - before_s / 12),
        at: at(before_s),
        what: what.into(),
    };
    let beacon = Incident {
        id: 7,
        state: IncidentState::Open,
        severity: Severity::Critical,
        culprits: vec![culprit(CulpritKind::Beacon, "beacon-2")],
        beacons: vec![BeaconName::new("beacon-2")],
        cause: "does not answer".into(),
        confidence: 0.984,
        slot: Slot(9_876_541),
        since: at(36),
        ended: None,
        cost: Cost {
            validators: 640,
            due: 320,
            missed: 12,
            late: 8,
            wrong_head: 4,
            eth_per_hour: Some(0.000_42),
        },
        evidence: vec![
            "probes not answered: 6 of 6, 0.3 % is usual".into(),
            "questions not answered: 9 of 31, 0.4 % is usual".into(),
        ],
        ambiguous_with: vec![culprit(CulpritKind::Host, "h2")],
        ruled_out: vec!["client vc-1: 0 of 64 without beacon beacon-2".into()],
        folded: vec!["duties missed: 12 of 320, at 2 others".into(), "probes not answered: 9 of 9".into()],
        done: vec!["beacon-2 is routed around: hung".into()],
        next: "d: drain beacon-2, then look at its log; R: restart it".into(),
        timeline: vec![happened(36, "beacon beacon-2 is blamed: does not answer"), happened(24, "open")],
        silence: None,
    };
    let client = late_client(&beacon);
    let ended = Incident {
        id: 6,
        state: IncidentState::Resolved,
        severity: Severity::Notice,
        culprits: vec![Culprit { kind: CulpritKind::Network, name: "network".into() }],
        beacons: Vec::new(),
        cause: "late and missing blocks of the network".into(),
        since: at(3_900),
        ended: Some(at(3_000)),
        next: "nothing: it has ended".into(),
        done: Vec::new(),
        cost: Cost::default(),
        ..client.clone()
    };
    vec![beacon, client, ended]
}

/// A chain split between these sides, ours first, as the engine of incidents tells it.
pub fn split(ours: &str, theirs: &str, beacons: &[&str]) -> Incident {
    let culprits = vec![Culprit { kind: CulpritKind::ChainSplit, name: format!("{ours} / {theirs}") }];
    let cause = "heads part along the lines of clients since slot 9876540, after 0xababab… of slot 9876539";
    let since = UnixMs(NOW.0 - 24_000);
    let begun = Incident::new(7, culprits, cause.to_owned(), Slot(9_876_542), since);
    Incident {
        state: IncidentState::Open,
        severity: Severity::Critical,
        beacons: beacons.iter().map(|name| BeaconName::new(*name)).collect(),
        confidence: 1.0,
        evidence: vec![format!(
            "validators stay with {ours} (beacon-1, beacon-3) at 0xababab… of slot 9876543"
        )],
        next: format!(
            "find out which side is right, then d: drain the beacons of the other; until then validators stay with {ours}: restart nothing"
        ),
        ..begun
    }
}

/// A client's incident that may be chance; the rest of it as another's.
fn late_client(like: &Incident) -> Incident {
    let since = UnixMs(NOW.0 - 12_000);
    let what = "client vc-2 is blamed: signs late".to_owned();
    Incident {
        id: 8,
        state: IncidentState::Suspected,
        severity: Severity::Notice,
        culprits: vec![Culprit { kind: CulpritKind::Client, name: "vc-2".into() }],
        beacons: Vec::new(),
        cause: "signs late".into(),
        confidence: 0.61,
        cost: Cost { validators: 640, due: 96, late: 9, ..Cost::default() },
        evidence: vec!["slots with late publications: 3 of 8, 1.0 % is usual".into()],
        ambiguous_with: Vec::new(),
        ruled_out: Vec::new(),
        folded: Vec::new(),
        done: Vec::new(),
        next: "look whether vc-2 runs, reaches the router, and what its log says".into(),
        timeline: vec![Happening { slot: Slot(9_876_543), at: since, what }],
        since,
        ..like.clone()
    }
}

/// What was found on a host: one that is for a person, one that can be written.
fn host_findings() -> Vec<HostFinding> {
    let finding = HostFinding {
        check: "storage.flush".into(),
        level: HostLevel::Bad,
        actual: "a flush takes 48 ms".into(),
        expected: "below 10 ms".into(),
        why: "Slashing protection waits for the disk before each signature.".into(),
        cost_ms: (20, 200),
        remedy: "fstrim -v /".into(),
        persistent: "systemctl enable fstrim.timer".into(),
        revert: "systemctl disable fstrim.timer".into(),
        since: Some(UnixMs(NOW.0 - 900_000)),
        ..HostFinding::default()
    };
    let backlog = HostFinding {
        check: "net.somaxconn".into(),
        level: HostLevel::Warn,
        actual: "128".into(),
        expected: "at least 4096 connections".into(),
        why: "A full listen queue turns new connections away.".into(),
        cost_ms: (0, 1_000),
        remedy: "sysctl -w net.core.somaxconn='4096'".into(),
        risk: "needs a restart of the service".into(),
        writes: true,
        ..HostFinding::default()
    };
    vec![finding, backlog]
}

/// What came and went on a host.
fn host_past() -> Vec<HostChange> {
    vec![
        HostChange {
            at: UnixMs(NOW.0 - 900_000),
            check: "storage.flush".into(),
            was: HostLevel::Warn,
            is: HostLevel::Bad,
            actual: "a flush takes 48 ms".into(),
        },
        HostChange {
            at: UnixMs(NOW.0 - 7_100_000),
            check: "mem.swappiness".into(),
            was: HostLevel::Advice,
            is: HostLevel::Ok,
            actual: "60".into(),
        },
    ]
}

/// Two hosts: one that was looked at, one whose clock is estimated.
pub fn hosts() -> Vec<HostStatus> {
    let clock = |low_ms, high_ms, estimate, level| HostClock {
        low_ms,
        high_ms,
        by: if estimate { "Date of its answers" } else { "chrony" }.into(),
        estimate,
        level,
        measured: if estimate {
            ClockMeasured { at: Some(UnixMs(NOW.0 - 6_000)), ..ClockMeasured::default() }
        } else {
            ClockMeasured {
                at: Some(UnixMs(NOW.0 - 41_000)),
                stratum: Some(3),
                jitter_ms: Some(0.42),
                references: Some((4, 1)),
                steps: Some(vec![(UnixMs(NOW.0 - 5_400_000), -120.3)]),
            }
        },
    };
    let class = |name: &str, level| (name.to_owned(), level);
    let here = HostStatus {
        name: "h1".into(),
        beacons: vec![BeaconName::new("beacon-1")],
        at: Some(UnixMs(NOW.0 - 20_000)),
        findings: host_findings(),
        classes: vec![
            class("cpu", HostLevel::Advice),
            class("storage", HostLevel::Bad),
            class("time", HostLevel::Ok),
        ],
        clock: Some(clock(-0.4, 0.9, false, HostLevel::Ok)),
        remedies: vec![HostRemedy {
            check: "mem.swappiness".into(),
            at: UnixMs(NOW.0 - 7_200_000),
            who: "alice (uid 1000)".into(),
            what: "/proc/sys/vm/swappiness: 60 to 1".into(),
            state: RemedyState::Stands,
        }],
        past: host_past(),
        ..HostStatus::default()
    };
    let other = HostStatus {
        name: "h2".into(),
        beacons: vec![BeaconName::new("beacon-2")],
        clock: Some(clock(71.5, 112.0, true, HostLevel::Warn)),
        ..HostStatus::default()
    };
    vec![here, other]
}

/// A restart by alice that began 42 seconds ago and has come to a step.
pub fn operation(beacon: &str, at: Step) -> Operation {
    let steps = [
        (Step::Drain, 42, 38, "nothing is in flight"),
        (Step::Run, 38, 18, "it ended well"),
        (Step::Wait, 18, 0, "it is syncing"),
        (Step::Resume, 0, 0, "work comes back"),
    ];
    let before = |seconds: u64| Some(UnixMs(NOW.0 - seconds * 1_000));
    let step = |(step, began, ended, detail): (Step, u64, u64, &str)| {
        let state = match step.cmp(&at) {
            std::cmp::Ordering::Less => StepState::Done,
            std::cmp::Ordering::Equal => StepState::Running,
            std::cmp::Ordering::Greater => StepState::Pending,
        };
        StepStatus {
            step,
            state,
            detail: if state == StepState::Pending { String::new() } else { detail.to_owned() },
            began: before(began).filter(|_| state != StepState::Pending),
            ended: before(ended).filter(|_| state == StepState::Done),
        }
    };
    Operation {
        id: 1,
        verb: Verb::Restart,
        beacon: BeaconName::new(beacon),
        who: "alice (uid 1000)".into(),
        began: UnixMs(NOW.0 - 42_000),
        steps: steps.map(step).into(),
        end: None,
        output: String::new(),
    }
}

/// The same, failed where it is.
pub fn failed(mut operation: Operation) -> Operation {
    if let Some(step) = operation.steps.iter_mut().find(|step| step.state == StepState::Running) {
        (step.state, step.detail, step.ended) = (StepState::Failed, "exit status 3".into(), Some(NOW));
    }
    let words = format!(
        "restart of {} failed: exit status 3; it stays drained: mend it, then restart again or resume",
        operation.beacon
    );
    operation.output = "starting beacon\nno disk".into();
    Operation { end: Some((Ending::Failed, NOW, words)), ..operation }
}

/// An entry of the journal, of the same moment.
pub fn entry(id: u64, target: Option<&str>) -> JournalEntry {
    JournalEntry {
        id,
        at: NOW,
        who: "alice (uid 1000)".into(),
        what: "drain".into(),
        target: target.map(str::to_owned),
        order: None,
        outcome: "b2 is draining".into(),
    }
}
