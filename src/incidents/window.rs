//! The last slots, as counts of symptoms by path.

use std::collections::{BTreeMap, HashMap};

use super::component::{Id, Parts, PathId};
use super::symptom::{Family, Symptom};
use super::usual::{Rates, Times};
use crate::model::{BlockSeen, DutiesSeen, ProbeSeen, ServedSeen, ServedStep, SlotSeen};

/// Slots kept.
pub(super) const SLOTS: u64 = 128;
/// An answer is slow at so many times the usual, and longer than this share of a slot.
const SLOW: (f64, f64) = (4.0, 48.0);
/// A probe is slow at so many times the usual, and longer than this share of a slot.
const PROBE_SLOW: (f64, f64) = (6.0, 30.0);
/// A publication is late at so many times the usual after its due point, and later than this share of a slot and so many
/// milliseconds.
const LATE: (f64, f64, f64) = (2.5, 40.0, 150.0);
/// Slots behind that are no late block's doing.
const BEHIND: u64 = 2;
/// Peers below this share of the usual are few.
const FEW_PEERS: f64 = 0.25;
/// What is usual for one client or beacon is learned so many slots late: a fault is not usual before it is found.
const LAG: u64 = 24;
/// But for the first slots.
const BURN_IN: u64 = 12;
/// A fall of participation by so much is the network's doing.
pub(super) const FALL: f64 = 0.025;

/// What was counted of one symptom on one path in one slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) path: PathId,
    pub(super) symptom: Symptom,
    pub(super) n: f64,
    pub(super) bad: f64,
}

#[derive(Debug, Default)]
struct SlotFacts {
    block: Option<BlockSeen>,
    participation: Option<f64>,
    marks: Vec<Mark>,
    duties: BTreeMap<(String, Option<String>), DutiesSeen>,
    /// Who served each client, and how often.
    servers: HashMap<String, BTreeMap<String, u32>>,
}

/// One thing that was seen to be wrong, or how much was right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) path: PathId,
    pub(super) symptom: Symptom,
    /// None: all that was right, of all slots.
    pub(super) slot: Option<u64>,
    pub(super) n: f64,
    pub(super) bad: f64,
    /// What is usual.
    pub(super) usual: f64,
}

/// The cells of a window.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// What was wrong by slot, then what was right.
    pub(super) list: Vec<Cell>,
    /// How much of a symptom there could be in a slot.
    pub(super) totals: BTreeMap<(u64, Symptom), f64>,
}

/// The last slots.
#[derive(Debug, Default)]
pub(super) struct Window {
    slots: BTreeMap<u64, SlotFacts>,
    pub(super) slot_ms: f64,
    answers: Times<String>,
    publications: Times<String>,
    probes: Times<String>,
    peers: Times<String>,
    pub(super) rates: Rates,
    /// Usual participation.
    usual_share: Option<f64>,
    newest_duties: u64,
    first: Option<u64>,
    /// Whether probes tell how far behind a head is.
    tells_lag: bool,
    /// How often each beacon served a client lately.
    usual_servers: HashMap<String, BTreeMap<String, f64>>,
    /// Up to which slot rates are learned, of what is seen at once and of duties.
    learned: [u64; 2],
}

impl Window {
    fn at(&mut self, slot: u64) -> &mut SlotFacts {
        self.slots.entry(slot).or_default()
    }

    pub(super) fn slot(&mut self, seen: &SlotSeen) {
        let facts = self.at(seen.slot.0);
        (facts.block, facts.participation) = (Some(seen.block), seen.participation);
        if let Some(share) = seen.participation {
            let usual = self.usual_share.get_or_insert(share);
            let by = if share > *usual - FALL { 0.05 } else { 0.002 };
            *usual += by * (share - *usual);
        }
    }

