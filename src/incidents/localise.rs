//! Who is to blame: greedy maximum a posteriori over a noisy-OR model of many symptoms, with explain-away.
//!
//! For a cell with the active components of its path, P(bad) = 1 − (1 − b)·Π(1 − q) (Sherlock, SIGCOMM 2007; Flock,
//! arXiv 2305.03348). All symptoms share one set of active components; each component has a strength q per symptom. The
//! component with the largest gain in log-likelihood less its prior is added, until none is worth it; then each is
//! tried against its alternatives.

use std::collections::{BTreeMap, HashMap};

use super::component::{Id, Parts, is_broad, is_front};
use super::symptom::{Family, Symptom};
use super::window::{Cell, Cells};
use crate::model::CulpritKind as Kind;

/// A component is blamed for at least so many nats.
const THRESHOLD: f64 = 12.0;
/// Most culprits.
const MOST: usize = 6;
/// What one slot can show in one family of symptoms: what happens once, however often it is counted, is no fault.
const SLOT_CAP: f64 = 9.0;
/// Symptoms of one family in one slot come together: so much of what they weigh alone.
const CLUMP: f64 = 0.6;
/// Share of its symptoms a member must show.
const SHOWN: f64 = 0.3;
/// What votes for another head alone must show besides.
const DOUBT: f64 = 6.0;
/// A rival that explains the same within so many nats is waited for, while there is little to go by.
const RIVAL: (f64, f64) = (2.0, 8.0);
/// Share of a component's members that must show what it is blamed for.
const COVER: f64 = 0.7;

/// A component that is blamed.
#[derive(Debug, Clone)]
pub(super) struct Blame {
    pub(super) id: Id,
    /// Gain in log-likelihood less the prior, in nats.
    pub(super) score: f64,
    /// Strength by symptom.
    pub(super) strength: BTreeMap<Symptom, f64>,
    /// Newest slot that speaks for it.
    pub(super) newest: u64,
    /// What cannot be told apart from it.
    pub(super) like: Vec<Id>,
    /// Whose symptoms are mostly the same.
    pub(super) near: Vec<Id>,
}

/// A blame and what it would explain, before it is weighed against others.
struct Weighed {
    score: f64,
    strength: BTreeMap<Symptom, f64>,
    newest: u64,
    slots: usize,
    at_once: bool,
}

/// The cells, and which lie on whose paths.
pub(super) struct Localiser<'a> {
    cells: &'a [Cell],
    totals: &'a BTreeMap<(u64, Symptom), f64>,
    /// How much of a symptom there could be over all slots.
    sums: HashMap<Symptom, f64>,
    /// How much of a duties' symptom there was in a slot.
    slot_bad: HashMap<(u64, Symptom), f64>,
    on: Vec<Vec<u32>>,
    parts: &'a Parts,
    prior: &'a dyn Fn(Id) -> f64,
}

impl<'a> Localiser<'a> {
    pub(super) fn new(cells: &'a Cells, parts: &'a Parts, prior: &'a dyn Fn(Id) -> f64) -> Self {
        let Cells { list: cells, totals } = cells;
        let mut sums = HashMap::new();
        for ((_, symptom), n) in totals {
            *sums.entry(*symptom).or_default() += n;
        }
        let mut slot_bad = HashMap::new();
        for cell in cells.iter().filter(|cell| cell.symptom.family() == Family::Duties) {
            if let Some(slot) = cell.slot {
                *slot_bad.entry((slot, cell.symptom)).or_default() += cell.bad;
            }
        }
        let mut on = vec![Vec::new(); parts.len()];
        for (place, cell) in cells.iter().enumerate() {
            let path = parts.of(cell.path);
            let ids = if cell.symptom.is_clients_too() { &path.all } else { &path.back };
            for id in ids {
                on[*id].push(place as u32);
            }
        }
        Self { cells, totals, sums, slot_bad, on, parts, prior }
    }

