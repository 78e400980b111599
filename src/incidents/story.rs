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
        let Some(id) = self.place(culprit) else { return Vec::new() };
        let own = [id];
        let members = if culprit.kind == Kind::Beacon { &own[..] } else { self.parts().members(id) };
        let of = members.iter().map(|id| self.parts().culprit(*id));
        of.filter(|one| one.kind == Kind::Beacon).map(|one| one.name.clone()).collect()
    }

    /// The newest slot the chain has told of.
    pub fn counted(&self) -> u64 {
        self.window().newest_duties()
    }

    /// What went by a culprit from a slot on, and is counted; the network: everything.
    pub fn losses(&mut self, culprit: &Culprit, since: u64) -> Losses {
        let place = self.place(culprit);
        let everybody = culprit.kind == Kind::Network;
        let (window, parts) = self.seen();
        let mut out = Losses::default();
        if place.is_none() && !everybody {
            return out;
        }
        for (path, seen) in window.duties_since(since, parts) {
            if everybody || place.is_some_and(|id| parts.of(path).all.contains(&id)) {
                out.due += u64::from(seen.due);
                out.missed += u64::from(seen.missed);
                out.late += u64::from(seen.late);
                out.wrong_head += u64::from(seen.wrong_head);
            }
        }
        out
    }

    /// What showed on a culprit's paths from a slot on, one line a symptom.
    pub fn folded(&mut self, culprit: &Culprit, since: u64) -> Vec<String> {
        let Some(id) = self.place(culprit) else { return Vec::new() };
        let marks = self.marks_since(since);
        let mut own: BTreeMap<Symptom, (f64, f64, BTreeSet<Id>)> = BTreeMap::new();
        for mark in &marks {
            let path = self.parts().of(mark.path);
            let on = if mark.symptom.is_clients_too() { &path.all } else { &path.back };
            if !on.contains(&id) {
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

    /// Who shared the bad paths of a culprit and shows nothing elsewhere.
    pub fn ruled_out(&mut self, culprit: &Culprit, since: u64) -> Vec<String> {
        let Some(id) = self.place(culprit) else { return Vec::new() };
        let marks = self.marks_since(since);
        let mut others: BTreeMap<Id, (f64, f64)> = BTreeMap::new();
        let on = |mark: &Mark| {
            let path = self.parts().of(mark.path);
            if mark.symptom.is_clients_too() { path.all.clone() } else { path.back.clone() }
        };
        let mut shown: BTreeSet<Symptom> = BTreeSet::new();
        for mark in marks.iter().filter(|mark| mark.bad > 0.0) {
            let path = on(mark);
            if path.contains(&id) {
                shown.insert(mark.symptom);
                others.extend(path.into_iter().filter(|other| *other != id).map(|other| (other, (0.0, 0.0))));
            }
        }
        for mark in marks.iter().filter(|mark| shown.contains(&mark.symptom)) {
            let path = on(mark);
            if path.contains(&id) {
                continue;
            }
            for other in path {
                if let Some((bad, n)) = others.get_mut(&other) {
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
