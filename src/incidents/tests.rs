//! What the engine promises, on small recordings made by hand.

use super::{Change, Event, Incidents};
use crate::model::{
    BlockSeen, CulpritKind as Kind, DutiesSeen, FleetSeen, HostLevel, HostSeen, Labelled, MsSpread,
    Observation, ProbeSeen, ServedSeen, ServedStep, ShadowSeen, Slot, SlotSeen,
};

/// Four beacons on two hosts, four clients, each at its own beacon.
fn fleet() -> Observation {
    let labelled = |name: String, labels: Vec<(&str, String)>| {
        let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Labelled { name, labels }
    };
    let beacons = (0..4).map(|n| labelled(format!("b{n}"), vec![("host", format!("h{}", n / 2))]));
    let clients = (0..4).map(|n| labelled(format!("vc-{n}"), vec![("signer", format!("s{}", n % 2))]));
    Observation::Fleet(FleetSeen {
        beacons: beacons.collect(),
        clients: clients.collect(),
        slot_seconds: 12.0,
    })
}

/// What is wrong in a slot: with which beacon's probes and answers, with which client's duties.
#[derive(Clone, Copy, Default)]
struct Wrong {
    hung: &'static [u64],
    silent: &'static [u64],
    late: &'static [u64],
    block: bool,
}

fn slot(slot: u64, wrong: Wrong) -> Vec<Observation> {
    let mut lines = Vec::new();
    for n in 0..4_u64 {
        let hung = wrong.hung.contains(&n);
        lines.push(Observation::Probe(ProbeSeen {
            slot: Slot(slot),
            beacon: format!("b{n}"),
            reachable: !hung,
            hung,
            head_lag: Some(0),
            latency_ms: Some(10.0),
            el_offline: false,
            optimistic: false,
            peers: Some(80),
        }));
        if !wrong.silent.contains(&n) {
            lines.push(Observation::Served(ServedSeen {
                slot: Slot(slot),
                client: format!("vc-{n}"),
                beacon: format!("b{n}"),
                step: ServedStep::Data,
                n: 4,
                failed: if hung { 4 } else { 0 },
                after_due_ms: (!hung).then_some(MsSpread { p50: 20.0, max: 40.0 }),
            }));
        }
        if !wrong.silent.contains(&n) && !hung {
            let ms = if wrong.late.contains(&n) { 4_000.0 } else { 60.0 };
            lines.push(Observation::Served(ServedSeen {
                slot: Slot(slot),
                client: format!("vc-{n}"),
                beacon: format!("b{n}"),
                step: ServedStep::Publish,
                n: 10,
                failed: 0,
                after_due_ms: Some(MsSpread { p50: ms, max: ms }),
            }));
        }
    }
    let block = if wrong.block { BlockSeen::Late } else { BlockSeen::OnTime };
    lines.push(Observation::Slot(SlotSeen {
        slot: Slot(slot),
        block,
        proposer: None,
        began: None,
        participation: Some(0.99),
    }));
    lines
}

/// Duties of two slots before, each client's ten.
fn duties(as_of: u64, wrong: Wrong) -> Vec<Observation> {
    let line = |n: u64| {
        let silent = wrong.silent.contains(&n);
        let missed = if silent || wrong.hung.contains(&n) { 10 } else { 0 };
        Observation::Duties(DutiesSeen {
            slot: Slot(as_of - 2),
            as_of: Slot(as_of),
            client: format!("vc-{n}"),
            beacon: (!silent).then(|| format!("b{n}")),
            due: 10,
            missed,
            late: 0,
            wrong_head: if wrong.block { 10 - missed } else { 0 },
        })
    };
    (0..4).map(line).collect()
}

/// All changes of a recording of which `wrong` says what is wrong when.
fn play(slots: u64, wrong: impl Fn(u64) -> Wrong) -> Vec<Change> {
    play_on(slots, wrong, |_| None)
}

