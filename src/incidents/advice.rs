//! What was done about an incident, and what to do next. Pure words; to give another kind of culprit its advice, add an arm.

use super::keys::Parties;
use crate::model::{BeaconStatus, ChainSplit, Culprit, CulpritKind as Kind, FleetStatus, Lifecycle};

/// What the router and people have done about these beacons.
pub(super) fn done(beacons: &[&BeaconStatus], status: &FleetStatus) -> Vec<String> {
    let mut lines = Vec::new();
    for beacon in beacons {
        let name = &beacon.name;
        match (&beacon.drained, beacon.lifecycle, beacon.reasons.first()) {
            (Some(drain), ..) => lines.push(format!("{name} was drained by {}", drain.by)),
            (None, Lifecycle::Active, Some(reason)) => {
                lines.push(format!("{name} is routed around: {reason}"));
            }
            _ => {}
        }
        if let Some(operation) = status.last_operation(name).filter(|last| last.is_running()) {
            lines.push(format!("{} of {name} is running", operation.verb));
        }
    }
    lines
}

/// What to do, with the key.
pub(super) fn next(culprit: &Culprit, beacons: &[&BeaconStatus]) -> String {
    let name = &culprit.name;
    match &culprit.kind {
        Kind::Network => "nothing of ours: wait, and restart nothing".to_owned(),
        Kind::Beacon if beacons.iter().any(|beacon| beacon.lifecycle == Lifecycle::Active) => {
            format!("d: drain {name}, then look at its log; R: restart it")
        }
        Kind::Beacon => format!("mend {name}, then d: resume"),
        Kind::Client => format!("look whether {name} runs, reaches the router, and what its log says"),
        Kind::Signer => format!("look at the signer {name}: is it up, how long does a signature take"),
        Kind::Host => format!("d: drain {}; on {name}: beacondeck audit", list(beacons)),
        Kind::El => format!("look at the execution client {name} of {}; d: drain them", list(beacons)),
        Kind::Cl => format!("{} run {name}: d: drain them, U: another version", list(beacons)),
        Kind::Zone => format!("look at the network of {name}; d: drain {}", list(beacons)),
        Kind::Router => "look at this host's load and clock: beacondeck audit".to_owned(),
        Kind::Key => of_keys(name),
        Kind::ChainSplit => of_split(name),
        Kind::Label(key) => format!("look at what {key} {name} means for {}", list(beacons)),
    }
}

/// What to do while something is used again and shows nothing; it has ended after so many slots of that.
pub(super) fn watch(slots: u64) -> String {
    let left = if slots == 1 { "1 slot".to_owned() } else { format!("{slots} slots") };
    format!("it is used again: watch it; this ends after {left} without a sign")
}

fn of_keys(name: &str) -> String {
    match Parties::of(name) {
        Parties::Two(first, second) => format!(
            "stop one of them now, {first} or {second}, and take the keys out of it before it is started again"
        ),
        Parties::One(client) => {
            format!(
                "stop one of the processes that sign as {client} now, and give each a name of its own (clients:)"
            )
        }
        Parties::Elsewhere(client) => format!(
            "do not start {client}: find who signs with its keys first; if it publishes past this router, or its keys \
             were moved, acknowledge this"
        ),
    }
}

fn of_split(name: &str) -> String {
    let ours = ChainSplit::sides(name).0.join(", ");
    format!(
        "find out which side is right (an explorer, the clients' channels), then d: drain the beacons of the other; until \
         then validators stay with {ours}: restart nothing"
    )
}

fn list(beacons: &[&BeaconStatus]) -> String {
    match beacons {
        [] => "its beacons".to_owned(),
        [one] => one.name.to_string(),
        [one, two] => format!("{} and {}", one.name, two.name),
        [one, rest @ ..] => format!("{} and {} more", one.name, rest.len()),
    }
}