    pub(super) fn served(&mut self, seen: &ServedSeen, parts: &mut Parts) {
        let path = parts.path(Some(&seen.client), Some(&seen.beacon));
        let n = f64::from(seen.n);
        let answered = seen.after_due_ms.filter(|_| seen.n > seen.failed);
        let mut marks = Vec::new();
        let mut mark = |symptom, n: f64, bad: f64| marks.push(Mark { path, symptom, n, bad });
        match seen.step {
            ServedStep::Data => {
                mark(Symptom::Unanswered, n, f64::from(seen.failed));
                if let Some(times) = answered {
                    let floor = self.slot_ms / SLOW.1;
                    let odd = self.answers.is_odd(&seen.beacon, times.p50.max(0.0), SLOW.0, floor);
                    mark(Symptom::Slow, 1.0, f64::from(u8::from(odd)));
                }
            }
            ServedStep::Publish => {
                mark(Symptom::Untaken, n, f64::from(seen.failed));
                if let Some(times) = answered {
                    let floor = (self.slot_ms / LATE.1).max(LATE.2);
                    let odd =
                        times.p50 > 0.0 && self.publications.is_odd(&seen.client, times.p50, LATE.0, floor);
                    mark(Symptom::PublishedLate, 1.0, f64::from(u8::from(odd)));
                }
            }
        }
        let facts = self.at(seen.slot.0);
        facts.marks.extend(marks);
        if seen.step == ServedStep::Data {
            let servers = facts.servers.entry(seen.client.clone()).or_default();
            *servers.entry(seen.beacon.clone()).or_default() += seen.n;
            if seen.failed < seen.n {
                let usual = self.usual_servers.entry(seen.client.clone()).or_default();
                for often in usual.values_mut() {
                    *often *= 0.95;
                }
                *usual.entry(seen.beacon.clone()).or_default() += 1.0;
            }
        }
    }

    pub(super) fn probe(&mut self, seen: &ProbeSeen, parts: &mut Parts) {
        let path = parts.path(None, Some(&seen.beacon));
        let mut marks = Vec::new();
        let mut mark = |symptom, bad: bool| {
            marks.push(Mark { path, symptom, n: 1.0, bad: f64::from(u8::from(bad)) });
        };
        mark(Symptom::Unreachable, !seen.reachable);
        if seen.reachable {
            mark(Symptom::ElOffline, seen.el_offline);
            mark(Symptom::Optimistic, seen.optimistic);
            self.tells_lag |= seen.head_lag.is_some();
            if self.tells_lag {
                // One whose lag is not told is on no chain of ours.
                mark(Symptom::Behind, seen.head_lag.is_none_or(|lag| lag >= BEHIND));
            }
            if let Some(ms) = seen.latency_ms {
                let floor = self.slot_ms / PROBE_SLOW.1;
                mark(Symptom::ProbeSlow, self.probes.is_odd(&seen.beacon, ms, PROBE_SLOW.0, floor));
            }
            if let Some(peers) = seen.peers {
                // Few is odd where many are usual: the reciprocal is long.
                let scarce = 1.0e6 / (peers as f64 + 0.5);
                mark(Symptom::Peers, self.peers.is_odd(&seen.beacon, scarce, 1.0 / FEW_PEERS, 1.0e6 / 12.0));
            }
        }
        self.at(seen.slot.0).marks.extend(marks);
    }

    pub(super) fn duties(&mut self, seen: &DutiesSeen) {
        self.newest_duties = self.newest_duties.max(seen.slot.0);
        let key = (seen.client.clone(), seen.beacon.clone());
        self.at(seen.slot.0).duties.insert(key, seen.clone());
    }

    pub(super) fn forget(&mut self, now: u64) {
        let first = now.saturating_sub(SLOTS);
        self.slots = self.slots.split_off(&first);
    }

    /// A late or missing block makes votes wrong and late whoever casts them.
    fn disturbed(&self, slot: u64) -> bool {
        let block = |slot: u64| self.slots.get(&slot).and_then(|facts| facts.block);
        block(slot).is_some_and(|block| block != BlockSeen::OnTime)
            || block(slot + 1) == Some(BlockSeen::Missed)
    }

    /// By how much fewer of the network's duties of a slot came than usual.
    pub(super) fn fall(&self, slot: u64) -> f64 {
        let share = self.slots.get(&slot).and_then(|facts| facts.participation);
        self.usual_share.zip(share).map_or(0.0, |(usual, share)| usual - share)
    }

    pub(super) fn block(&self, slot: u64) -> Option<BlockSeen> {
        self.slots.get(&slot)?.block
    }

