//! Owns whom the router blamed, against what was really done: each fault of a beacon or a client is one incident that names it
//! and ends after it, and there is no other.

use std::fmt::Write;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::clock::first_slot;
use super::fault::Fault;
use super::run::{Outcome, Run};

/// Slots from the one at whose start a beacon is struck to the one at whose end it is named.
const NAMED_WITHIN: u64 = 2;
/// Slots for which connections that are cut go on: what was under way when they were cut still arrives, and so long the
/// beacon has every head in time and all its peers. Nothing there is to see tells of the cut before.
const CUT_OFF: u64 = 2;
/// Slots until a stopped client is named: the chain tells of a duty two slots later, says nothing of slots whose block is
/// missing, as the stopped client's are, and what one slot lacks is not enough.
const BY_CHAIN: u64 = 15;
/// Slots after which an incident that shows nothing any more has ended, and some until its last sign is told.
const OVER_WITHIN: u64 = 34;
/// Slots after a stage in which what it did may still be told: the chain's verdicts come slots later, and what is over
/// has to stay away for a while.
const ECHO: u64 = 6;

/// A fault, as an incident names it.
struct Struck {
    /// In a few words.
    what: String,
    culprit: String,
    /// Slots from the fault to the name.
    within: u64,
    /// Whether it must be named: a beacon that hangs and is drained by keys may be out by order before its slot is over.
    must: bool,
    from: u64,
    to: u64,
}

fn struck(run: &Run) -> Vec<Struck> {
    run.outcomes.iter().filter_map(struck_by).collect()
}

fn struck_by(outcome: &Outcome) -> Option<Struck> {
    let fault = outcome.stage.fault.filter(|_| outcome.done.skipped.is_none())?;
    let (kind, within) = match fault {
        Fault::Hang | Fault::HangAndKeys | Fault::Kill | Fault::GcPauses => ("beacon", NAMED_WITHIN),
        Fault::NoPeers => ("beacon", NAMED_WITHIN + CUT_OFF),
        Fault::ClientStop => ("client", BY_CHAIN),
        _ => return None,
    };
    let whom = fault.whom(outcome.stage.beacon);
    let last = outcome.after.last().or(outcome.during.last())?;
    Some(Struck {
        what: format!("{} at {whom}", fault.word()),
        culprit: format!("{kind} {whom}"),
        within,
        must: fault != Fault::HangAndKeys,
        from: first_slot(outcome.during.first()?.epoch),
        to: first_slot(last.epoch + 1),
    })
}

fn names(incident: &Value) -> Vec<String> {
    let culprits = incident["culprits"].as_array().into_iter().flatten();
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    culprits.map(|culprit| format!("{} {}", word(&culprit["kind"]), word(&culprit["name"]))).collect()
}

fn is_named(incident: &Value, of: &Struck) -> bool {
    names(incident) == [of.culprit.as_str()]
}

/// Whether it began while that which is struck was, or so soon after it that it is its doing.
fn is_of(incident: &Value, of: &Struck) -> bool {
    let slot = incident["slot"].as_u64().unwrap_or_default();
    (of.from..of.to + ECHO).contains(&slot) && is_named(incident, of)
}

/// A line an incident, and when what it names was struck.
pub fn report(run: &Run) -> String {
    let mut text = String::from("whom the router blamed:\n");
    let struck = struck(run);
    for incident in &run.incidents {
        let slot = incident["slot"].as_u64().unwrap_or_default();
        let of = struck.iter().find(|of| is_of(incident, of));
        let after = of.map_or_else(String::new, |of| format!(", {} slots after {}", slot - of.from, of.what));
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

/// The incidents that name what was struck, from then on.
fn named<'a>(run: &'a Run, of: &Struck) -> Vec<&'a Value> {
    run.incidents.iter().filter(|incident| is_of(incident, of)).collect()
}

/// Fails unless the incident of each fault that is over for long has ended.
pub fn all_over(run: &Run) -> Result<()> {
    let last = run.outcomes.last().and_then(|outcome| outcome.after.last().or(outcome.during.last()));
    let end = last.map_or(0, |epoch| first_slot(epoch.epoch + 1));
    for of in struck(run).iter().filter(|of| of.to + OVER_WITHIN <= end) {
        let over = named(run, of).iter().all(|incident| incident["state"] == "resolved");
        ensure!(over, "{}: its incident goes on after it is healed\n{}", of.what, report(run));
    }
    Ok(())
}

/// Fails unless each fault is one incident that names who was struck in time, with so many slots of grace, and nobody else is
/// blamed.
pub fn judge(run: &Run, grace: u64) -> Result<()> {
    let struck = struck(run);
    for of in &struck {
        let all = named(run, of);
        if !of.must {
            continue;
        }
        ensure!(all.len() == 1, "{}: {} incidents name it\n{}", of.what, all.len(), report(run));
        let took = all[0]["slot"].as_u64().unwrap_or_default() - of.from;
        ensure!(took <= of.within + grace, "{} was named after {took} slots\n{}", of.what, report(run));
    }
    for incident in &run.incidents {
        let known = struck.iter().any(|of| is_of(incident, of));
        ensure!(known, "#{} blames who was not struck\n{}", incident["id"], report(run));
    }
    Ok(())
}
