//! Owns the table that tells what each fault has cost. Never judges.

use std::fmt::Write;

use serde_json::Value;

use super::clock::first_slot;
use super::fault::Fault;
use super::reads::Reads;
use super::run::{Outcome, Run};
use super::truth::EpochTruth;

/// One table of all outcomes of a run, its control's row among them.
pub fn table(title: &str, run: &Run) -> String {
    let mut text = format!("\n{title}; finalized epoch {} to {}\n", run.finalized.start, run.finalized.end);
    let _ = writeln!(
        text,
        "{:<13} {:<6} {:>7} {:>5} {:>7} {:>11} {:>11} {:>12} {:>12}  missed by client",
        "fault", "whom", "epochs", "due", "missed", "not timely", "wrong head", "empty slots", "reads a slot"
    );
    for outcome in &run.outcomes {
        rows(&mut text, outcome, &run.reads);
    }
    let ledger = &run.ledger;
    let (same, all) = (ledger.attestations - ledger.differences.len(), ledger.attestations);
    let _ = writeln!(text, "the ledger says the same as the chain of {same} of {all} attestations");
    for seeded in &run.seeded {
        let _ = writeln!(text, "{seeded}");
    }
    for outcome in run.outcomes.iter().filter(|outcome| !outcome.done.notes.is_empty()) {
        let _ = writeln!(text, "{}:\n{}", word(outcome), outcome.done.notes.join("\n"));
    }
    text
}

fn word(outcome: &Outcome) -> &'static str {
    outcome.stage.fault.map_or("control", Fault::word)
}

fn rows(text: &mut String, outcome: &Outcome, reads: &Reads) {
    let stage = outcome.stage;
    let word = word(outcome);
    let whom = stage.fault.map_or_else(|| "-".to_owned(), |fault| fault.whom(stage.beacon));
    if let Some(why) = &outcome.done.skipped {
        let _ = writeln!(text, "{word:<13} {whom:<6} skipped: {why}");
        return;
    }
    row(text, word, &whom, &outcome.during, reads);
    row(text, "  after it", &whom, &outcome.after, reads);
}

fn row(text: &mut String, word: &str, whom: &str, epochs: &[EpochTruth], reads: &Reads) {
    let (Some(first), Some(last)) = (epochs.first(), epochs.last()) else { return };
    let sum = |count: fn(&EpochTruth) -> usize| epochs.iter().map(count).sum::<usize>();
    let by_client = (0..first.missed_by_client.len())
        .map(|i| epochs.iter().map(|epoch| epoch.missed_by_client[i]).sum::<usize>().to_string());
    let _ = writeln!(
        text,
        "{word:<13} {whom:<6} {:>7} {:>5} {:>7} {:>11} {:>11} {:>12} {:>12}  {}",
        format!("{}-{}", first.epoch, last.epoch),
        sum(|epoch| epoch.due),
        sum(|epoch| epoch.missed),
        sum(EpochTruth::not_timely),
        sum(|epoch| epoch.wrong_head),
        sum(|epoch| epoch.empty.len()),
        // Of attestation data, at all beacons together: on average and at most.
        reads
            .over(first.epoch..last.epoch + 1)
            .map_or_else(|| "-".to_owned(), |reads| format!("{:.1}, most {}", reads.mean, reads.most)),
        by_client.collect::<Vec<_>>().join(" ")
    );
}

/// Most lines of [`trail`] for one epoch; a whole network gone says nothing of single requests.
const TRAIL: usize = 40;

/// What the router tells of the requests behind attestations that lack a flag: where the data came from, where they went.
pub fn trail(run: &Run) -> String {
    let mut text = String::new();
    let epochs = run.outcomes.iter().flat_map(|outcome| outcome.during.iter().chain(&outcome.after));
    for epoch in epochs.filter(|epoch| !epoch.lacking.is_empty()) {
        let slots = first_slot(epoch.epoch)..first_slot(epoch.epoch + 1);
        let within = |told: &&Value| told["slot"].as_u64().is_some_and(|slot| slots.contains(&slot));
        let told: Vec<&Value> = run.explained.iter().filter(within).collect();
        let signed = |told: &&&Value| {
            // An aggregate names who aggregated, not who attested.
            let attested = told["publication"]["kind"] == "attestations";
            let sample = told["publication"]["sample"].as_array().filter(|_| attested);
            sample.is_some_and(|all| all.iter().any(|one| epoch.lacking.iter().any(|index| one == *index)))
        };
        let affected: Vec<&Value> = told.iter().filter(signed).map(|told| &told["slot"]).collect();
        let _ = writeln!(text, "epoch {}: {:?} lack a flag", epoch.epoch, epoch.lacking);
        let steps = told.iter().filter(|told| {
            let endpoint = told["endpoint"].as_str().unwrap_or_default();
            affected.contains(&&told["slot"])
                && (endpoint.contains("ttestation") || endpoint.contains("lock"))
        });
        for told in steps.take(TRAIL) {
            let _ = writeln!(text, "  {told}");
        }
    }
    text
}