    /// The most probable set of culprits.
    pub(super) fn solve(&self) -> Vec<Blame> {
        let mut blames: Vec<Blame> = Vec::new();
        let candidates: Vec<Id> = (0..self.parts.len())
            .filter(|id| self.on[*id].iter().any(|place| self.cells[*place as usize].bad > 0.0))
            .collect();
        while blames.len() < MOST {
            let safe = self.safe(&blames);
            let Some(best) = self.best(&candidates, &blames, &safe, None) else { break };
            blames.push(best);
        }
        for place in 0..blames.len() {
            let others: Vec<Blame> = blames
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != place)
                .map(|(_, blame)| blame.clone())
                .collect();
            let safe = self.safe(&others);
            let related = Some(blames[place].id);
            if let Some(best) = self.best(&candidates, &others, &safe, related) {
                blames[place] = best;
            }
        }
        let mut kept: Vec<Blame> = Vec::new();
        for blame in blames {
            if !kept.iter().any(|other| other.id == blame.id) {
                kept.push(blame);
            }
        }
        kept
    }

    /// Whether most of what is wrong with one is wrong with the other, too.
    fn overlap(&self, a: Id, b: Id) -> bool {
        let weight = |place: &u32| self.cells[*place as usize].bad;
        let both: f64 =
            self.on[a].iter().filter(|place| self.on[b].binary_search(place).is_ok()).map(weight).sum();
        let least = self.on[a].iter().map(weight).sum::<f64>().min(self.on[b].iter().map(weight).sum());
        least > 0.0 && both >= 0.5 * least
    }

    /// Chance of each cell to be right, given who is blamed.
    fn safe(&self, blames: &[Blame]) -> Vec<f64> {
        let mut safe: Vec<f64> = self.cells.iter().map(|cell| 1.0 - cell.usual).collect();
        for blame in blames {
            for place in &self.on[blame.id] {
                let strength =
                    blame.strength.get(&self.cells[*place as usize].symptom).copied().unwrap_or(0.0);
                safe[*place as usize] *= 1.0 - strength;
            }
        }
        safe
    }

    /// Whether a cell is of a kind that a blamed component on its path explains: what is left of it blames nobody else.
    fn explained(&self, blames: &[Blame]) -> Vec<bool> {
        let mut explained = vec![false; self.cells.len()];
        for blame in blames {
            let mut families = [false; 4];
            blame
                .strength
                .iter()
                .filter(|(_, q)| **q > 0.05)
                .for_each(|(symptom, _)| families[symptom.family() as usize] = true);
            if families[Family::Data as usize]
                || families[Family::Probe as usize]
                || families[Family::Publish as usize]
            {
                families[Family::Duties as usize] = true;
                families[Family::Publish as usize] = true;
            }
            for place in &self.on[blame.id] {
                explained[*place as usize] |= families[self.cells[*place as usize].symptom.family() as usize];
            }
        }
        explained
    }

    fn best(&self, candidates: &[Id], blames: &[Blame], safe: &[f64], related: Option<Id>) -> Option<Blame> {
        let explained = self.explained(blames);
        let mut all: Vec<(Id, Weighed)> = Vec::new();
        for id in candidates {
            if blames.iter().any(|blame| blame.id == *id)
                || related.is_some_and(|to| !self.parts.related(*id, to))
            {
                continue;
            }
            let Some(mut weighed) = self.weigh(*id, safe, &explained) else { continue };
            weighed.score -= (self.prior)(*id);
            if weighed.score >= THRESHOLD + doubt(&weighed.strength)
                && (weighed.slots >= 2 || weighed.at_once)
                && self.covers(*id, &weighed, safe)
            {
                all.push((*id, weighed));
            }
        }
        all.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then(a.0.cmp(&b.0)));
        if let [(first, best), (second, rival), ..] = &all[..]
            && related.is_none()
            && best.score < THRESHOLD + RIVAL.1
            && rival.score > best.score - RIVAL.0
            && self.on[*first] != self.on[*second]
            && self.overlap(*first, *second)
        {
            return None;
        }
        let mut all = all.into_iter();
        let (id, weighed) = all.next()?;
        let like =
            (0..self.parts.len()).filter(|other| *other != id && self.on[*other] == self.on[id]).collect();
        let near = (0..self.parts.len()).filter(|other| *other != id && self.overlap(id, *other)).collect();
        Some(Blame {
            id,
            near,
            score: weighed.score,
            strength: weighed.strength,
            newest: weighed.newest,
            like,
        })
    }

    /// Chance of each cell of a component to be right without its doing: what befell the others in the same slot is no
    /// doing of its.
    fn without(&self, own: &[u32], safe: &[f64]) -> Vec<f64> {
        let mut by_slot: HashMap<(u64, Symptom), f64> = HashMap::new();
        let mut of: HashMap<Symptom, f64> = HashMap::new();
        for place in own {
            let cell = &self.cells[*place as usize];
            *of.entry(cell.symptom).or_default() += cell.n;
            if let Some(slot) =
                cell.slot.filter(|_| cell.symptom.family() == Family::Duties && safe[*place as usize] > 0.5)
            {
                *by_slot.entry((slot, cell.symptom)).or_default() += cell.bad;
            }
        }
        own.iter()
            .map(|place| {
                let (cell, safe) = (&self.cells[*place as usize], safe[*place as usize]);
                let Some(key) =
                    cell.slot.map(|slot| (slot, cell.symptom)).filter(|key| self.slot_bad.contains_key(key))
                else {
                    return safe;
                };
                let others = self.slot_bad[&key] - by_slot.get(&key).copied().unwrap_or(0.0);
                let share = of[&cell.symptom] / self.sums[&cell.symptom].max(1.0);
                let n = self.totals[&key] * (1.0 - share);
                let rate = (others.max(0.0) + cell.usual * 3.0) / (n + 3.0);
                safe.min(1.0 - rate.min(0.9))
            })
            .collect()
    }

    /// What blaming a component gains; none: nothing.
    fn weigh(&self, id: Id, safe: &[f64], explained: &[bool]) -> Option<Weighed> {
        let front = is_front(&self.parts.culprit(id).kind);
        let tells = |place: &u32| {
            !explained[*place as usize] && (front || self.cells[*place as usize].symptom != Symptom::Unasked)
        };
        let own: Vec<u32> = self.on[id].iter().copied().filter(tells).collect();
        let own = &own;
        let safe = &self.without(own, safe);
        let strength = self.fit(own, safe);
        if strength.is_empty() {
            return None;
        }
        let (mut score, mut newest) = (0.0, 0);
        let mut slots: BTreeMap<u64, [f64; 4]> = BTreeMap::new();
        let cap = SLOT_CAP * self.showing(id, &strength);
        for (place, safe) in own.iter().zip(safe) {
            let cell = &self.cells[*place as usize];
            let Some(strength) = strength.get(&cell.symptom) else { continue };
            let right = (cell.n - cell.bad) * (1.0 - strength).ln();
            match cell.slot {
                None => score += right * CLUMP,
                Some(slot) => {
                    let was = (1.0 - safe).max(1e-9);
                    let is = 1.0 - safe * (1.0 - strength);
                    let gain = cell.bad * (is / was).ln() + right;
                    slots.entry(slot).or_default()[cell.symptom.family() as usize] += gain * CLUMP;
                }
            }
        }
        let (mut count, mut at_once) = (0, false);
        for (slot, families) in &slots {
            let sum: f64 = families.iter().map(|gain| gain.min(cap)).sum();
            score += sum;
            if sum > 1.5 {
                (count, newest) = (count + 1, newest.max(*slot));
            }
            at_once |= families[Family::Probe as usize] > 2.5
                && (families[Family::Data as usize] > 4.0 || families[Family::Publish as usize] > 4.0);
        }
        Some(Weighed { score, strength, newest, slots: count, at_once })
    }

    /// How many of a component's members show what it is weighed for: each is a witness of its own.
    fn showing(&self, id: Id, strength: &BTreeMap<Symptom, f64>) -> f64 {
        let shows = |member: &&Id| {
            self.on[**member].iter().any(|place| {
                let cell = &self.cells[*place as usize];
                cell.bad > 0.0 && strength.contains_key(&cell.symptom)
            })
        };
        (self.parts.members(id).iter().filter(shows).count() as f64).max(1.0)
    }

    /// Strength by symptom that explains what is seen best, given what is explained already.
    fn fit(&self, own: &[u32], safe: &[f64]) -> BTreeMap<Symptom, f64> {
        let mut sums = [(0.0, 0.0); Symptom::ALL.len()];
        for (place, safe) in own.iter().zip(safe) {
            let cell = &self.cells[*place as usize];
            let sum = &mut sums[cell.symptom as usize];
            sum.0 += cell.bad - cell.n * (1.0 - safe);
            sum.1 += cell.n * safe;
        }
        let fits = Symptom::ALL.into_iter().filter_map(|symptom| {
            let (excess, n) = sums[symptom as usize];
            let strength = excess / n;
            (n > 0.0 && strength > 0.005).then(|| (symptom, strength.min(0.98)))
        });
        fits.collect()
    }

    /// Whether enough of what a broad component stands for shows what it is blamed for.
    fn covers(&self, id: Id, weighed: &Weighed, safe: &[f64]) -> bool {
        let members = self.parts.members(id);
        if !is_broad(&self.parts.culprit(id).kind) {
            return true;
        }
        // What was seen most often of it counts most.
        let mut weights: BTreeMap<Symptom, f64> =
            weighed.strength.keys().map(|symptom| (*symptom, 0.0)).collect();
        for place in &self.on[id] {
            let (cell, safe) = (&self.cells[*place as usize], safe[*place as usize]);
            if let Some(weight) = weights.get_mut(&cell.symptom) {
                *weight += cell.bad - cell.n * (1.0 - safe);
            }
        }
        for weight in weights.values_mut() {
            *weight = weight.max(0.0).sqrt();
        }
        let (mut able, mut show) = (0, 0);
        for member in members {
            let mut sums: BTreeMap<Symptom, (f64, f64)> = BTreeMap::new();
            for place in &self.on[*member] {
                let (cell, safe) = (&self.cells[*place as usize], safe[*place as usize]);
                if let Some(strength) = weighed.strength.get(&cell.symptom)
                    && self.on[id].binary_search(place).is_ok()
                {
                    let sum = sums.entry(cell.symptom).or_default();
                    *sum = (sum.0 + cell.bad - cell.n * (1.0 - safe), sum.1 + cell.n * safe * strength);
                }
            }
            let told: Vec<(f64, f64)> = sums
                .iter()
                .filter(|(_, (_, expected))| *expected >= 0.8)
                .map(|(symptom, (excess, expected))| ((excess / expected).clamp(0.0, 1.0), weights[symptom]))
                .collect();
            let all: f64 = told.iter().map(|(_, weight)| weight).sum();
            if all > 0.0 {
                able += 1;
                show += usize::from(
                    told.iter().map(|(shown, weight)| shown * weight).sum::<f64>() >= SHOWN * all,
                );
            }
        }
        let only = self.parts.culprit(id).kind == Kind::Router && members.len() == 1;
        !only && show >= 2 && f64::from(show as u32) >= COVER * f64::from(able)
    }
}

/// Votes for another head alone, where those are usual, say little.
fn doubt(strength: &BTreeMap<Symptom, f64>) -> f64 {
    let only = strength.keys().all(|symptom| matches!(symptom, Symptom::WrongHead | Symptom::Late));
    if only { DOUBT } else { 0.0 }
}
