//! The corpus of scenarios, scored: who is blamed, how soon, and whether anybody is blamed who is not to blame.
//!
//! Each scenario is recorded from its causes (`sim::Recording`) and replayed by `beacondeck replay --json`, as a person
//! would. Seeds are fixed; with `BEACONDECK_FRESH_SEEDS=N` the corpus is run with N fresh seeds besides, which are
//! printed, and with `BEACONDECK_SEED=S` with that seed alone.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that prints a table")]

#[path = "incidents/evidence.rs"]
mod evidence;
#[path = "incidents/score.rs"]
mod score;

use beacondeck::model::Observation;
use beacondeck::sim::{FIRST_SLOT, Recording, Scenario, scenarios};

/// The recording, and for each expected incident the slot it could first be known in: its own faults alone count.
fn recorded(scenario: &Scenario, seed: u64) -> (Vec<Observation>, Vec<Option<u64>>) {
    let with: Vec<Observation> = Recording::new(scenario, seed).collect();
    let evidence = scenario.expect.iter().map(|expected| {
        let calm = scenario.without(&expected.at, expected.from.unwrap_or(0));
        let without: Vec<Observation> = Recording::new(&calm, seed).collect();
        evidence::first(&with, &without)
    });
    let evidence = evidence.collect();
    (with, evidence)
}

#[test]
fn every_fault_of_the_corpus_can_be_known_by_what_is_seen() {
    let mut silent = Vec::new();
    for scenario in scenarios().unwrap().iter().filter(|scenario| scenario.fleet.beacons < 50) {
        let (_, evidence) = recorded(scenario, 0);
        for (expected, first) in scenario.expect.iter().zip(&evidence) {
            let own = scenario.faults.iter().filter(|fault| fault.at == expected.at);
            let onset = own.map(|fault| fault.slot).min().unwrap_or(0);
            let from = FIRST_SLOT.0 + expected.from.unwrap_or(onset);
            println!(
                "{:<24} {:<20} {:?}",
                scenario.name,
                expected.at.to_string(),
                first.map(|slot| slot - from)
            );
            // The weak ones show by the sum of slots.
            if first.is_none_or(|slot| slot > from + 12) {
                silent.push(format!("{}: {} shows at {first:?}", scenario.name, expected.at));
            }
        }
    }
    assert!(silent.is_empty(), "\n{}", silent.join("\n"));
}
