//! Incidents as troubles, as words and as colours. Pure.

use super::text::span;
use super::theme::Role;
use super::trouble::{Trouble, next, severity};
use crate::model::{
    BeaconStatus, FleetStatus, Incident, IncidentState, Lifecycle, Reason, Severity, UnixMs, page_of,
};

/// An incident, and the sickness of its beacons as part of it.
pub fn trouble(status: &FleetStatus, incident: &Incident) -> Trouble {
    let own = |beacon: &&BeaconStatus| {
        incident.beacons.contains(&beacon.name) && beacon.lifecycle == Lifecycle::Active && !beacon.healthy
    };
    let beacons: Vec<&BeaconStatus> = status.beacons.iter().filter(own).collect();
    let reasons: Vec<Reason> = beacons.iter().filter_map(|beacon| beacon.reasons.first().copied()).collect();
    let worst = Reason::ALL.into_iter().find(|reason| reasons.contains(reason));
    let by_cost = match incident.severity {
        Severity::Critical => Role::Crit,
        Severity::Warning => Role::Warn,
        Severity::Notice => Role::Info,
    };
    // Who does not answer is as urgent as ever, even where nothing is lost yet.
    let role = match worst.map(severity) {
        Some(Role::Crit) => Role::Crit,
        _ => by_cost,
    };
    let sure = format!("{:.0} % sure", incident.confidence * 100.0);
    let sick = worst.map_or_else(String::new, |reason| format!("{reason}; "));
    let pages = beacons.iter().zip(&reasons).map(|(beacon, reason)| page_of(*reason, &beacon.name));
    Trouble {
        key: incident.key(),
        role,
        what: format!("{}: {}", incident.who(), incident.cause),
        why: format!("{sick}{}, {}, {sure}", incident.key(), incident.state.word()),
        since: beacons.iter().map(|beacon| beacon.since).chain([incident.since]).min().unwrap_or_default(),
        beacons: beacons.iter().map(|beacon| beacon.name.clone()).collect(),
        next: worst.map_or_else(|| incident.next.clone(), |reason| next(reason).to_owned()),
        pages: std::iter::once(incident.key()).chain(pages).collect(),
        ack: None,
        silence: incident.silence.clone(),
        did: Some(incident.done.join("; ")).filter(|did| !did.is_empty()),
    }
}

/// What the worst incident costs, by what the chain has told.
pub fn lost(status: &FleetStatus) -> Option<String> {
    let live = status.incidents.iter().filter(|incident| incident.state.is_live());
    let worst =
        live.map(|incident| incident.cost).max_by_key(|cost| (cost.missed, cost.late + cost.wrong_head))?;
    worst.lost()
}

/// State and severity: symbol, word and colour.
pub fn state(incident: &Incident) -> (String, Role) {
    let (sign, role) = match (incident.state, incident.severity) {
        (IncidentState::Resolved, _) => ("○", Role::Dim),
        (_, Severity::Critical) => ("▼", Role::Crit),
        (_, Severity::Warning) => ("◆", Role::Warn),
        (_, Severity::Notice) => ("·", Role::Info),
    };
    (format!("{sign} {}", incident.state.word()), role)
}

/// For how long it goes on or went on.
pub fn held(incident: &Incident, now: UnixMs) -> i64 {
    incident.ended.unwrap_or(now).since(incident.since)
}

/// `for 3 min`, or `lasted 3 min, over 1 h 05 ago`.
pub fn since(incident: &Incident, now: UnixMs) -> String {
    match incident.ended {
        None => format!("for {}", span(held(incident, now))),
        Some(ended) => format!("lasted {}, over {} ago", span(held(incident, now)), span(now.since(ended))),
    }
}
