//! One beacon in full: state and why, what it told, what it carries, what was ordered, how it was. Pure.

use super::spark::{spark, spread};
use super::{cells, explain};
use crate::console::course;
use crate::console::piece::{TextLine, labelled, piece, plain};
use crate::console::text::{latency, or_dash, rate, span, time_of_day, wrap};
use crate::console::theme::Role;
use crate::console::trouble::{Trouble, ack_words, troubles};
use crate::console::view::View;
use crate::model::capacity::without;
use crate::model::{BeaconStatus, CulpritKind, UnixMs};

/// Columns of a sparkline.
const SPARK: usize = 60;
/// Changes of state that are listed.
const CHANGES: usize = 8;
/// Orders that are listed.
const ORDERS: usize = 8;

/// The details; none: there is no such beacon.
pub fn beacon(view: &View<'_>, name: &str, width: u16) -> Option<Vec<TextLine>> {
    let beacon = view.beacon(name)?;
    let mut lines = state(view, beacon, width);
    if let Some(operation) = course::at(view, beacon) {
        lines.push(Vec::new());
        lines.extend(course::lines(view, operation, width));
    }
    lines.push(Vec::new());
    lines.extend(carries(view, beacon, width));
    lines.extend(errors(view, beacon));
    lines.push(Vec::new());
    lines.extend(steps(view, beacon));
    lines.extend(history(view, name));
    lines.extend(orders(view, name));
    Some(lines)
}

fn state(view: &View<'_>, beacon: &BeaconStatus, width: u16) -> Vec<TextLine> {
    let fresh = view.fresh_of(beacon);
    let (words, role) = cells::state(beacon, fresh);
    let held = span(view.now.since(beacon.since));
    let seen = beacon
        .observed
        .map_or_else(|| "never seen".to_owned(), |at| format!("seen {} ago", span(view.now.since(at))));
    let mut lines = vec![labelled(
        "state",
        vec![
            piece(role, words),
            piece(Role::Text, format!(" for {held}, ")),
            piece(fresh.role(Role::Text), seen),
        ],
    )];
    let why = std::iter::once(beacon.detail.clone()).filter(|detail| !detail.is_empty());
    let all: Vec<&str> = beacon.reasons.iter().map(|reason| reason.words()).collect();
    let all = (all.len() > 1).then(|| format!("all reasons: {}", all.join(", ")));
    for sentence in why.chain(all) {
        for part in wrap(&sentence, usize::from(width).saturating_sub(12).max(20)) {
            lines.push(labelled("", vec![piece(Role::Text, part)]));
        }
    }
    let own = |trouble: &Trouble| trouble.beacons.contains(&beacon.name);
    let acks = troubles(view).into_iter().filter(own).filter_map(|trouble| trouble.ack);
    lines.extend(acks.map(|ack| labelled("noted", vec![piece(Role::Info, ack_words(view, &ack))])));
    let key = CulpritKind::Beacon.called(&beacon.name);
    let silences = view.status.iter().flat_map(|status| &status.silences);
    for silence in silences.filter(|silence| silence.key == key) {
        lines.push(labelled("quiet", vec![piece(Role::Info, silence.words())]));
    }
    let head = beacon.head.map_or_else(
        || if view.replay { format!("lag {}", beacon.lag) } else { "none told".to_owned() },
        |head| format!("{} {}, lag {}", head.slot, head.root.short(), beacon.lag),
    );
    lines.push(labelled("head", vec![piece(fresh.role(Role::Text), fresh.text(head))]));
    lines.push(labelled("peers", vec![piece(fresh.role(Role::Text), fresh.text(or_dash(beacon.peers)))]));
    lines.push(labelled("client", vec![piece(Role::Text, beacon.version.as_deref().unwrap_or("not told"))]));
    lines.push(labelled(
        "execution",
        vec![piece(Role::Text, beacon.execution.as_deref().unwrap_or("not told"))],
    ));
    for told in &beacon.told {
        let ago = span(view.now.since(told.at));
        lines.push(labelled("was told", vec![piece(Role::Text, format!("{}, {ago} ago", told.said()))]));
    }
    if let Some(custody) = beacon.custody {
        let text = format!(
            "{} of {} groups for {} validators, as told",
            custody.groups, custody.of, custody.validators
        );
        lines.push(labelled("custody", vec![piece(Role::Text, text)]));
    }
    lines
}

