//! Cells that several panels show. Pure.

use crate::console::age::Fresh;
use crate::console::table::Cell;
use crate::console::text::{latency, rate};
use crate::console::theme::Role;
use crate::model::{BeaconStatus, Lifecycle, Reason, Step, Use};

/// A beacon's state as symbol, word and reason, and in its role. What is not fresh is never shown as well.
pub fn state(beacon: &BeaconStatus, fresh: Fresh) -> (String, Role) {
    let reason = beacon.reasons.first();
    let (symbol, word, role) = match (beacon.lifecycle, beacon.healthy) {
        (Lifecycle::Draining(_), _) => ("◐", "DRAIN", Role::Drain),
        (Lifecycle::Drained, _) => ("○", "DRAINED", Role::Drain),
        (Lifecycle::Active, true) => ("●", "UP", Role::Ok),
        (Lifecycle::Active, false) if reason == Some(&Reason::NeverObserved) => ("▼", "DOWN", Role::Unknown),
        (Lifecycle::Active, false) if reason == Some(&Reason::WarmingUp) => ("▲", "WARM", Role::Warn),
        (Lifecycle::Active, false) if reason == Some(&Reason::Unseeded) => ("▲", "UP", Role::Warn),
        (Lifecycle::Active, false) if reason == Some(&Reason::Slow) => ("▼", "SLOW", Role::Warn),
        (Lifecycle::Active, false) => ("▼", "DOWN", Role::Crit),
    };
    let more = match (beacon.lifecycle, reason) {
        (Lifecycle::Draining(in_flight), _) => format!(" {in_flight}"),
        // The word has said it.
        (Lifecycle::Active, Some(Reason::WarmingUp | Reason::Slow)) if !beacon.healthy => String::new(),
        // Beside DOWN their own words have no room at 80 columns.
        (Lifecycle::Active, Some(Reason::ChainSplit)) => " split".to_owned(),
        (Lifecycle::Active, Some(Reason::Unreachable)) => " offline".to_owned(),
        (Lifecycle::Active, Some(reason)) => format!(" {reason}"),
        _ => String::new(),
    };
    // That it is out by order, or was seen to be down, stays true until something else is seen.
    let doubt = beacon.healthy && beacon.lifecycle == Lifecycle::Active;
    match fresh {
        Fresh::Old if doubt => (format!("{symbol} {word}{more}"), Role::Stale),
        Fresh::Lost if doubt => (format!("? was {word}{more}"), Role::Unknown),
        _ => (format!("{symbol} {word}{more}"), role),
    }
}

/// Milliseconds to a tenth below a hundred.
pub fn ms(value: f32) -> Cell {
    let us = f64::from(value) * 1_000.0;
    Cell::number(latency(us as u32), f64::from(value))
}

/// A rate; what should be none is a warning if it is not.
pub fn rate_cell(per_s: f32, unwanted: bool) -> Cell {
    let cell = Cell::number(rate(per_s), f64::from(per_s));
    match (unwanted, per_s > 0.0) {
        (true, true) => cell.role(Role::Warn),
        (true, false) => cell.role(Role::Dim),
        (false, _) => cell,
    }
}

/// The words for a duty step.
pub fn step_words(step: Step) -> &'static str {
    match step {
        Step::Propose => "propose",
        Step::Attest => "attest",
        Step::SyncMessage => "sync",
        Step::Aggregate => "aggregate",
        Step::Contribution => "contribute",
        Step::PayloadAttest => "payload",
    }
}

/// The words for a kind of request.
pub fn kind_words(needs: Use, step: Option<Step>) -> String {
    let what = match needs {
        Use::Read => "read",
        Use::Sign => "data",
        Use::Publish => "publish",
        Use::Seed => "seed",
        Use::Events => "events",
    };
    step.map_or_else(|| what.to_owned(), |step| format!("{} {what}", step_words(step)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::beacon;

    #[test]
    fn an_old_up_is_not_shown_as_up() {
        let up = beacon("b1");
        assert_eq!(state(&up, Fresh::Now), ("● UP".to_owned(), Role::Ok));
        assert_eq!(state(&up, Fresh::Old), ("● UP".to_owned(), Role::Stale));
        assert_eq!(state(&up, Fresh::Lost), ("? was UP".to_owned(), Role::Unknown));
        let mut down = beacon("b1");
        (down.healthy, down.reasons) = (false, vec![Reason::Hung]);
        assert_eq!(state(&down, Fresh::Lost), ("▼ DOWN hung".to_owned(), Role::Crit));
        down.lifecycle = Lifecycle::Draining(7);
        assert_eq!(state(&down, Fresh::Now), ("◐ DRAIN 7".to_owned(), Role::Drain));
    }
}
