//! The last slots: what was seen in each, by path, as small as it goes.

use std::collections::BTreeMap;

use super::apart::Apart;
use super::component::{Id, Parts, PathId};
use super::marks::Mark;
use super::symptom::Symptom;
use super::usual::{Rates, Times};
use crate::model::{
    BlockSeen, CanarySeen, DutiesSeen, HeadSeen, MsSpread, ProbeSeen, ServedSeen, ServedStep, ShadowSeen,
    SlotSeen,
};

/// Slots kept.
pub(super) const SLOTS: u64 = 128;
/// An answer is slow at so many times the usual, and longer than this share of a slot.
const SLOW: (f64, f64) = (4.0, 48.0);
/// A probe is slow at so many times the usual, and longer than this share of a slot.
const PROBE_SLOW: (f64, f64) = (6.0, 30.0);
/// A publication is late at so many times the usual after its due point, and later than this share of a slot and so many
/// milliseconds.
const LATE: (f64, f64, f64) = (2.5, 40.0, 150.0);
/// A publication is taken slowly at more than this share of a slot after others had taken it.
const TAKEN_SLOWLY: f64 = 16.0;
/// A head is told late at so many times the usual after it was agreed on, and more than this share of a slot.
const HEAD_LATE: (f64, f64) = (4.0, 12.0);
/// Slots behind that are no late block's doing.
const BEHIND: u64 = 2;
/// Peers below this share of the usual are few.
const FEW_PEERS: f64 = 0.25;
/// A fall of participation by so much is the network's doing.
pub(super) const FALL: f64 = 0.025;
/// And so many times what it usually wobbles by.
const WOBBLES: f64 = 5.0;
/// Before that is known, it is taken for this share of what usually does not come.
const WOBBLE: f64 = 0.25;

/// The beacon of a path is who had this share of the client's requests.
const MOSTLY: f64 = 0.6;
/// What a beacon that served a client once is worth against one that does so now, per request.
const SERVED_DECAY: f64 = 0.95;
/// Weights are made small again beyond this.
const HEAVY: f64 = 1e100;

/// Requests of one path and step in one slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requests {
    pub(super) path: u32,
    pub(super) n: u32,
    pub(super) failed: u32,
    pub(super) step: ServedStep,
    /// Whether it took oddly long; none: nothing was answered.
    pub(super) odd: Option<bool>,
}

/// The chain's verdict on one path's duties in one slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) due: u32,
    pub(super) missed: u32,
    pub(super) late: u32,
    pub(super) wrong_head: u32,
}

/// What was seen of one client in one slot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// Questions it had.
    pub(super) all: u32,
    /// The beacon that had most of them, and how many.
    most: (Option<Id>, u32),
    /// Paths it published by.
    pub(super) published: u32,
    /// The beacon that answered most, and how much.
    pub(super) source: (Option<Id>, u32),
    /// Paths on which it has duties.
    pub(super) paths: u32,
}

#[derive(Debug, Default)]
pub(super) struct SlotFacts {
    pub(super) block: Option<BlockSeen>,
    /// The client of ours that was to propose it.
    proposer: Option<Id>,
    participation: Option<f64>,
    /// What probes, heads and canaries told at once, and what comparing beacons did.
    pub(super) probes: Vec<Mark>,
    pub(super) requests: Vec<Requests>,
    pub(super) duties: BTreeMap<u32, Verdict>,
    /// What the chain says of answers by which nobody signed.
    pub(super) canaries: Vec<Mark>,
    pub(super) clients: BTreeMap<Id, Asked>,
}

/// Who serves a client, newer requests counting more.
#[derive(Debug)]
struct Servers {
    weight: f64,
    by: BTreeMap<Id, f64>,
}

impl Servers {
    fn take(&mut self, beacon: Id) {
        self.weight /= SERVED_DECAY;
        *self.by.entry(beacon).or_default() += self.weight;
        if self.weight > HEAVY {
            self.by.values_mut().for_each(|often| *often /= HEAVY);
            self.weight /= HEAVY;
        }
    }
}