fn carries(view: &View<'_>, beacon: &BeaconStatus, width: u16) -> Vec<TextLine> {
    let load =
        view.status.and_then(|status| status.traffic.loads.iter().find(|load| load.beacon == beacon.name));
    let (per_s, failed, most) =
        load.map_or((0.0, 0.0, 0.0), |load| (load.per_s, load.failed_per_s, load.most_per_s));
    let flight = if view.replay { String::new() } else { format!(", {} in flight", beacon.in_flight) };
    let spread = |us: Option<u32>| latency(us.unwrap_or(0));
    let mut lines = vec![
        labelled(
            "carries",
            vec![piece(
                Role::Text,
                format!(
                    "{} requests/s, {} fail{flight}; most within the hour {}/s",
                    rate(per_s),
                    rate(failed),
                    rate(most)
                ),
            )],
        ),
        labelled(
            "answers",
            vec![piece(
                Role::Text,
                format!("median {}, 99 in 100 within {}", spread(beacon.p50_us), spread(beacon.p99_us)),
            )],
        ),
        labelled(
            "since start",
            vec![piece(Role::Text, format!("{} answered, {} failed", beacon.answered, beacon.failed))],
        ),
    ];
    if let Some(cpu) = beacon.cpu {
        let text = format!("{cpu} % of its machine's processor time in use");
        lines.push(labelled("processors", vec![piece(view.fresh_of(beacon).role(Role::Text), text)]));
    }
    if let Some(status) = view.status {
        let left = without(status, std::slice::from_ref(&beacon.name));
        let room = usize::from(width).saturating_sub(12).max(20);
        for (place, part) in wrap(&left.sentence(), room).into_iter().enumerate() {
            lines.push(labelled(if place == 0 { "without it" } else { "" }, vec![piece(Role::Text, part)]));
        }
    }
    lines
}

/// The last requests it failed, newest first.
fn errors(view: &View<'_>, beacon: &BeaconStatus) -> Vec<TextLine> {
    let load =
        view.status.and_then(|status| status.traffic.loads.iter().find(|load| load.beacon == beacon.name));
    let errors = load.map_or(&[][..], |load| &load.errors).iter().rev().enumerate();
    errors
        .map(|(place, error)| {
            let (words, role) = explain::outcome(error.outcome);
            let status = if error.status == 0 { String::new() } else { format!(" {}", error.status) };
            let label = if place == 0 { "last errors" } else { "" };
            labelled(
                label,
                vec![
                    piece(Role::Dim, format!("{} ", time_of_day(error.at.0))),
                    piece(role, format!("{words}{status}")),
                    piece(Role::Text, format!(" after {} ms: {}", error.took_ms, error.endpoint)),
                ],
            )
        })
        .collect()
}

fn steps(view: &View<'_>, beacon: &BeaconStatus) -> Vec<TextLine> {
    let Some(status) = view.status else { return Vec::new() };
    let Some(timing) = &status.traffic.timing else { return Vec::new() };
    let answers = status.traffic.steps.iter().filter(|answers| answers.beacon == beacon.name);
    let mut lines: Vec<TextLine> = answers
        .map(|answers| {
            let due = timing.due_of(answers.step).unwrap_or(0);
            let chart = if view.low { String::new() } else { spread(&answers.spread, due, timing.slot_ms) };
            labelled(
                cells::step_words(answers.step),
                vec![
                    piece(Role::Chart1, chart),
                    piece(
                        Role::Text,
                        format!(
                            " {} answers, {} late, p50 {}, p99 {}",
                            answers.answers,
                            answers.late,
                            latency((answers.p50_ms * 1_000.0) as u32),
                            latency((answers.p99_ms * 1_000.0) as u32)
                        ),
                    ),
                ],
            )
        })
        .collect();
    if !lines.is_empty() {
        lines.push(Vec::new());
    }
    lines
}

/// Changes of state within the snapshots that are kept, newest first, and p99 over them.
fn history(view: &View<'_>, name: &str) -> Vec<TextLine> {
    let mut changes: Vec<(UnixMs, String, Role)> = Vec::new();
    let mut p99: Vec<f32> = Vec::new();
    for status in view.history.until(view.now) {
        let Some(then) = status.beacons.iter().find(|beacon| beacon.name.as_str() == name) else { continue };
        p99.push(then.p99_us.unwrap_or(0) as f32);
        let (words, role) = cells::state(then, crate::console::age::Fresh::Now);
        // How many are in flight is no change of state.
        let words = if words.contains("DRAIN ") { "◐ DRAIN".to_owned() } else { words };
        if changes.last().is_none_or(|(_, last, _)| *last != words) {
            changes.push((status.at, words, role));
        }
    }
    let mut lines = Vec::new();
    if !view.low {
        let recent = &p99[p99.len().saturating_sub(SPARK)..];
        lines.push(labelled("p99 lately", vec![piece(Role::Chart1, spark(recent))]));
    }
    for (place, (at, words, role)) in changes.into_iter().rev().take(CHANGES).enumerate() {
        let label = if place == 0 { "was" } else { "" };
        lines.push(labelled(
            label,
            vec![piece(Role::Dim, format!("{} ", time_of_day(at.0))), piece(role, words)],
        ));
    }
    lines
}

fn orders(view: &View<'_>, name: &str) -> Vec<TextLine> {
    let about = view.journal.iter().rev().filter(|entry| entry.target.as_deref() == Some(name));
    let mut lines: Vec<TextLine> = about
        .take(ORDERS)
        .map(|entry| {
            let text = format!("{} {} {}: {}", time_of_day(entry.at.0), entry.who, entry.what, entry.outcome);
            labelled("ordered", vec![piece(Role::Text, text)])
        })
        .collect();
    if lines.is_empty() {
        let words = if view.replay { "not recorded" } else { "nothing yet" };
        lines.push(labelled("ordered", vec![piece(Role::Dim, words)]));
    }
    lines.push(plain(""));
    lines
}
