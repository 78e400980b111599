//! A fleet as the console's tests see it.

use crate::model::{
    BeaconName, BeaconStatus, Ending, Epoch, FleetStatus, HeadStatus, JournalEntry, Lifecycle, Operation,
    OperationStep as Step, Root, Slot, StepState, StepStatus, Traffic, UnixMs, Verb,
};

/// The moment of the fixture's snapshot.
pub const NOW: UnixMs = UnixMs(1_700_000_000_000);

/// A healthy beacon at slot 9,876,543.
pub fn beacon(name: &str) -> BeaconStatus {
    BeaconStatus {
        drained: None,
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
        acks: Vec::new(),
        alerts: Vec::new(),
        traffic: Traffic::default(),
    }
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
