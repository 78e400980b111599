//! The summary for whoever comes next: state, what is wrong, who did what, in Markdown. Pure.

use std::fmt::Write as _;

use super::panels::state_cell;
use super::text::{span, time_of_day};
use super::trouble::{cost, done, troubles};
use super::view::View;

/// Journal entries in the summary.
const ENTRIES: usize = 20;

/// The summary.
pub fn handoff(view: &View<'_>) -> String {
    let Some(status) = view.status else { return "Nothing is known of the fleet yet.\n".to_owned() };
    let mut out = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "## {} at {} UTC", status.fleet, time_of_day(view.now.0));
    let network = status.network.as_deref().unwrap_or("network unknown");
    let slot = status.slot.map_or_else(|| "no slot yet".to_owned(), |slot| format!("slot {slot}"));
    let _ = writeln!(out, "\n{network}, {slot}. {}.", cost(view).1);
    let found = troubles(view);
    let _ = writeln!(out, "\n### Wrong now\n");
    if found.is_empty() {
        let _ = writeln!(out, "Nothing.");
    }
    for trouble in &found {
        let held = span(view.now.since(trouble.since));
        let why = if trouble.why.is_empty() { String::new() } else { format!(": {}", trouble.why) };
        let since = time_of_day(trouble.since.0);
        let _ = writeln!(out, "- **{}**, for {held} (since {since} UTC){why}", trouble.what);
        // Who has acknowledged it stands there.
        let _ = writeln!(out, "  - done: {}", done(view, trouble));
    }
    let _ = writeln!(out, "\n### Beacons\n\n| beacon | state | for | client |\n|---|---|---|---|");
    for beacon in &status.beacons {
        let (state, _) = state_cell(beacon, view.fresh_of(beacon));
        let held = span(view.now.since(beacon.since));
        let client = beacon.version.as_deref().unwrap_or("-");
        let _ = writeln!(out, "| {} | {state} | {held} | {client} |", beacon.name);
    }
    let _ = writeln!(out, "\n### Who did what\n");
    if view.journal.is_empty() {
        let _ = writeln!(out, "Nobody did anything yet.");
    }
    for entry in view.journal.iter().rev().take(ENTRIES) {
        let target = entry.target.as_deref().map_or(String::new(), |target| format!(" {target}"));
        let _ = writeln!(
            out,
            "- {} UTC {}: {}{target}: {}",
            time_of_day(entry.at.0),
            entry.who,
            entry.what,
            entry.outcome
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{beacon, fleet};
    use crate::console::view::tests::Scene;
    use crate::model::{JournalEntry, Reason};

    #[test]
    fn the_summary_has_what_is_wrong_and_who_did_what() {
        let mut sick = beacon("b2");
        (sick.healthy, sick.reasons) = (false, vec![Reason::Hung]);
        let mut scene = Scene::of(fleet(vec![beacon("b1"), sick]));
        scene.journal.push_back(JournalEntry {
            id: 1,
            at: scene.now,
            who: "alice (uid 1000)".into(),
            what: "drain".into(),
            target: Some("b2".into()),
            order: None,
            outcome: "b2 is draining".into(),
        });
        let text = handoff(&scene.view());
        for part in [
            "## home at 22:13:20 UTC",
            "- **b2 hung**, for 2 h 05",
            "| b1 | ● UP | 2 h 05 | Lighthouse/v8.0.1-ced49dd/x86_64-linux |",
            "- 22:13:20 UTC alice (uid 1000): drain b2: b2 is draining",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
