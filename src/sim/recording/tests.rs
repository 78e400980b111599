//! What recordings of scenarios must tell, whoever reads them.

use std::collections::BTreeMap;

use super::{FIRST_SLOT, Recording};
use crate::model::{DutiesSeen, Observation, ServedStep};
use crate::sim::scenario::{Scenario, scenario};

fn parse(text: &str) -> Scenario {
    Scenario::parse("x", &format!("story: s\n{text}")).unwrap()
}

fn of(text: &str) -> Vec<Observation> {
    Recording::new(&parse(text), 0).collect()
}

/// Due, missed, late and wrong head of the last word on each path, where it is in `slots` and `is` says so.
fn sums(
    lines: &[Observation],
    slots: std::ops::Range<u64>,
    is: impl Fn(&DutiesSeen) -> bool,
) -> (u32, u32, u32, u32) {
    let mut last = BTreeMap::new();
    for line in lines {
        if let Observation::Duties(seen) = line {
            last.insert((seen.slot, seen.client.clone(), seen.beacon.clone()), seen);
        }
    }
    let of_slot = |seen: &DutiesSeen| slots.contains(&(seen.slot.0 - FIRST_SLOT.0));
    last.into_values().filter(|seen| of_slot(seen) && is(seen)).fold((0, 0, 0, 0), |sum, seen| {
        (sum.0 + seen.due, sum.1 + seen.missed, sum.2 + seen.late, sum.3 + seen.wrong_head)
    })
}

fn at(beacon: &str) -> impl Fn(&DutiesSeen) -> bool + '_ {
    move |seen| seen.beacon.as_deref() == Some(beacon)
}

#[test]
fn equal_scenarios_give_equal_lines_and_another_seed_others() {
    let scenario = scenario("beacon-drop").unwrap().unwrap();
    let lines = |seed| Recording::new(&scenario, seed).collect::<Vec<_>>();
    assert_eq!(lines(0), lines(0));
    assert_ne!(lines(0), lines(1));
}

#[test]
fn a_fault_changes_nothing_before_it_and_nothing_it_does_not_touch() {
    let scenario = scenario("client-lose").unwrap().unwrap();
    let with: Vec<_> = Recording::new(&scenario, 0).collect();
    let without: Vec<_> = Recording::new(&scenario.without(&scenario.faults[0].at, 0), 0).collect();
    let fault = scenario.faults[0].slot;
    let other = |seen: &DutiesSeen| seen.client != "vc-7";
    assert_eq!(sums(&with, 0..80, other), sums(&without, 0..80, other));
    let same = with.iter().zip(&without).take_while(|(a, b)| a == b).count();
    let Observation::Served(first) = &with[same] else { panic!("{:?}", with[same]) };
    assert_eq!(first.slot.0, FIRST_SLOT.0 + fault);
}

#[test]
fn a_calm_fleet_misses_about_as_much_as_the_network() {
    let lines = of("slots: 200\nnetwork: { base: 0.02, late-blocks: 0, missed-blocks: 0 }");
    let (due, missed, late, wrong) = sums(&lines, 0..180, |_| true);
    let share = |count: u32| f64::from(count) / f64::from(due);
    assert!((0.005..0.04).contains(&share(missed)) && share(late) < 0.04, "{missed} {late} of {due}");
    assert!(share(wrong) < 0.02, "{wrong} of {due}");
    let participation: Vec<f64> = lines
        .iter()
        .filter_map(|line| if let Observation::Slot(seen) = line { seen.participation } else { None })
        .collect();
    assert_eq!(participation.len(), 200);
    assert!(participation.iter().all(|share| (0.9..1.0).contains(share)));
}

#[test]
fn a_late_block_gives_everybody_the_wrong_head() {
    let lines = of("slots: 40\nfaults: [{ slot: 16, until: 32, at: network, fault: { late-blocks: 1.0 } }]");
    let (due, _, _, wrong) = sums(&lines, 16..32, |_| true);
    assert!(wrong * 10 > due * 7, "{wrong} of {due}");
    let (due, _, _, wrong) = sums(&lines, 0..16, |_| true);
    assert!(wrong * 10 < due * 2, "{wrong} of {due}");
}

#[test]
fn a_hung_beacon_costs_its_clients_everything_unless_they_are_routed() {
    let text = |routed: bool| {
        format!(
            "fleet: {{ routed: {routed} }}\nfaults: [{{ slot: 24, until: 56, at: {{ beacon: beacon-3 }}, fault: hang }}]"
        )
    };
    let alone = of(&text(false));
    let (due, missed, ..) = sums(&alone, 24..56, at("beacon-3"));
    assert!(due > 100 && missed == due, "{missed} of {due}");
    let routed = of(&text(true));
    let (due, missed, ..) = sums(&routed, 24..56, |_| true);
    assert!(missed * 20 < due, "{missed} of {due}");
    let failed: u32 = routed
        .iter()
        .filter_map(|line| match line {
            Observation::Served(seen) if seen.beacon == "beacon-3" => Some(seen.failed),
            _ => None,
        })
        .sum();
    let silent =
        routed.iter().filter(|line| matches!(line, Observation::Probe(seen) if !seen.reachable)).count();
    assert!(failed > 0 && (32..36).contains(&silent), "{failed} {silent}");
}

#[test]
fn slow_imports_give_wrong_heads_and_slow_answers_late_publications() {
    let slow = |fault: &str| {
        of(&format!("faults: [{{ slot: 24, until: 56, at: {{ beacon: beacon-3 }}, fault: {fault} }}]"))
    };
    let (due, _, _, wrong) = sums(&slow("{ slow-import: 4500 }"), 24..56, at("beacon-3"));
    assert!(wrong * 10 > due * 8, "{wrong} of {due}");
    let lines = slow("{ slow: 2500 }");
    let (_, missed, late, _) = sums(&lines, 24..56, at("beacon-3"));
    assert!(missed + late > 20, "{missed} {late}");
    let late = lines.iter().filter(|line| {
        matches!(line, Observation::Served(seen) if seen.beacon == "beacon-3" && seen.step == ServedStep::Publish
            && seen.after_due_ms.is_some_and(|times| times.p50 > 1_500.0))
    });
    assert!(late.count() > 20);
}

#[test]
fn a_stopped_client_has_duties_and_no_path() {
    let lines = of("faults: [{ slot: 24, until: 56, at: { client: vc-7 }, fault: stop }]");
    let (due, missed, ..) = sums(&lines, 24..56, |seen| seen.client == "vc-7");
    let (of_none, ..) = sums(&lines, 24..56, |seen| seen.client == "vc-7" && seen.beacon.is_none());
    assert!(due > 50 && missed == due && of_none == due, "{of_none} {missed} {due}");
}

#[test]
fn paths_are_hidden_as_often_as_said() {
    let lines = of("fleet: { unknown-paths: 0.2 }");
    let (all, ..) = sums(&lines, 0..70, |_| true);
    let (hidden, ..) = sums(&lines, 0..70, |seen| seen.beacon.is_none());
    let share = f64::from(hidden) / f64::from(all);
    assert!((0.15..0.25).contains(&share), "{share}");
}
