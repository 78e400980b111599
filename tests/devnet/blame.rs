//! Owns whom the router blamed, against what was really done: each fault of a beacon is one incident that names it, and there
//! is no other.

use std::fmt::Write;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::clock::first_slot;
use super::fault::Fault;
use super::run::{Outcome, Run};

/// Slots from the one in which a beacon is struck to the one at whose end it is named: two, and the one that is told at its end.
const NAMED_WITHIN: u64 = 3;
/// Slots for which connections that are cut go on: the beacon follows the head so long.
const CUT_OFF: u64 = 5;
/// Slots for which enough probes may fall between pauses.
const BETWEEN: u64 = 3;
/// Slots after a stage in which what it did may still be told: the chain's verdicts come slots later, and what is over
/// has to stay away for a while.
const ECHO: u64 = 6;

/// A beacon's fault, as an incident must name it. One that hangs and is drained by keys is out by order before its slot is over.
struct Struck<'a> {
    outcome: &'a Outcome,
    beacon: String,
    from: u64,
    to: u64,
}

fn struck(run: &Run) -> Vec<Struck<'_>> {
    let one = |outcome: &'_ Outcome| {
        let shows =
            matches!(outcome.stage.fault?, Fault::Hang | Fault::GcPauses | Fault::Kill | Fault::NoPeers);
        let last = outcome.after.last().or(outcome.during.last())?;
        let (from, to) = (first_slot(outcome.during.first()?.epoch), first_slot(last.epoch + 1));
        let beacon = format!("b{}", outcome.stage.beacon + 1);
        shows.then_some((beacon, from, to))
    };
    let struck = |outcome| one(outcome).map(|(beacon, from, to)| Struck { outcome, beacon, from, to });
    run.outcomes.iter().filter_map(struck).collect()
}

fn names(incident: &Value) -> Vec<String> {
    let culprits = incident["culprits"].as_array().into_iter().flatten();
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    culprits.map(|culprit| format!("{} {}", word(&culprit["kind"]), word(&culprit["name"]))).collect()
}

fn is_named(incident: &Value, of: &Struck<'_>) -> bool {
    names(incident) == [format!("beacon {}", of.beacon)]
}

/// A line an incident, and when its beacon was struck.
pub fn report(run: &Run) -> String {
    let mut text = String::from("whom the router blamed:\n");
    let struck = struck(run);
    for incident in &run.incidents {
        let slot = incident["slot"].as_u64().unwrap_or_default();
        let is_of = |of: &&Struck<'_>| (of.from..of.to + ECHO).contains(&slot) && is_named(incident, of);
        let of = struck.iter().find(is_of);
        let after = of.map_or_else(String::new, |of| {
            format!(
                ", {} slots after {} at {}",
                slot - of.from,
                of.outcome.stage.fault.map_or("", Fault::word),
                of.beacon
            )
        });
        let _ = writeln!(
            text,
            "  #{} slot {slot}: {}: {} ({}, {}){after}",
            incident["id"],
            names(incident).join(" and "),
            incident["cause"].as_str().unwrap_or("?"),
            incident["state"].as_str().unwrap_or("?"),
            incident["severity"].as_str().unwrap_or("?"),
        );
    }
    text
}

/// The slots in which incidents began that name a beacon that was struck, from then on.
fn named(run: &Run, of: &Struck<'_>) -> Vec<u64> {
    let blamed = run.incidents.iter().filter(|incident| is_named(incident, of));
    let slots = blamed.filter_map(|incident| incident["slot"].as_u64());
    slots.filter(|slot| (of.from..of.to + ECHO).contains(slot)).collect()
}

/// Fails unless each fault is an incident that names its beacon: all that can be demanded of a machine that is busy itself.
pub fn all_named(run: &Run) -> Result<()> {
    for of in struck(run) {
        let what = of.outcome.stage.fault.map_or("", Fault::word);
        ensure!(
            !named(run, &of).is_empty(),
            "{what} at {}: no incident names it\n{}",
            of.beacon,
            report(run)
        );
    }
    Ok(())
}

/// Fails unless each fault is one incident that names its beacon in time, and nobody else is blamed.
pub fn judge(run: &Run) -> Result<()> {
    let struck = struck(run);
    for of in &struck {
        let slots = named(run, of);
        let what = of.outcome.stage.fault.map_or("", Fault::word);
        ensure!(
            slots.len() == 1,
            "{what} at {}: {} incidents name it\n{}",
            of.beacon,
            slots.len(),
            report(run)
        );
        let took = slots[0] - of.from;
        let within = NAMED_WITHIN
            + match of.outcome.stage.fault {
                Some(Fault::NoPeers) => CUT_OFF,
                Some(Fault::GcPauses) => BETWEEN,
                _ => 0,
            };
        ensure!(took <= within, "{what} at {} was named after {took} slots\n{}", of.beacon, report(run));
    }
    for incident in &run.incidents {
        let slot = incident["slot"].as_u64().unwrap_or_default();
        let known = struck.iter().any(|of| (of.from..of.to + ECHO).contains(&slot) && is_named(incident, of));
        ensure!(known, "#{} blames who was not struck\n{}", incident["id"], report(run));
    }
    Ok(())
}
