//! Owns the table that tells what each fault has cost. Never judges.

use std::fmt::Write;

use super::run::{Outcome, Run};
use super::truth::EpochTruth;

/// One table of all outcomes of a run, its control's row among them.
pub fn table(title: &str, run: &Run) -> String {
    let mut text = format!("\n{title}; finalized epoch {} to {}\n", run.finalized.start, run.finalized.end);
    let _ = writeln!(
        text,
        "{:<12} {:<6} {:>7} {:>5} {:>7} {:>11} {:>11} {:>12}  missed by client",
        "fault", "beacon", "epochs", "due", "missed", "not timely", "wrong head", "empty slots"
    );
    for outcome in &run.outcomes {
        rows(&mut text, outcome);
    }
    text
}

fn rows(text: &mut String, outcome: &Outcome) {
    let stage = outcome.stage;
    let word = stage.fault.map_or("control", super::fault::Fault::word);
    let beacon = stage.fault.map_or_else(|| "-".to_owned(), |_| format!("b{}", stage.beacon + 1));
    if let Some(why) = &outcome.skipped {
        let _ = writeln!(text, "{word:<12} {beacon:<6} skipped: {why}");
        return;
    }
    row(text, word, &beacon, &outcome.during);
    row(text, "  after it", &beacon, &outcome.after);
}

fn row(text: &mut String, word: &str, beacon: &str, epochs: &[EpochTruth]) {
    let (Some(first), Some(last)) = (epochs.first(), epochs.last()) else { return };
    let sum = |count: fn(&EpochTruth) -> usize| epochs.iter().map(count).sum::<usize>();
    let by_client = (0..first.missed_by_client.len())
        .map(|i| epochs.iter().map(|epoch| epoch.missed_by_client[i]).sum::<usize>().to_string());
    let _ = writeln!(
        text,
        "{word:<12} {beacon:<6} {:>7} {:>5} {:>7} {:>11} {:>11} {:>12}  {}",
        format!("{}-{}", first.epoch, last.epoch),
        sum(|epoch| epoch.due),
        sum(|epoch| epoch.missed),
        sum(EpochTruth::not_timely),
        sum(|epoch| epoch.wrong_head),
        sum(|epoch| epoch.empty_slots),
        by_client.collect::<Vec<_>>().join(" ")
    );
}