    pub(super) fn newest_duties(&self) -> u64 {
        self.newest_duties
    }

    fn usual(&self, symptom: Symptom, slot: u64, path: PathId, parts: &Parts) -> f64 {
        let own = parts.of(path).ends.into_iter().flatten().map(|id| self.rates.own(symptom, id));
        let rate = own.fold(self.rates.of(symptom), f64::max);
        if symptom.family() != Family::Duties {
            return rate;
        }
        let network = if matches!(symptom, Symptom::Missed | Symptom::Unasked) {
            self.usual_share.map_or(0.0, |share| 1.0 - share) * 0.7
        } else {
            0.0
        };
        let fall = self.fall(slot);
        let fall = if fall > FALL / 2.0 { fall * 1.3 } else { 0.0 };
        (rate.max(network) + fall).min(0.6)
    }

    /// The beacon of a path that is not told: who served that client in that slot, or serves it at all.
    fn by_whom(&self, seen: &DutiesSeen, facts: &SlotFacts) -> Option<String> {
        let served = facts.servers.get(&seen.client);
        seen.beacon.clone().or_else(|| match served {
            Some(servers) => likely(servers.iter().map(|(name, n)| (name, f64::from(*n)))),
            None => likely(self.usual_servers.get(&seen.client)?.iter().map(|(name, n)| (name, *n))),
        })
    }

    /// Marks of one slot, the chain's verdict among them.
    pub(super) fn marks(&self, slot: u64, duties: bool, parts: &mut Parts) -> Vec<Mark> {
        let Some(facts) = self.slots.get(&slot) else { return Vec::new() };
        if !duties {
            // Late publications of one client in one slot are one.
            let late =
                |mark: &Mark| (mark.symptom == Symptom::PublishedLate).then(|| parts.of(mark.path).ends[0]);
            let mut paths: HashMap<Option<Id>, f64> = HashMap::new();
            facts.marks.iter().filter_map(late).for_each(|client| *paths.entry(client).or_default() += 1.0);
            // What two beacons do not take of one client is no fault of theirs.
            let untaken = |mark: &Mark| {
                (mark.symptom == Symptom::Untaken && mark.bad > 0.0).then(|| parts.of(mark.path).ends[0])
            };
            let mut refused: HashMap<Option<Id>, u32> = HashMap::new();
            facts
                .marks
                .iter()
                .filter_map(untaken)
                .for_each(|client| *refused.entry(client).or_default() += 1);
            let unfit = |mark: &Mark| untaken(mark).is_some_and(|client| refused[&client] > 1);
            let share = |mark: &Mark| late(mark).map_or(1.0, |client| 1.0 / paths[&client]);
            return facts
                .marks
                .iter()
                .filter(|mark| !unfit(mark))
                .map(|mark| Mark { n: mark.n * share(mark), bad: mark.bad * share(mark), ..*mark })
                .collect();
        }
        if self.disturbed(slot) {
            return Vec::new();
        }
        let mut marks = Vec::new();
        for seen in facts.duties.values() {
            let beacon = self.by_whom(seen, facts);
            let path = parts.path(Some(&seen.client), beacon.as_deref());
            let (due, missed) = (f64::from(seen.due), f64::from(seen.missed.min(seen.due)));
            let there = due - missed;
            let mut mark = |symptom, n: f64, bad: f64| marks.push(Mark { path, symptom, n, bad: bad.min(n) });
            let asked = seen.beacon.is_some() || facts.servers.contains_key(&seen.client);
            mark(Symptom::Unasked, due, if asked { 0.0 } else { missed });
            if asked {
                mark(Symptom::Missed, due, missed);
            }
            if there > 0.0 {
                mark(Symptom::Late, there, f64::from(seen.late));
                mark(Symptom::WrongHead, there, f64::from(seen.wrong_head));
            }
        }
        marks
    }

