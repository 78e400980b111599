//! When a fault could first be known: the recording with it against the same recording without it.
//!
//! Draws of a recording depend on what they are for only, so that whatever differs is the fault's doing.

use std::collections::BTreeMap;

use beacondeck::model::{HostLevel, Observation, ServedStep};

/// A difference of times that a person would see, in milliseconds.
const TIMES_MS: f64 = 250.0;
/// The same of heads, which come later by themselves now and then.
const HEAD_MS: f64 = 750.0;
/// Duties or requests that must differ.
const COUNT: u64 = 3;
/// Difference of the network's participation.
const PARTICIPATION: f64 = 0.02;
/// Difference of peers.
const PEERS: u64 = 20;

/// What a line is about, when it was told: the first is the slot it was told in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Slot,
    Served(String, String, ServedStep),
    Duties(u64, String, Option<String>),
    Probe(String),
    Head(String),
    Host(String, String),
}

fn keyed(lines: &[Observation]) -> BTreeMap<(u64, Key), &Observation> {
    lines
        .iter()
        .filter_map(|line| {
            let key = match line {
                Observation::Slot(seen) => (seen.slot.0, Key::Slot),
                Observation::Served(seen) => {
                    (seen.slot.0, Key::Served(seen.client.clone(), seen.beacon.clone(), seen.step))
                }
                Observation::Duties(seen) => {
                    (seen.as_of.0, Key::Duties(seen.slot.0, seen.client.clone(), seen.beacon.clone()))
                }
                Observation::Probe(seen) => (seen.slot.0, Key::Probe(seen.beacon.clone())),
                Observation::Head(seen) => (seen.slot.0, Key::Head(seen.beacon.clone())),
                Observation::Host(seen) => (seen.slot.0, Key::Host(seen.host.clone(), seen.check.clone())),
                Observation::Recording { .. }
                | Observation::Fleet(_)
                | Observation::Canary(_)
                | Observation::Shadow(_)
                | Observation::Key(_)
                | Observation::Split(_) => return None,
            };
            Some((key, line))
        })
        .collect()
}

/// The slot in which the first evidence was told; none: nothing tells of the fault.
pub fn first(with: &[Observation], without: &[Observation]) -> Option<u64> {
    let (with, without) = (keyed(with), keyed(without));
    let keys: std::collections::BTreeSet<_> = with.keys().chain(without.keys()).collect();
    let mut counted = 0;
    for key in keys {
        let (sure, counts) = differ(with.get(key).copied(), without.get(key).copied());
        counted += counts;
        if sure || counted >= COUNT {
            return Some(key.0);
        }
    }
    None
}

/// Whether two lines about the same differ for sure, and how many duties or failures they differ by.
fn differ(a: Option<&Observation>, b: Option<&Observation>) -> (bool, u64) {
    let far = |a: Option<f64>, b: Option<f64>, by: f64| a.zip(b).is_some_and(|(a, b)| (a - b).abs() >= by);
    match (a, b) {
        (Some(Observation::Slot(a)), Some(Observation::Slot(b))) => {
            (a.block != b.block || far(a.participation, b.participation, PARTICIPATION), 0)
        }
        (Some(Observation::Served(a)), Some(Observation::Served(b))) => {
            let times = |of: &beacondeck::model::ServedSeen| of.after_due_ms.map(|times| times.p50);
            let counts = a.failed.abs_diff(b.failed).max(a.n.abs_diff(b.n));
            (far(times(a), times(b), TIMES_MS), u64::from(counts))
        }
        (Some(Observation::Duties(a)), Some(Observation::Duties(b))) => {
            let counts = [(a.missed, b.missed), (a.late, b.late), (a.wrong_head, b.wrong_head)];
            (false, counts.into_iter().map(|(a, b)| u64::from(a.abs_diff(b))).max().unwrap_or(0))
        }
        (Some(Observation::Probe(a)), Some(Observation::Probe(b))) => {
            let says = (a.reachable, a.el_offline, a.optimistic, a.head_lag)
                != (b.reachable, b.el_offline, b.optimistic, b.head_lag);
            let peers = a.peers.zip(b.peers).is_some_and(|(a, b)| a.abs_diff(b) >= PEERS);
            (says || peers || far(a.latency_ms, b.latency_ms, TIMES_MS), 0)
        }
        (Some(Observation::Head(a)), Some(Observation::Head(b))) => {
            let (a, b) = (a.after_agreed_ms, b.after_agreed_ms);
            (a.is_some() != b.is_some() || far(a, b, HEAD_MS), 0)
        }
        (Some(Observation::Host(a)), Some(Observation::Host(b))) => (a.level != b.level, 0),
        (Some(Observation::Host(one)), None) | (None, Some(Observation::Host(one))) => {
            (one.level == HostLevel::Bad, 0)
        }
        (Some(Observation::Served(one)), None) | (None, Some(Observation::Served(one))) => {
            (false, u64::from(one.n))
        }
        (Some(Observation::Duties(one)), None) => {
            (false, u64::from(one.missed.max(one.late).max(one.wrong_head)))
        }
        _ => (false, 0),
    }
}