/// The last slots.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) slots: BTreeMap<u64, SlotFacts>,
    pub(super) slot_ms: f64,
    answers: Times,
    publications: Times,
    probes: Times,
    peers: Times,
    heads: Times,
    apart: Apart,
    pub(super) rates: Rates,
    /// Usual participation, and by how much a slot's usually differs from it.
    pub(super) usual_share: Option<f64>,
    usual_wobble: f64,
    newest_duties: u64,
    pub(super) first: Option<u64>,
    /// Whether probes tell how far behind a head is.
    tells_lag: bool,
    /// When each beacon was last seen to accept connections and not to answer.
    hung: BTreeMap<Id, u64>,
    /// How often each beacon served a client lately.
    servers: BTreeMap<Id, Servers>,
    /// Up to which slot rates are learned: of what is seen at once and of duties, for all and for each.
    pub(super) learned: [u64; 5],
}

impl Window {
    fn at(&mut self, slot: u64) -> &mut SlotFacts {
        self.slots.entry(slot).or_default()
    }

    pub(super) fn slot(&mut self, seen: &SlotSeen, parts: &mut Parts) {
        let proposer = seen.proposer.as_deref().and_then(|client| {
            let path = parts.path(Some(client), None);
            parts.of(path).ends[0]
        });
        let facts = self.at(seen.slot.0);
        (facts.block, facts.participation) = (Some(seen.block), seen.participation);
        facts.proposer = proposer;
        if let Some(share) = seen.participation {
            if self.usual_share.is_none() {
                self.usual_wobble = WOBBLE * (1.0 - share);
            }
            let usual = self.usual_share.get_or_insert(share);
            let (off, fallen) = (share - *usual, share <= *usual - FALL);
            let by = if fallen { 0.002 } else { 0.05 };
            *usual += by * off;
            self.usual_wobble += by * (off.abs() - self.usual_wobble);
        }
    }

    pub(super) fn served(&mut self, seen: &ServedSeen, parts: &mut Parts) {
        let path = parts.path(Some(&seen.client), Some(&seen.beacon));
        let [Some(client), Some(beacon)] = parts.of(path).ends else { return };
        let answered = seen.after_due_ms.filter(|_| seen.n > seen.failed);
        let odd = answered.map(|times| match seen.step {
            ServedStep::Data => {
                let floor = self.slot_ms / SLOW.1;
                self.answers.is_odd(beacon, times.p50.max(0.0), SLOW.0, floor)
            }
            ServedStep::Publish => {
                let floor = (self.slot_ms / LATE.1).max(LATE.2);
                times.p50 > 0.0 && self.publications.is_odd(client, times.p50, LATE.0, floor)
            }
        });
        let facts = self.at(seen.slot.0);
        let (n, failed, step) = (seen.n, seen.failed, seen.step);
        facts.requests.push(Requests { path: path as u32, n, failed, step, odd });
        let of = facts.clients.entry(client).or_default();
        if step == ServedStep::Publish {
            of.published += u32::from(odd.is_some());
            if let Some(times) = answered {
                self.apart.take(seen.slot.0, (client, beacon), times.p50);
            }
            return;
        }
        of.all += n;
        if n > of.most.1 {
            of.most = (Some(beacon), n);
        }
        if n.saturating_sub(failed) > of.source.1 {
            of.source = (Some(beacon), n - failed);
        }
        if failed < n {
            let servers = self.servers.entry(client);
            servers.or_insert_with(|| Servers { weight: 1.0, by: BTreeMap::new() }).take(beacon);
        }
    }

