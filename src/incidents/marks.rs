//! What a slot shows, as counts of symptoms by path.

use std::collections::{BTreeMap, BTreeSet};

use super::component::{Id, Parts, PathId};
use super::symptom::Symptom;
use super::window::{Asked, Requests, SlotFacts, Window};
use crate::model::{BlockSeen, ServedStep};

/// What was counted of one symptom on one path in one slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) path: PathId,
    pub(super) symptom: Symptom,
    pub(super) n: f64,
    pub(super) bad: f64,
}

/// What is told of a slot: at once, or by the chain some slots later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// By probes and requests.
    AtOnce,
    /// By blocks.
    ByChain,
}

/// Data and publications of a path in one slot.
#[derive(Debug, Clone, Copy, Default)]
struct Steps {
    asked: u32,
    failed: u32,
    published: u32,
}

impl Window {
    /// Appends the marks of one slot.
    pub(super) fn marks(&self, slot: u64, told: Told, parts: &mut Parts, to: &mut Vec<Mark>) {
        let Some(facts) = self.slots.get(&slot) else { return };
        match told {
            Told::AtOnce => at_once(facts, parts, to),
            Told::ByChain if self.disturbed(slot) => {}
            Told::ByChain => self.by_chain(facts, parts, to),
        }
    }

    fn by_chain(&self, facts: &SlotFacts, parts: &mut Parts, to: &mut Vec<Mark>) {
        to.extend(&facts.canaries);
        let (steps, unsent) = (steps(facts, parts), unsent(facts, parts));
        for (told, seen) in &facts.duties {
            let told = *told as PathId;
            let path = self.by_whom(told, facts, parts);
            let [client, beacon] = parts.of(told).ends;
            let (due, missed) = (f64::from(seen.due), f64::from(seen.missed));
            let there = due - missed;
            let mut mark = |symptom, n: f64, bad: f64| to.push(Mark { path, symptom, n, bad: bad.min(n) });
            let asked = beacon.is_some()
                || client.and_then(|id| facts.clients.get(&id)).is_some_and(|asked| asked.all > 0);
            let lacks = client.filter(|_| beacon.is_none()).and_then(|id| unsent.get(&id)).copied();
            let unasked = if asked { missed.min(f64::from(lacks.unwrap_or_default())) } else { missed };
            mark(Symptom::Unasked, due, unasked);
            if asked && due > unasked {
                let (due, missed) = (due - unasked, missed - unasked);
                let of = steps.get(told).copied().unwrap_or_default();
                let given = of.asked > 0 && of.failed == 0;
                let unsigned =
                    if given { missed.min(f64::from(seen.due.saturating_sub(of.published))) } else { 0.0 };
                mark(Symptom::Unsigned, due, unsigned);
                if due > unsigned {
                    mark(Symptom::Missed, due - unsigned, missed - unsigned);
                }
            }
            if there > 0.0 {
                mark(Symptom::Late, there, f64::from(seen.late));
                // A client asks all its beacons at the same time: too early for one is too early for all.
                let share = 1.0 / client.map_or(1.0, |id| f64::from(facts.clients[&id].paths));
                mark(Symptom::WrongHead, there * share, f64::from(seen.wrong_head) * share);
            }
        }
    }
}

/// Of each client that missed duties of which no path is known: how many duties it had more than it published messages,
/// where all its questions were answered. For those it asked for nothing, or signed nothing.
fn unsent(facts: &SlotFacts, parts: &Parts) -> BTreeMap<Id, u32> {
    let missed = facts.duties.iter().filter(|(_, seen)| seen.missed > 0);
    let whose = missed.filter_map(|(path, _)| match parts.of(*path as PathId).ends {
        [client, None] => client,
        _ => None,
    });
    let mut due: BTreeMap<Id, u32> = whose.map(|client| (client, 0)).collect();
    if due.is_empty() {
        return due;
    }
    for (path, seen) in &facts.duties {
        if let Some(all) = parts.of(*path as PathId).ends[0].and_then(|client| due.get_mut(&client)) {
            *all += seen.due;
        }
    }
    for requests in &facts.requests {
        let [Some(client), _] = parts.of(requests.path as PathId).ends else { continue };
        if let Some(left) = due.get_mut(&client) {
            *left = match requests.step {
                ServedStep::Data if requests.failed > 0 => 0,
                ServedStep::Data => *left,
                ServedStep::Publish => left.saturating_sub(requests.n),
            };
        }
    }
    due
}