/// The same, with what a check of host h0 says in each slot.
fn play_on(
    slots: u64,
    wrong: impl Fn(u64) -> Wrong,
    found: impl Fn(u64) -> Option<(&'static str, HostLevel)>,
) -> Vec<Change> {
    let mut engine = Incidents::default();
    let mut changes = engine.observe(&fleet());
    for now in 100..100 + slots {
        let mut lines = slot(now, wrong(now));
        lines.extend(duties(now, wrong(now - 2)));
        lines.extend(found(now).map(|(check, level)| {
            let (host, value) = ("h0".to_owned(), "so much".to_owned());
            Observation::Host(HostSeen { slot: Slot(now), host, check: check.to_owned(), level, value })
        }));
        changes.extend(lines.iter().flat_map(|line| engine.observe(line)));
    }
    changes.extend(engine.ended());
    changes
}

fn named(change: &Change) -> (Kind, &str) {
    (change.culprits[0].kind.clone(), &change.culprits[0].name)
}

#[test]
fn a_hung_beacon_has_its_incident_within_a_slot_and_it_ends() {
    let changes = play(80, |now| Wrong {
        hung: if (130..150).contains(&now) { &[2] } else { &[] },
        ..Wrong::default()
    });
    let opened: Vec<&Change> = changes.iter().filter(|change| change.event == Event::Opened).collect();
    assert_eq!(opened.len(), 1, "{changes:#?}");
    assert_eq!(named(opened[0]), (Kind::Beacon, "b2"));
    assert!(opened[0].slot <= 131, "{opened:?}");
    assert!(!opened[0].evidence.is_empty() && opened[0].confidence > 0.5);
    let last = changes.last().unwrap();
    assert_eq!((last.event, last.id, named(last)), (Event::Resolved, opened[0].id, (Kind::Beacon, "b2")));
    assert!((151..=165).contains(&last.slot), "{last:?}");
}

#[test]
fn all_beacons_of_a_host_are_the_host() {
    let changes = play(80, |now| Wrong {
        hung: if (130..150).contains(&now) { &[2, 3] } else { &[] },
        ..Wrong::default()
    });
    let last = changes.iter().rev().find(|change| change.event != Event::Resolved).unwrap();
    assert_eq!(named(last), (Kind::Host, "h1"), "{changes:#?}");
    assert!(changes.iter().all(|change| change.id == 1), "one incident: {changes:#?}");
}

#[test]
fn a_client_that_asks_nobody_is_blamed_itself() {
    let changes = play(80, |now| Wrong {
        silent: if (130..150).contains(&now) { &[1] } else { &[] },
        ..Wrong::default()
    });
    let opened: Vec<&Change> = changes.iter().filter(|change| change.event == Event::Opened).collect();
    assert_eq!(opened.len(), 1, "{changes:#?}");
    assert_eq!(named(opened[0]), (Kind::Client, "vc-1"));
    assert_eq!(opened[0].cause, "does not ask for its duties");
    assert!(opened[0].slot <= 136, "{opened:?}");
}

#[test]
fn what_turns_out_to_be_part_of_an_incident_is_none_of_its_own() {
    let changes = play(80, |now| Wrong {
        late: match now {
            130..134 => &[0],
            134..150 => &[0, 2],
            _ => &[],
        },
        ..Wrong::default()
    });
    let mut last = std::collections::BTreeMap::new();
    for change in &changes {
        last.insert(change.id, change);
    }
    assert!(!last.is_empty(), "{changes:#?}");
    for change in last.values() {
        assert_eq!((change.event, named(change)), (Event::Resolved, (Kind::Signer, "s0")), "{changes:#?}");
        assert_eq!(change.cause, "signs late");
    }
}

#[test]
fn the_same_recording_says_the_same() {
    // Every map of an engine has a hash seed of its own.
    let wrong = |now: u64| Wrong {
        hung: if (130..150).contains(&now) { &[2, 3] } else { &[] },
        silent: if (140..160).contains(&now) { &[1] } else { &[] },
        late: if now.is_multiple_of(3) { &[0] } else { &[] },
        block: now % 40 == 7,
    };
    let first = play(100, wrong);
    assert!(!first.is_empty());
    for _ in 0..8 {
        assert_eq!(play(100, wrong), first);
    }
}

#[test]
fn a_calm_hour_and_a_late_block_blame_nobody() {
    let changes = play(300, |now| Wrong { block: now % 40 == 7, ..Wrong::default() });
    assert!(changes.is_empty(), "{changes:#?}");
}

#[test]
fn a_storm_of_late_blocks_is_the_networks() {
    let changes = play(120, |now| Wrong { block: (150..170).contains(&now), ..Wrong::default() });
    assert!(changes.iter().all(|change| named(change).0 == Kind::Network), "{changes:#?}");
    assert_eq!(changes.iter().filter(|change| change.event == Event::Opened).count(), 1, "{changes:#?}");
}

#[test]
fn a_later_line_about_the_same_duties_replaces_the_first() {
    let mut engine = Incidents::default();
    engine.observe(&fleet());
    let mut changes = Vec::new();
    for now in 100..160 {
        let missed = Wrong { hung: &[1], ..Wrong::default() };
        let lines = slot(now, Wrong::default());
        // Told too early, each is put right in the same slot.
        let early = duties(now, missed);
        let right = duties(now, Wrong::default());
        changes.extend(lines.iter().chain(&early).chain(&right).flat_map(|line| engine.observe(line)));
    }
    assert!(changes.is_empty(), "{changes:#?}");
}

/// What b2 shows: nothing is wrong, its probes are not answered, or its answers take long.
fn ill(now: u64, gone: bool, slow: bool) -> Vec<Observation> {
    let mut lines = slot(now, Wrong::default());
    lines.retain(|line| !matches!(line, Observation::Served(seen) if seen.beacon == "b2" && gone));
    for line in &mut lines {
        match line {
            Observation::Probe(probe) if probe.beacon == "b2" && gone => {
                (probe.reachable, probe.head_lag, probe.latency_ms) = (false, None, None);
            }
            Observation::Probe(probe) if probe.beacon == "b2" && slow => probe.latency_ms = Some(1_500.0),
            Observation::Served(seen) if seen.beacon == "b2" && slow && seen.step == ServedStep::Data => {
                seen.after_due_ms = Some(MsSpread { p50: 1_800.0, max: 2_000.0 });
            }
            _ => {}
        }
    }
    lines
}

#[test]
fn a_cause_stays_unless_another_has_been_the_better_one_for_slots() {
    let mut engine = Incidents::default();
    let mut changes = engine.observe(&fleet());
    for now in 100..240 {
        let (gone, slow) = match now {
            // Pauses of the whole process: one slot shows them as this, the next as that.
            130..180 => (now / 2 % 2 == 0, now / 2 % 2 == 1),
            180..192 => (true, false),
            192..210 => (false, true),
            _ => (false, false),
        };
        let mut lines = ill(now, gone, slow);
        lines.extend(duties(now, Wrong::default()));
        changes.extend(lines.iter().flat_map(|line| engine.observe(line)));
    }
    changes.extend(engine.ended());
    assert!(
        changes.iter().all(|change| change.id == 1 && named(change) == (Kind::Beacon, "b2")),
        "{changes:#?}"
    );
    let causes = |from: u64, to: u64| {
        let told = changes.iter().filter(|change| (from..to).contains(&change.slot));
        let mut causes: Vec<&str> = told.map(|change| change.cause.as_str()).collect();
        causes.dedup();
        causes
    };
    assert!((1..=2).contains(&causes(130, 180).len()), "{:?}", causes(130, 180));
    assert_eq!(causes(100, 193).last(), Some(&"cannot be reached"), "{changes:#?}");
    assert_eq!(causes(193, 240), ["answers slowly"], "{changes:#?}");
}

/// What an excluded beacon said to reads that were repeated at it.
fn shadow(now: u64, failed: u32, wrong_head: u32) -> Observation {
    Observation::Shadow(ShadowSeen {
        slot: Slot(now - 2),
        as_of: Slot(now),
        beacon: "b2".to_owned(),
        n: 6,
        failed,
        heads: 6 - failed,
        wrong_head,
        took_ms: (failed < 6).then_some(MsSpread { p50: 20.0, max: 40.0 }),
    })
}

#[test]
fn what_an_excluded_beacon_fails_keeps_its_incident_and_it_ends_when_shadow_reads_are_well() {
    for (failed, wrong_head) in [(6, 0), (0, 6)] {
        let mut engine = Incidents::default();
        let mut changes = engine.observe(&fleet());
        for now in 100..220 {
            // It hangs, is routed around, and answers its probes again; reads that are repeated at it go wrong for long.
            let hung: &[u64] = if (130..134).contains(&now) { &[2] } else { &[] };
            let mut lines = slot(now, Wrong { hung, ..Wrong::default() });
            if (134..200).contains(&now) {
                lines.retain(|line| !matches!(line, Observation::Served(seen) if seen.beacon == "b2"));
                let wrong = if now < 172 { (failed, wrong_head) } else { (0, 0) };
                lines.push(shadow(now, wrong.0, wrong.1));
            }
            lines.extend(duties(now, Wrong::default()));
            changes.extend(lines.iter().flat_map(|line| engine.observe(line)));
        }
        changes.extend(engine.ended());
        assert!(changes.iter().all(|change| named(change) == (Kind::Beacon, "b2")), "{changes:#?}");
        let ends: Vec<u64> = changes
            .iter()
            .filter(|change| change.event == Event::Resolved)
            .map(|change| change.slot)
            .collect();
        assert!(matches!(ends[..], [end] if (172..205).contains(&end)), "{ends:?} {changes:#?}");
    }
}

#[test]
fn what_is_printed_is_as_described() {
    let changes = play(40, |now| Wrong { hung: if now >= 130 { &[0] } else { &[] }, ..Wrong::default() });
    let line = serde_json::to_value(&changes[0]).unwrap();
    assert_eq!(line["event"], "opened");
    assert_eq!(line["culprits"], serde_json::json!([{"kind": "beacon", "name": "b0"}]));
    for key in ["slot", "id", "cause", "confidence", "validators", "evidence", "ambiguous-with"] {
        assert!(line.get(key).is_some(), "{key}: {line}");
    }
}

#[test]
fn a_clock_that_is_bad_alone_is_one_incident_from_its_finding_to_its_end() {
    let wrong = |now: u64| match now {
        112..118 => Wrong { hung: &[0, 1], ..Wrong::default() },
        _ => Wrong::default(),
    };
    let found = |now: u64| (106..150).contains(&now).then_some(("time.offset", HostLevel::Bad));
    let changes = play_on(90, wrong, found);
    assert!(changes.iter().all(|change| change.id == 1), "{changes:#?}");
    let said: Vec<(u64, Event)> = changes.iter().map(|change| (change.slot, change.event)).collect();
    assert_eq!(said.first(), Some(&(106, Event::Opened)), "{said:?}");
    assert_eq!(said.last().map(|last| last.1), Some(Event::Resolved), "{said:?}");
    let ended = said.last().unwrap().0;
    assert!((150..=154).contains(&ended), "with its finding: {said:?}");
    assert_eq!(said.iter().filter(|(_, event)| *event != Event::Changed).count(), 2, "{said:?}");
    for change in &changes {
        assert_eq!((&change.culprits[0].kind, change.culprits[0].name.as_str()), (&Kind::Host, "h0"));
        assert!(
            change.evidence.iter().any(|line| line.starts_with("host h0: time.offset is bad")),
            "{change:?}"
        );
    }
    let symptoms = |change: &Change| change.evidence.len() > 1;
    assert!(changes.iter().any(symptoms) && !symptoms(changes.last().unwrap()), "{changes:#?}");
}

#[test]
fn a_beacon_is_blamed_beside_a_host_whose_disk_is_full() {
    let wrong = |now: u64| match now {
        112..130 => Wrong { hung: &[3], ..Wrong::default() },
        _ => Wrong::default(),
    };
    let found = |now: u64| (106..130).contains(&now).then_some(("disk.free", HostLevel::Bad));
    let changes = play_on(90, wrong, found);
    let opened: Vec<String> = changes
        .iter()
        .filter(|change| change.event == Event::Opened)
        .map(|change| change.culprits[0].to_string())
        .collect();
    assert_eq!(opened, ["host h0", "beacon b3"], "{changes:#?}");
}

#[test]
fn what_is_found_after_a_beacon_was_blamed_is_told() {
    let wrong = |now: u64| match now {
        106..130 => Wrong { hung: &[0], ..Wrong::default() },
        _ => Wrong::default(),
    };
    let found = |now: u64| (116..130).contains(&now).then_some(("mem.psi", HostLevel::Bad));
    let changes = play_on(60, wrong, found);
    let of_beacon = changes.iter().filter(|change| change.culprits[0].kind == Kind::Beacon);
    let told = of_beacon.filter(|change| change.evidence.iter().any(|line| line.contains("mem.psi is bad")));
    assert!(told.count() >= 1, "{changes:#?}");
    let hosts = changes.iter().filter(|change| change.culprits[0].kind == Kind::Host).count();
    assert_eq!(hosts, 0, "it opens none of its own: {changes:#?}");
}
