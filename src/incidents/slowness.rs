//! Whose doing it is if probes are answered slowly: a version's whose beacons alone are slow, the router's if all are.

use super::{Change, Incidents};
use crate::model::{
    BlockSeen, Culprit, CulpritKind as Kind, FleetSeen, Labelled, MsSpread, Observation, ProbeSeen,
    ServedSeen, ServedStep, Slot, SlotSeen,
};

/// Six beacons by three execution clients, two each; all of one consensus client. One router, three clients.
fn fleet() -> Observation {
    let labelled = |name: String, labels: &[(&str, &str)]| Labelled {
        name,
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    };
    let beacon = |n: usize| labelled(format!("b{n}"), &[("el", ["x", "y", "z"][n / 2]), ("cl", "v1")]);
    let clients = (0..3).map(|n| labelled(format!("vc-{n}"), &[]));
    Observation::Fleet(FleetSeen {
        beacons: (0..6).map(beacon).collect(),
        clients: clients.collect(),
        slot_seconds: 12.0,
    })
}

/// A slot in which some beacons answer the router slowly, and clients with them if `answers`.
fn slot(slot: u64, slow: impl Fn(u64) -> bool, answers: bool) -> Vec<Observation> {
    let probe = |n: u64| {
        Observation::Probe(ProbeSeen {
            slot: Slot(slot),
            beacon: format!("b{n}"),
            reachable: true,
            hung: false,
            head_lag: Some(0),
            latency_ms: Some(if slow(n) { 1_100.0 } else { 12.0 }),
            el_offline: false,
            optimistic: false,
            peers: Some(80),
        })
    };
    let data = |n: u64| {
        let ms = if slow(n) && answers { 1_500.0 } else { 20.0 };
        Observation::Served(ServedSeen {
            slot: Slot(slot),
            client: format!("vc-{}", (n + slot) % 3),
            beacon: format!("b{n}"),
            step: ServedStep::Data,
            n: 4,
            failed: 0,
            after_due_ms: Some(MsSpread { p50: ms, max: ms }),
        })
    };
    let end = SlotSeen {
        slot: Slot(slot),
        block: BlockSeen::OnTime,
        proposer: None,
        began: None,
        participation: Some(0.99),
    };
    (0..6).map(probe).chain((0..6).map(data)).chain([Observation::Slot(end)]).collect()
}

/// What is said if some of these beacons are slow in a third of the slots from 40 on.
fn play(of: &[u64], answers: bool) -> Vec<Change> {
    let mut engine = Incidents::default();
    let mut changes = engine.observe(&fleet());
    for now in 0..100 {
        let slow = |n: u64| now >= 40 && of.contains(&n) && (now * 7 + n * 5 + now / 3).is_multiple_of(3);
        changes.extend(slot(now, slow, answers).iter().flat_map(|line| engine.observe(line)));
    }
    changes.extend(engine.ended());
    changes
}

/// Who is blamed by the last word of each incident.
fn blamed(changes: &[Change]) -> Vec<&Culprit> {
    let mut last = std::collections::BTreeMap::new();
    for change in changes {
        last.insert(change.id, &change.culprits[0]);
    }
    last.into_values().collect()
}

#[test]
fn what_is_slow_at_all_beacons_is_between_the_router_and_them() {
    for answers in [false, true] {
        let changes = play(&[0, 1, 2, 3, 4, 5], answers);
        let router = Culprit { kind: Kind::Router, name: "router".into() };
        assert_eq!(blamed(&changes), [&router], "{changes:#?}");
        let version = Culprit { kind: Kind::Cl, name: "v1".into() };
        let last = changes.last().unwrap();
        assert_eq!(last.ambiguous_with, [version], "{last:#?}");
        assert!(last.cause.ends_with("its own machine or network"), "{last:#?}");
    }
}

#[test]
fn what_is_slow_at_the_beacons_of_one_version_is_the_versions() {
    let changes = play(&[2, 3], false);
    assert_eq!(blamed(&changes), [&Culprit { kind: Kind::El, name: "y".into() }], "{changes:#?}");
}

#[test]
fn what_is_slow_at_one_beacon_is_its_own() {
    let changes = play(&[3], true);
    assert_eq!(blamed(&changes), [&Culprit { kind: Kind::Beacon, name: "b3".into() }], "{changes:#?}");
}