fn steps(facts: &SlotFacts, parts: &Parts) -> Vec<Steps> {
    let mut steps = vec![Steps::default(); parts.paths().len()];
    for requests in &facts.requests {
        let of = &mut steps[requests.path as usize];
        match requests.step {
            ServedStep::Data => (of.asked, of.failed) = (of.asked + requests.n, of.failed + requests.failed),
            ServedStep::Publish => of.published += requests.n,
        }
    }
    steps
}

fn at_once(facts: &SlotFacts, parts: &mut Parts, to: &mut Vec<Mark>) {
    // Without a block in time nobody is late with it.
    let in_time = facts.block == Some(BlockSeen::OnTime);
    let needs_block = |mark: &&Mark| matches!(mark.symptom, Symptom::Trailing | Symptom::HeadLate);
    to.extend(facts.probes.iter().filter(|mark| in_time || !needs_block(mark)));
    let mut clients: Vec<Asked> = vec![Asked::default(); parts.len()];
    facts.clients.iter().for_each(|(id, asked)| clients[*id] = *asked);
    let (unwell, waited) = (unwell(facts, parts), waited(facts, parts));
    let refusals = Refusals::new(facts, parts);
    for requests in &facts.requests {
        let path = requests.path as PathId;
        let (n, failed) = (f64::from(requests.n), f64::from(requests.failed));
        let mut mark = |path, symptom, n: f64, bad: f64| to.push(Mark { path, symptom, n, bad });
        let odd = requests.odd.map(|odd| f64::from(u8::from(odd)));
        if requests.step == ServedStep::Data {
            mark(path, Symptom::Unanswered, n, failed);
            if let Some(odd) = odd {
                mark(path, Symptom::Slow, 1.0, odd);
            }
            continue;
        }
        let [Some(client), Some(beacon)] = parts.of(path).ends else { continue };
        if failed == 0.0 {
            mark(path, Symptom::Untaken, n, 0.0);
        } else if let Some(whose) = refusals.whose(client, beacon) {
            let path = parts.between([Some(client), Some(whose)]);
            mark(path, Symptom::Untaken, n, failed);
        }
        if let Some(odd) = odd {
            // Late publications of one client in one slot are one.
            let share = 1.0 / f64::from(clients[client].published.max(1));
            let is_odd = odd > 0.0 && !unwell[beacon];
            let (whose, is_unwell) = match is_odd.then(|| waited.get(&client)).flatten() {
                Some(other) => (parts.between([Some(client), Some(*other)]), true),
                None => (path, unwell[beacon]),
            };
            let (of_both, of_client) = if is_unwell { (odd, 0.0) } else { (0.0, odd) };
            mark(whose, Symptom::PublishedLate, share, of_both * share);
            mark(whose, Symptom::SignedLate, share, of_client * share);
        }
    }
}

/// Which beacons were not well in a slot.
fn unwell(facts: &SlotFacts, parts: &Parts) -> Vec<bool> {
    let mut unwell = vec![false; parts.len()];
    let mut take = |path: PathId| parts.of(path).ends[1].into_iter().for_each(|beacon| unwell[beacon] = true);
    let probes = facts.probes.iter();
    let slow = |symptom| matches!(symptom, Symptom::Unreachable | Symptom::ProbeSlow | Symptom::TakenSlowly);
    let sick = |mark: &&Mark| mark.bad > 0.0 && slow(mark.symptom);
    probes.filter(sick).for_each(|mark| take(mark.path));
    let requests = facts.requests.iter();
    let sick = |of: &&Requests| of.failed > 0 || of.step == ServedStep::Data && of.odd == Some(true);
    requests.filter(sick).for_each(|of| take(of.path as PathId));
    unwell
}