    /// The cells of the last `width` slots. `skip` says which components' marks up to which slot are explained.
    pub(super) fn cells(&self, now: u64, width: u64, skip: &HashMap<Id, u64>, parts: &mut Parts) -> Cells {
        let mut right: HashMap<(PathId, Symptom), (f64, f64)> = HashMap::new();
        let (mut cells, mut totals) = (Vec::new(), BTreeMap::new());
        for (duties, newest) in [(false, now), (true, self.newest_duties)] {
            for slot in newest.saturating_sub(width - 1)..=newest {
                for Mark { path, symptom, n, bad } in self.marks(slot, duties, parts) {
                    if n <= 0.0
                        || parts.of(path).all.iter().any(|id| skip.get(id).is_some_and(|to| slot <= *to))
                    {
                        continue;
                    }
                    let usual = self.usual(symptom, slot, path, parts);
                    let worth = self.rates.worth(symptom, n);
                    let (n, bad) = (worth, bad * worth / n);
                    *totals.entry((slot, symptom)).or_default() += n;
                    if bad > 0.0 {
                        cells.push(Cell { path, symptom, slot: Some(slot), n, bad, usual });
                    } else {
                        let all = right.entry((path, symptom)).or_default();
                        *all = (all.0 + n, all.1 + n * usual);
                    }
                }
            }
        }
        let mut right: Vec<_> = right.into_iter().collect();
        right.sort_by_key(|(key, _)| *key);
        cells.sort_by_key(|cell| cell.slot);
        cells.extend(right.into_iter().map(|((path, symptom), (n, usual))| Cell {
            path,
            symptom,
            slot: None,
            n,
            bad: 0.0,
            usual: usual / n,
        }));
        Cells { list: cells, totals }
    }

    /// Learns rates from what nobody is blamed for, in the newest slot.
    pub(super) fn learn(&mut self, now: u64, blamed: &HashMap<Id, u64>, parts: &mut Parts) {
        let first = *self.first.get_or_insert(now);
        let lag = now.saturating_sub(first + BURN_IN).min(LAG);
        let mut sums: HashMap<Symptom, Vec<(f64, f64)>> = HashMap::new();
        for duties in [false, true] {
            let slot = if duties { self.newest_duties } else { now }.saturating_sub(lag);
            if slot <= self.learned[usize::from(duties)] || duties && self.fall(slot) > FALL {
                continue;
            }
            self.learned[usize::from(duties)] = slot;
            for mark in self.marks(slot, duties, parts) {
                let path = parts.of(mark.path);
                if path.all.iter().any(|id| blamed.get(id).is_some_and(|since| slot + 4 >= *since)) {
                    continue;
                }
                let worth = self.rates.worth(mark.symptom, mark.n);
                for id in path.ends.into_iter().flatten() {
                    self.rates.take_own(mark.symptom, id, mark.bad * worth / mark.n.max(1.0), worth);
                }
                sums.entry(mark.symptom).or_default().push((mark.bad, mark.n));
            }
        }
        for (symptom, cells) in sums {
            self.rates.take(symptom, &cells);
        }
    }

    /// Duties due over the last `width` slots on paths through a component.
    pub(super) fn due(&self, id: Id, width: u64, parts: &mut Parts) -> f64 {
        let all = self.duties_since(self.newest_duties.saturating_sub(width - 1), parts);
        let own = all.into_iter().filter(|(path, _)| parts.of(*path).all.contains(&id));
        own.map(|(_, seen)| f64::from(seen.due)).sum()
    }

    /// The chain's verdicts of slots from one on, with their paths.
    pub(super) fn duties_since(&self, first: u64, parts: &mut Parts) -> Vec<(PathId, &DutiesSeen)> {
        let of_slots = self
            .slots
            .range(first..)
            .flat_map(|(_, facts)| facts.duties.values().map(move |seen| (seen, self.by_whom(seen, facts))));
        of_slots.map(|(seen, beacon)| (parts.path(Some(&seen.client), beacon.as_deref()), seen)).collect()
    }
}

/// Who served a client, if it was mostly one.
fn likely<'a>(servers: impl Iterator<Item = (&'a String, f64)>) -> Option<String> {
    let (mut all, mut best) = (0.0, None);
    for (name, n) in servers {
        all += n;
        if best.is_none_or(|(_, most)| n > most) {
            best = Some((name, n));
        }
    }
    best.filter(|(_, most)| *most >= all * 0.6).map(|(name, _)| name.clone())
}
