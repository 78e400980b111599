//! A restart or upgrade as it is shown: step by step, in a cell, and as a trouble if it failed. Pure.

use super::keys::Action;
use super::piece::{TextLine, labelled, piece};
use super::text::{span, wrap};
use super::theme::Role;
use super::view::View;
use crate::model::{
    BeaconStatus, Ending, Lifecycle, Operation, OperationStep as Step, StepState, StepStatus, UnixMs,
};

/// One that ended well is shown for so long.
const WELL_MS: i64 = 60_000;
/// Lines of what its program printed.
const PRINTED: usize = 5;
/// Columns of a label.
const LABEL: usize = 11;

/// The operation at a beacon that still matters: it runs, has just ended well, or left the beacon out.
pub fn at<'a>(view: &View<'a>, beacon: &BeaconStatus) -> Option<&'a Operation> {
    let last = view.status?.last_operation(&beacon.name)?;
    let matters = match &last.end {
        None => true,
        Some((Ending::Succeeded, at, _)) => view.now.since(*at) < WELL_MS,
        Some(_) => beacon.lifecycle != Lifecycle::Active,
    };
    matters.then_some(last)
}

/// In a cell of a table; none: the beacon's own state says more.
pub fn cell(operation: &Operation) -> Option<(String, Role)> {
    let verb = operation.verb.word().to_uppercase();
    match &operation.end {
        None => Some((format!("◐ {verb} {}", operation.current()?.step.word()), Role::Drain)),
        Some((Ending::Failed, ..)) => Some((format!("▼ {verb} FAIL"), Role::Crit)),
        Some(_) => None,
    }
}

/// How an end is shown.
pub fn role(ending: Ending) -> Role {
    match ending {
        Ending::Succeeded => Role::Ok,
        Ending::Failed => Role::Crit,
        Ending::Aborted => Role::Warn,
    }
}

/// Step by step.
pub fn lines(view: &View<'_>, operation: &Operation, width: u16) -> Vec<TextLine> {
    let verb = operation.verb.word();
    let mut lines = Vec::new();
    let room = usize::from(width).saturating_sub(LABEL).max(20);
    match &operation.end {
        None => {
            let key = view.keymap.key_of(Action::Abort).filter(|_| view.may_order);
            let mut line = vec![piece(
                Role::Strong,
                format!("by {} for {}", operation.who, span(view.now.since(operation.began))),
            )];
            if let Some(key) = key {
                line.extend([piece(Role::Key, format!("   {key}")), piece(Role::Dim, ": abort")]);
            }
            lines.push(labelled(verb, line));
        }
        Some((ending, at, words)) => {
            let text = format!("{words} ({} ago)", span(view.now.since(*at)));
            lines.extend(folded(verb, role(*ending), &text, room));
        }
    }
    lines.extend(operation.steps.iter().map(|step| line(operation, step, view.now)));
    let printed: Vec<&str> = operation.output.lines().collect();
    for (place, text) in printed[printed.len().saturating_sub(PRINTED)..].iter().enumerate() {
        let label = if place == 0 { "printed" } else { "" };
        lines.push(labelled(label, vec![piece(Role::Dim, (*text).to_owned())]));
    }
    lines
}

/// A sentence under its label, in as many lines as it needs.
fn folded(label: &str, role: Role, text: &str, room: usize) -> Vec<TextLine> {
    let parts = wrap(text, room).into_iter().enumerate();
    parts
        .map(|(place, part)| labelled(if place == 0 { label } else { "" }, vec![piece(role, part)]))
        .collect()
}

fn line(operation: &Operation, step: &StepStatus, now: UnixMs) -> TextLine {
    let (sign, role) = match step.state {
        StepState::Pending => ("·", Role::Dim),
        StepState::Running => ("◐", Role::Drain),
        StepState::Done => ("●", Role::Ok),
        StepState::Failed => ("▼", Role::Crit),
    };
    // What the fleet file says is run is the thing itself.
    let word = if step.step == Step::Run { operation.verb.word() } else { step.step.word() };
    let took = step.began.map_or_else(String::new, |began| span(step.ended.unwrap_or(now).since(began)));
    vec![
        piece(Role::Dim, " ".repeat(LABEL)),
        piece(role, format!("{sign} {word:<8}")),
        piece(Role::Dim, format!("{took:>7}  ")),
        piece(if step.state == StepState::Failed { Role::Crit } else { Role::Text }, step.detail.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{NOW, beacon, fleet, operation};
    use crate::console::piece::text_of;
    use crate::console::view::tests::Scene;
    use crate::model::FleetStatus;

    fn texts(operation: &Operation) -> Vec<String> {
        let status = FleetStatus { operations: vec![operation.clone()], ..fleet(vec![beacon("b2")]) };
        lines(&Scene::of(status).view(), operation, 60).iter().map(text_of).collect()
    }

    #[test]
    fn one_that_runs_shows_its_steps_their_time_and_the_key_that_ends_it() {
        let operation = operation("b2", Step::Wait);
        assert_eq!(
            texts(&operation),
            [
                "restart    by alice (uid 1000) for 42 s   X: abort",
                "           ● drain       4 s  nothing is in flight",
                "           ● restart    20 s  it ended well",
                "           ◐ wait       18 s  it is syncing",
                "           · resume           ",
            ]
        );
        assert_eq!(cell(&operation), Some(("◐ RESTART wait".into(), Role::Drain)));
        assert_eq!(operation.now_at(), "wait: it is syncing");
    }

    #[test]
    fn one_that_failed_says_so_and_what_to_do_for_as_long_as_its_beacon_is_out() {
        let failed = crate::console::fixture::failed(operation("b2", Step::Run));
        let texts = texts(&failed);
        assert!(texts[0].starts_with("restart    restart of b2 failed: exit status 3"), "{texts:?}");
        assert!(
            texts.iter().any(|text| text.contains("▼ restart"))
                && texts.iter().any(|text| text.contains("no disk"))
        );
        let mut status = FleetStatus { operations: vec![failed.clone()], ..fleet(vec![beacon("b2")]) };
        assert!(at(&Scene::of(status.clone()).view(), &beacon("b2")).is_none(), "somebody resumed it");
        status.beacons[0].lifecycle = Lifecycle::Drained;
        let out = status.beacons[0].clone();
        let scene = Scene::of(status);
        assert_eq!(at(&scene.view(), &out).and_then(cell), Some(("▼ RESTART FAIL".into(), Role::Crit)));
        let well =
            Operation { end: Some((Ending::Succeeded, NOW, "restart of b2 done in 42 s".into())), ..failed };
        assert_eq!(cell(&well), None);
    }
}