/// Whom each client waited for in a slot before it had its data, by another beacon in the end.
fn waited(facts: &SlotFacts, parts: &Parts) -> BTreeMap<Id, Id> {
    let data = facts.requests.iter().filter(|of| of.step == ServedStep::Data);
    let slow = data.filter(|of| of.failed > 0 || of.odd == Some(true));
    slow.filter_map(|of| {
        let [client, beacon] = parts.of(of.path as PathId).ends;
        client.zip(beacon)
    })
    .collect()
}

/// What was not taken in a slot, and whose doing that is: the beacon's that does not take it, or the one's whose data was
/// signed. Who has to do with more of it has done it.
struct Refusals {
    /// Client, whose data it signed, who did not take it.
    all: Vec<(Id, Option<Id>, Id)>,
}

impl Refusals {
    fn new(facts: &SlotFacts, parts: &Parts) -> Self {
        let refused = facts.requests.iter().filter(|of| of.step == ServedStep::Publish && of.failed > 0);
        let all = refused.filter_map(|of| {
            let [client, beacon] = parts.of(of.path as PathId).ends;
            let source = facts.clients.get(&client?).and_then(|asked| asked.source.0);
            Some((client?, source, beacon?))
        });
        Self { all: all.collect() }
    }

    fn whose(&self, client: Id, beacon: Id) -> Option<Id> {
        let by = |of: Id| self.all.iter().filter(move |(_, _, by)| *by == of).count();
        let source = self.all.iter().find(|(of, _, by)| *of == client && *by == beacon)?.1;
        let Some(source) = source.filter(|source| *source != beacon) else { return Some(beacon) };
        let from = self.all.iter().filter(|(_, of, _)| *of == Some(source));
        let clients: BTreeSet<Id> = from.clone().map(|(client, ..)| *client).collect();
        let (of_source, of_beacon) = (from.count() + by(source), by(beacon));
        if of_beacon >= of_source {
            return Some(beacon);
        }
        // What one client alone is refused may be its own doing.
        (clients.len() > 1).then_some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DutiesSeen, MsSpread, ServedSeen, Slot};

    fn told(window: &mut Window, parts: &mut Parts, (client, beacon): (&str, &str), ms: [Option<f64>; 2]) {
        for (step, ms) in [ServedStep::Data, ServedStep::Publish].into_iter().zip(ms) {
            let seen = ServedSeen {
                slot: Slot(9),
                client: client.to_owned(),
                beacon: beacon.to_owned(),
                step,
                n: 3,
                failed: if ms.is_some() { 0 } else { 3 },
                after_due_ms: ms.map(|ms| MsSpread { p50: ms, max: ms }),
            };
            window.served(&seen, parts);
        }
    }

    fn refused(window: &mut Window, parts: &mut Parts, client: &str, beacon: &str) {
        let seen = ServedSeen {
            slot: Slot(9),
            client: client.to_owned(),
            beacon: beacon.to_owned(),
            step: ServedStep::Publish,
            n: 3,
            failed: 3,
            after_due_ms: None,
        };
        window.served(&seen, parts);
    }

    /// Beacons and clients on whose paths a symptom is wrong.
    fn wrong(window: &Window, parts: &mut Parts, symptom: Symptom) -> BTreeSet<String> {
        let mut marks = Vec::new();
        window.marks(9, Told::AtOnce, parts, &mut marks);
        let bad = marks.iter().filter(|mark| mark.symptom == symptom && mark.bad > 0.0);
        let ends = bad.flat_map(|mark| parts.of(mark.path).ends).flatten();
        ends.map(|id| parts.culprit(id).to_string()).collect()
    }