    pub(super) fn probe(&mut self, seen: &ProbeSeen, parts: &mut Parts) {
        let path = parts.path(None, Some(&seen.beacon));
        let Some(beacon) = parts.of(path).ends[1] else { return };
        if seen.hung {
            self.hung.insert(beacon, seen.slot.0);
        }
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
                mark(Symptom::Foreign, seen.head_lag.is_none());
                if let Some(lag) = seen.head_lag {
                    mark(Symptom::Behind, lag >= BEHIND);
                    if lag < BEHIND {
                        mark(Symptom::Trailing, lag > 0);
                    }
                }
            }
            if let Some(ms) = seen.latency_ms {
                let floor = self.slot_ms / PROBE_SLOW.1;
                mark(Symptom::ProbeSlow, self.probes.is_odd(beacon, ms, PROBE_SLOW.0, floor));
            }
            if let Some(peers) = seen.peers {
                // Few is odd where many are usual: the reciprocal is long.
                let scarce = 1.0e6 / (peers as f64 + 0.5);
                mark(Symptom::Peers, self.peers.is_odd(beacon, scarce, 1.0 / FEW_PEERS, 1.0e6 / 12.0));
            }
        }
        self.at(seen.slot.0).probes.extend(marks);
    }

    pub(super) fn head(&mut self, seen: &HeadSeen, parts: &mut Parts) {
        let path = parts.path(None, Some(&seen.beacon));
        let Some(beacon) = parts.of(path).ends[1] else { return };
        let ms = seen.after_agreed_ms.unwrap_or(self.slot_ms);
        let late = self.heads.is_own_odd(beacon, ms, HEAD_LATE.0, self.slot_ms / HEAD_LATE.1);
        let bad = f64::from(u8::from(late));
        self.at(seen.slot.0).probes.push(Mark { path, symptom: Symptom::HeadLate, n: 1.0, bad });
    }

    pub(super) fn canary(&mut self, seen: &CanarySeen, parts: &mut Parts) {
        let path = parts.path(Some(&seen.client), Some(&seen.beacon));
        let heads = (seen.n.saturating_sub(seen.failed), seen.wrong_head);
        self.unused((seen.slot.0, path), (seen.n, seen.failed), heads, seen.took_ms, parts);
    }

    pub(super) fn shadow(&mut self, seen: &ShadowSeen, parts: &mut Parts) {
        let path = parts.path(None, Some(&seen.beacon));
        let heads = (seen.heads, seen.wrong_head);
        self.unused((seen.slot.0, path), (seen.n, seen.failed), heads, seen.took_ms, parts);
    }

    /// Answers that nobody used: how many were asked for and failed, how many told a head and a wrong one.
    fn unused(
        &mut self,
        (slot, path): (u64, PathId),
        asked: (u32, u32),
        heads: (u32, u32),
        took_ms: Option<MsSpread>,
        parts: &Parts,
    ) {
        let Some(beacon) = parts.of(path).ends[1] else { return };
        let count = |symptom, (n, bad): (u32, u32)| Mark {
            path,
            symptom,
            n: f64::from(n),
            bad: f64::from(bad.min(n)),
        };
        let odd = took_ms
            .map(|times| self.answers.is_odd(beacon, times.p50.max(0.0), SLOW.0, self.slot_ms / SLOW.1));
        let facts = self.at(slot);
        facts.probes.push(count(Symptom::Unanswered, asked));
        facts.probes.extend(odd.map(|odd| count(Symptom::Slow, (1, u32::from(odd)))));
        facts.canaries.push(count(Symptom::WrongHead, heads));
    }

    /// All of the newest slot has been told: what comparing beacons with each other tells.
    pub(super) fn ended(&mut self, parts: &mut Parts) {
        for (slot, beacon, slow) in self.apart.ended(self.slot_ms / TAKEN_SLOWLY) {
            let (path, bad) = (parts.between([None, Some(beacon)]), f64::from(u8::from(slow)));
            self.at(slot).probes.push(Mark { path, symptom: Symptom::TakenSlowly, n: 1.0, bad });
        }
    }

    /// Whether all these beacons were seen lately to accept connections and not to answer.
    pub(super) fn hung(&self, beacons: &[Id]) -> bool {
        !beacons.is_empty() && beacons.iter().all(|beacon| self.hung.contains_key(beacon))
    }

    pub(super) fn duties(&mut self, seen: &DutiesSeen, parts: &mut Parts) {
        self.newest_duties = self.newest_duties.max(seen.slot.0);
        let path = parts.path(Some(&seen.client), seen.beacon.as_deref()) as u32;
        let (due, missed) = (seen.due, seen.missed.min(seen.due));
        let verdict = Verdict { due, missed, late: seen.late, wrong_head: seen.wrong_head };
        let client = parts.of(path as PathId).ends[0];
        let facts = self.at(seen.slot.0);
        if facts.duties.insert(path, verdict).is_none()
            && let Some(client) = client
        {
            facts.clients.entry(client).or_default().paths += 1;
        }
    }

    pub(super) fn forget(&mut self, now: u64) {
        let first = now.saturating_sub(SLOTS);
        self.slots = self.slots.split_off(&first);
        self.hung.retain(|_, slot| *slot >= first);
        if let Some(facts) = self.slots.get_mut(&now) {
            facts.requests.shrink_to_fit();
            facts.probes.shrink_to_fit();
        }
    }

    /// A late or missing block makes votes wrong and late whoever casts them.
    pub(super) fn disturbed(&self, slot: u64) -> bool {
        let block = |slot: u64| self.slots.get(&slot).and_then(|facts| facts.block);
        block(slot).is_some_and(|block| block != BlockSeen::OnTime)
            || block(slot + 1) == Some(BlockSeen::Missed)
    }

    /// By how much fewer of the network's duties of a slot came than usual.
    pub(super) fn fall(&self, slot: u64) -> f64 {
        let share = self.slots.get(&slot).and_then(|facts| facts.participation);
        self.usual_share.zip(share).map_or(0.0, |(usual, share)| usual - share)
    }

    /// Whether fewer of the network's duties of a slot came than usual, by more than it usually wobbles.
    pub(super) fn is_fallen(&self, slot: u64) -> bool {
        self.fall(slot) > FALL.max(WOBBLES * self.usual_wobble)
    }

    pub(super) fn block(&self, slot: u64) -> Option<BlockSeen> {
        self.slots.get(&slot)?.block
    }

    /// The client of ours that was to propose in a slot.
    pub(super) fn proposer(&self, slot: u64) -> Option<Id> {
        self.slots.get(&slot)?.proposer
    }

    pub(super) fn newest_duties(&self) -> u64 {
        self.newest_duties
    }

    /// The path of duties whose beacon may not be told: by who served that client in that slot, or serves it at all.
    pub(super) fn by_whom(&self, path: PathId, facts: &SlotFacts, parts: &mut Parts) -> PathId {
        let [Some(client), None] = parts.of(path).ends else { return path };
        let beacon = match facts.clients.get(&client) {
            Some(Asked { all, most: (beacon, most), .. }) if *all > 0 => {
                beacon.filter(|_| f64::from(*most) >= f64::from(*all) * MOSTLY)
            }
            _ => self.servers.get(&client).and_then(|servers| {
                let all: f64 = servers.by.values().sum();
                let (beacon, most) = servers.by.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
                (*most >= all * MOSTLY).then_some(*beacon)
            }),
        };
        beacon.map_or(path, |beacon| parts.between([Some(client), Some(beacon)]))
    }

    /// Duties due over the last `width` slots on paths through a component.
    pub(super) fn due(&self, id: Id, width: u64, parts: &mut Parts) -> f64 {
        let all = self.duties_since(self.newest_duties.saturating_sub(width - 1), parts);
        let own = all.into_iter().filter(|(_, path, _)| parts.of(*path).all.contains(&id));
        own.map(|(_, _, seen)| f64::from(seen.due)).sum()
    }

    /// The chain's verdicts of slots from one on, with slot and path.
    pub(super) fn duties_since(&self, first: u64, parts: &mut Parts) -> Vec<(u64, PathId, Verdict)> {
        let slots = self.slots.range(first..);
        let all = slots.flat_map(|(slot, facts)| {
            facts.duties.iter().map(move |(path, seen)| (*slot, facts, *path as PathId, *seen))
        });
        all.map(|(slot, facts, path, seen)| (slot, self.by_whom(path, facts, parts), seen)).collect()
    }
}
