//! What is told of an incident besides who and why: what it costs, what is folded under it, who was looked at and is not it.

use std::collections::{BTreeMap, BTreeSet};

use super::Incidents;
use super::component::Id;
use super::marks::{Mark, Told};
use super::symptom::Symptom;
use super::window::SLOTS;
use crate::model::{Culprit, CulpritKind as Kind};

/// Most lines of those who are ruled out.
const RULED_OUT: usize = 6;
/// Whoever shows at most so many times what is usual elsewhere is ruled out, and so much at most.
const USUAL: f64 = 2.0;
const ELSEWHERE: f64 = 0.02;
/// Observations that are enough to say so.
const ENOUGH: f64 = 4.0;

/// Attestations on paths through a culprit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    /// How many were due.
    pub due: u64,
    /// Not included.
    pub missed: u64,
    /// Included late.
    pub late: u64,
    /// Included with another head than the chain's.
    pub wrong_head: u64,
}

impl Losses {
    /// Whether anything was lost.
    pub fn any(self) -> bool {
        self.missed + self.late + self.wrong_head > 0
    }
}

impl Incidents {
    /// The beacons a culprit stands for, by name.
    pub fn beacons_of(&self, culprit: &Culprit) -> Vec<String> {
        if culprit.kind == Kind::ChainSplit {
            return self.splits.beacons();
        }
        let Some(id) = self.place(culprit) else { return Vec::new() };
        let own = [id];
        let members = if culprit.kind == Kind::Beacon { &own[..] } else { self.parts().members(id) };
        let of = members.iter().map(|id| self.parts().culprit(*id));
        of.filter(|one| one.kind == Kind::Beacon).map(|one| one.name.clone()).collect()
    }

    /// What beacons or clients of the fleet have in common, by which they may be blamed together.
    pub fn groups(&self) -> Vec<Culprit> {
        self.parts().groups()
    }

    /// The newest slot the chain has told of.
    pub fn counted(&self) -> u64 {
        self.window().newest_duties()
    }

    /// What went by a culprit from each of some slots on, and is counted; the network: everything. The first slot is the
    /// earliest.
    pub fn losses<const N: usize>(&mut self, culprit: &Culprit, since: [u64; N]) -> [Losses; N] {
        let place = self.place(culprit);
        let everybody = culprit.kind == Kind::Network;
        let (window, parts) = self.seen();
        let mut out = [Losses::default(); N];
        if place.is_none() && !everybody {
            return out;
        }
        for (slot, path, seen) in window.duties_since(since.first().copied().unwrap_or_default(), parts) {
            if everybody || place.is_some_and(|id| parts.of(path).all.contains(&id)) {
                for (losses, _) in out.iter_mut().zip(since).filter(|(_, since)| slot >= *since) {
                    losses.due += u64::from(seen.due);
                    losses.missed += u64::from(seen.missed);
                    losses.late += u64::from(seen.late);
                    losses.wrong_head += u64::from(seen.wrong_head);
                }
            }
        }
        out
    }

    /// What showed on a culprit's paths from a slot on, one line a symptom; and who shared the bad ones and shows nothing
    /// elsewhere.
    pub fn shown(&mut self, culprit: &Culprit, since: u64) -> (Vec<String>, Vec<String>) {
        let Some(id) = self.place(culprit) else { return (Vec::new(), Vec::new()) };
        let marks = self.marks_since(since);
        (self.folded(id, &marks), self.ruled_out(id, culprit, &marks))
    }

    fn folded(&self, id: Id, marks: &[Mark]) -> Vec<String> {
        let mut own: BTreeMap<Symptom, (f64, f64, BTreeSet<Id>)> = BTreeMap::new();
        for mark in marks {
            let path = self.parts().of(mark.path);
            if !path.on(mark.symptom).contains(&id) {
                continue;
            }
            let (bad, n, ends) = own.entry(mark.symptom).or_default();
            (*bad, *n) = (*bad + mark.bad, *n + mark.n);
            if mark.bad > 0.0 {
                ends.extend(path.ends.into_iter().flatten().filter(|end| *end != id));
            }
        }
        let line = |(symptom, (bad, n, ends)): (Symptom, (f64, f64, BTreeSet<Id>))| {
            let over = match ends.len() {
                0 => String::new(),
                1 => format!(", at {}", self.parts().culprit(*ends.first()?)),
                many => format!(", at {many} others"),
            };
            (bad > 0.0).then(|| format!("{} {bad:.0} of {n:.0}{over}", symptom.words()))
        };
        own.into_iter().filter_map(line).collect()
    }

    fn ruled_out(&self, id: Id, culprit: &Culprit, marks: &[Mark]) -> Vec<String> {
        let mut others: BTreeMap<Id, (f64, f64)> = BTreeMap::new();
        let on = |mark: &Mark| self.parts().of(mark.path).on(mark.symptom);
        let mut shown: BTreeSet<Symptom> = BTreeSet::new();
        for mark in marks.iter().filter(|mark| mark.bad > 0.0 && on(mark).contains(&id)) {
            shown.insert(mark.symptom);
            others.extend(on(mark).iter().filter(|other| **other != id).map(|other| (*other, (0.0, 0.0))));
        }
        for mark in marks.iter().filter(|mark| shown.contains(&mark.symptom) && !on(mark).contains(&id)) {
            for other in on(mark) {
                if let Some((bad, n)) = others.get_mut(other) {
                    (*bad, *n) = (*bad + mark.bad, *n + mark.n);
                }
            }
        }
        let usual = shown.iter().map(|symptom| self.window().rates.of(*symptom)).fold(0.0, f64::max);
        let most = (usual * USUAL).max(ELSEWHERE);
        let mut lines: Vec<(f64, String)> = others
            .into_iter()
            .filter(|(_, (bad, n))| *n >= ENOUGH && bad / n <= most)
            .map(|(other, (bad, n))| {
                (n, format!("{}: {bad:.0} of {n:.0} without {culprit}", self.parts().culprit(other)))
            })
            .collect();
        lines.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        lines.into_iter().take(RULED_OUT).map(|(_, line)| line).collect()
    }

    fn marks_since(&mut self, since: u64) -> Vec<Mark> {
        let now = self.now().unwrap_or(since);
        let first = since.max(now.saturating_sub(SLOTS));
        let (window, parts) = self.seen();
        let mut marks = Vec::new();
        for slot in first..=now {
            for told in [Told::AtOnce, Told::ByChain] {
                window.marks(slot, told, parts, &mut marks);
            }
        }
        marks
    }
}