    #[test]
    fn what_is_refused_is_the_doing_of_who_has_to_do_with_more_of_it() {
        let well = [Some(10.0), Some(50.0)];
        let (mut window, mut parts) = (Window::default(), Parts::default());
        for (client, beacon) in [("c1", "b1"), ("c2", "b2"), ("c3", "b3")] {
            told(&mut window, &mut parts, (client, beacon), well);
            refused(&mut window, &mut parts, client, "b4");
        }
        let of = wrong(&window, &mut parts, Symptom::Untaken);
        assert!(
            of.contains("beacon b4") && !of.contains("beacon b1"),
            "it refuses what three others gave: {of:?}"
        );

        let (mut window, mut parts) = (Window::default(), Parts::default());
        for (client, by) in [("c1", "b2"), ("c2", "b3")] {
            told(&mut window, &mut parts, (client, "b1"), well);
            refused(&mut window, &mut parts, client, by);
        }
        let of = wrong(&window, &mut parts, Symptom::Untaken);
        assert!(of.contains("beacon b1") && !of.contains("beacon b2"), "two refuse what it gave: {of:?}");
    }

    #[test]
    fn a_late_publication_is_the_clients_if_its_beacon_is_well() {
        let (mut window, mut parts) = (Window::default(), Parts::default());
        for n in 0..8 {
            told(&mut window, &mut parts, (&format!("c{n}"), "b1"), [Some(10.0), Some(50.0)]);
        }
        told(&mut window, &mut parts, ("c0", "b1"), [Some(10.0), Some(5_000.0)]);
        assert!(wrong(&window, &mut parts, Symptom::SignedLate).contains("client c0"));
        assert!(wrong(&window, &mut parts, Symptom::PublishedLate).is_empty());
        told(&mut window, &mut parts, ("c1", "b1"), [Some(3_000.0), Some(5_000.0)]);
        assert!(wrong(&window, &mut parts, Symptom::PublishedLate).contains("client c1"));
    }

    #[test]
    fn a_late_publication_is_the_beacons_that_the_client_waited_for() {
        let (mut window, mut parts) = (Window::default(), Parts::default());
        for n in 0..8 {
            told(&mut window, &mut parts, (&format!("c{n}"), "b2"), [Some(10.0), Some(50.0)]);
        }
        told(&mut window, &mut parts, ("c0", "b1"), [Some(3_000.0), Some(60.0)]);
        told(&mut window, &mut parts, ("c0", "b2"), [Some(10.0), Some(5_000.0)]);
        assert!(wrong(&window, &mut parts, Symptom::SignedLate).is_empty());
        let late = wrong(&window, &mut parts, Symptom::PublishedLate);
        assert!(late.contains("beacon b1") && !late.contains("beacon b2"), "{late:?}");
    }

    #[test]
    fn duties_beyond_what_a_client_published_were_never_asked_for() {
        let unasked = |failed: u32| {
            let (mut window, mut parts) = (Window::default(), Parts::default());
            told(&mut window, &mut parts, ("c1", "b1"), [Some(10.0), Some(50.0)]);
            if failed > 0 {
                told(&mut window, &mut parts, ("c1", "b2"), [None, Some(50.0)]);
            }
            for (beacon, due, missed) in [(Some("b1"), 3, 0), (None, 5, 5)] {
                let beacon = beacon.map(str::to_owned);
                let (slot, as_of, client) = (Slot(9), Slot(11), "c1".to_owned());
                let seen = DutiesSeen { slot, as_of, client, beacon, due, missed, late: 0, wrong_head: 0 };
                window.duties(&seen, &mut parts);
            }
            let mut marks = Vec::new();
            window.marks(9, Told::ByChain, &mut parts, &mut marks);
            let sum = |of| marks.iter().filter(|mark| mark.symptom == of).map(|mark| mark.bad).sum::<f64>();
            (sum(Symptom::Unasked), sum(Symptom::Missed))
        };
        assert_eq!(unasked(0), (5.0, 0.0), "three messages for eight duties");
        assert_eq!(unasked(1), (0.0, 5.0), "it may have got no data");
    }
}
