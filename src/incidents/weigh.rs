//! What blaming one component would explain.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{AGES, Cell, Cells};
use super::component::{Id, Parts, can_cause, is_broad};
use super::given::{Given, Sum};
use super::localise::Blame;
use super::symptom::{Family, KINDS, Reach, Symptom};
use crate::model::CulpritKind as Kind;

/// What one slot can show in one family of symptoms: what happens once, however often it is counted, is no fault.
const SLOT_CAP: f64 = 9.0;
/// Symptoms of one family in one slot come together: so much of what they weigh alone.
const CLUMP: f64 = 0.6;
/// Share of its symptoms a member must show.
const SHOWN: f64 = 0.3;
/// Or of one symptom that is no consequence of others, if that has this share of the weight of what has most.
const FULLY: f64 = 0.6;
const DIRECT: f64 = 0.25;
/// Share of a component's members that must show what it is blamed for.
const COVER: f64 = 0.7;

/// A blame and what it would explain, before it is weighed against others.
#[derive(Debug)]
pub(super) struct Weighed {
    pub(super) score: f64,
    pub(super) strength: BTreeMap<Symptom, f64>,
    /// How many slots ago it showed last.
    pub(super) newest: usize,
    /// Slots it shows in.
    pub(super) slots: usize,
    /// Whether a probe and a request show it in one slot.
    pub(super) at_once: bool,
}

/// The cells of a window, and which lie on whose paths.
pub(super) struct Scale<'a> {
    cells: &'a Cells,
    parts: &'a Parts,
    /// How much of a symptom there could be over all slots.
    sums: [f64; KINDS],
    /// How much of a duties' symptom there was, by age.
    slot_bad: Vec<[f64; KINDS]>,
    /// Wrong cells of each component.
    on: Vec<Vec<u32>>,
    /// How much is wrong on the paths of each.
    wrong: Vec<f64>,
    /// A print of all cells of each: equal if they are the same.
    prints: Vec<(u32, u64)>,
}

impl<'a> Scale<'a> {
    pub(super) fn new(cells: &'a Cells, parts: &'a Parts) -> Self {
        let mut sums = [0.0; KINDS];
        for (symptom, sum) in sums.iter_mut().enumerate() {
            *sum = cells.totals.iter().map(|of| of[symptom]).sum();
        }
        let mut slot_bad = vec![[0.0; KINDS]; AGES];
        let (mut on, mut wrong) = (vec![Vec::new(); parts.len()], vec![0.0; parts.len()]);
        let mut prints = vec![(0, 0); parts.len()];
        let mut print = |path: usize, symptom: Symptom, id: Id| {
            let (count, sum): &mut (u32, u64) = &mut prints[id];
            (*count, *sum) = (*count + 1, sum.wrapping_add(mixed((path * KINDS + symptom as usize) as u64)));
        };
        for (place, cell) in cells.bad.iter().enumerate() {
            if cell.symptom.family() == Family::Duties {
                slot_bad[cell.age][cell.symptom as usize] += cell.bad;
            }
            for id in parts.of(cell.path).on(cell.symptom) {
                on[*id].push(place as u32);
                wrong[*id] += cell.bad;
                print(cell.path, cell.symptom, *id);
            }
        }
        for right in &cells.right {
            parts
                .of(right.path)
                .on(right.symptom)
                .iter()
                .for_each(|id| print(right.path, right.symptom, *id));
        }
        Self { cells, parts, sums, slot_bad, on, wrong, prints }
    }

    pub(super) fn given(&self, blames: &[Blame]) -> Given {
        Given::new(self.cells, blames, self.parts)
    }

    /// Whether anything is wrong on its paths.
    pub(super) fn is_wrong(&self, id: Id) -> bool {
        self.wrong[id] > 0.0
    }

    /// How often a symptom is usual.
    pub(super) fn usual(&self, symptom: Symptom) -> f64 {
        self.cells.usual[symptom as usize]
    }

    /// Whether the same was seen of both.
    pub(super) fn is_same(&self, a: Id, b: Id) -> bool {
        self.prints[a] == self.prints[b]
    }

    /// Those of which most of what is wrong is wrong with it, too.
    pub(super) fn near(&self, id: Id) -> Vec<Id> {
        let mut both = vec![0.0; self.parts.len()];
        for cell in self.of(id) {
            self.parts.of(cell.path).on(cell.symptom).iter().for_each(|other| both[*other] += cell.bad);
        }
        let is_near = |other: &Id| {
            let least = self.wrong[id].min(self.wrong[*other]);
            *other != id && least > 0.0 && both[*other] >= 0.5 * least
        };
        (0..self.parts.len()).filter(is_near).collect()
    }

    fn cell(&self, place: u32) -> &Cell {
        &self.cells.bad[place as usize]
    }

    fn of(&self, id: Id) -> impl Iterator<Item = &Cell> {
        self.on[id].iter().map(|place| self.cell(*place))
    }

    /// Chance of each wrong cell of a component to be right without its doing: what befell the others in the same slot is
    /// no doing of its. `of` is how much of each symptom it could show.
    fn without(&self, own: &[u32], of: &[f64; KINDS], given: &Given) -> Vec<f64> {
        let mut by_age = vec![[0.0; KINDS]; AGES];
        for place in own {
            let cell = self.cell(*place);
            if given.safe[*place as usize] > 0.5 {
                by_age[cell.age][cell.symptom as usize] += cell.bad;
            }
        }
        let without = |place: &u32| {
            let (cell, safe) = (self.cell(*place), given.safe[*place as usize]);
            if cell.symptom.family() != Family::Duties {
                return safe;
            }
            let (age, symptom) = (cell.age, cell.symptom as usize);
            let others = self.slot_bad[age][symptom] - by_age[age][symptom];
            let share = of[symptom] / self.sums[symptom].max(1.0);
            let n = self.cells.totals[age][symptom] * (1.0 - share);
            let rate = (others.max(0.0) + cell.usual * 3.0) / (n + 3.0);
            safe.min(1.0 - rate.min(0.9))
        };
        own.iter().map(without).collect()
    }

    /// What blaming a component gains; none: nothing. As many as `witnesses` may each show a slot's worth, or its own if
    /// those are more.
    pub(super) fn weigh(&self, id: Id, witnesses: f64, given: &Given) -> Option<Weighed> {
        let kind = &self.parts.culprit(id).kind;
        let can = |symptom: Symptom| can_cause(kind, symptom);
        let tells = |place: &u32| !given.explained[*place as usize] && can(self.cell(*place).symptom);
        let own: Vec<u32> = self.on[id].iter().copied().filter(tells).collect();
        let mut right = given.left[id];
        Symptom::ALL.into_iter().filter(|symptom| !can(*symptom)).for_each(|symptom| {
            right[symptom as usize] = Sum::default();
        });
        let mut of = right.map(|sum| sum.n);
        for cell in own.iter().map(|place| self.cell(*place)) {
            of[cell.symptom as usize] += cell.n;
        }
        let safe = self.without(&own, &of, given);
        let strength = self.fit(&own, &safe, &right);
        if strength.is_empty() {
            return None;
        }
        let mut score: f64 = strength
            .iter()
            .map(|(symptom, strength)| right[*symptom as usize].n * (1.0 - strength).ln() * CLUMP)
            .sum();
        let mut by_age = vec![[0.0; 4]; AGES];
        for (place, safe) in own.iter().zip(&safe) {
            let cell = self.cell(*place);
            let Some(strength) = strength.get(&cell.symptom) else { continue };
            let was = (1.0 - safe).max(1e-9);
            let is = 1.0 - safe * (1.0 - strength);
            let gain = cell.bad * (is / was).ln() + (cell.n - cell.bad) * (1.0 - strength).ln();
            by_age[cell.age][cell.symptom.family() as usize] += gain * CLUMP;
        }
        let cap = SLOT_CAP * self.showing(id, &strength).max(witnesses);
        let (mut slots, mut newest, mut at_once) = (0, AGES, false);
        for (age, families) in by_age.iter().enumerate() {
            let sum: f64 = families.iter().map(|gain: &f64| gain.min(cap)).sum();
            score += sum;
            if sum > 1.5 {
                (slots, newest) = (slots + 1, newest.min(age));
            }
            at_once |= families[Family::Probe as usize] > 2.5
                && (families[Family::Data as usize] > 4.0 || families[Family::Publish as usize] > 4.0);
        }
        Some(Weighed { score, strength, newest, slots, at_once })
    }

    /// Who shows what a component does: its members, and of the only router the beacons, by what it measures of them.
    fn stand_on(&self, id: Id) -> impl Iterator<Item = Id> {
        self.parts.members(id).iter().copied().chain(self.parts.timed(id))
    }

    /// How many of a component's members show what it is weighed for: each is a witness of its own.
    fn showing(&self, id: Id, strength: &BTreeMap<Symptom, f64>) -> f64 {
        let shows = |member: &Id| self.of(*member).any(|cell| strength.contains_key(&cell.symptom));
        (self.stand_on(id).filter(shows).count() as f64).max(1.0)
    }

    /// The same, and of a beacon how many of its clients do.
    pub(super) fn witnesses(&self, id: Id, strength: &BTreeMap<Symptom, f64>) -> f64 {
        if self.parts.culprit(id).kind != Kind::Beacon {
            return self.showing(id, strength);
        }
        let cells = self.of(id).filter(|cell| strength.contains_key(&cell.symptom));
        let clients: BTreeSet<Id> = cells.filter_map(|cell| self.parts.of(cell.path).ends[0]).collect();
        (clients.len() as f64).max(1.0)
    }

    /// Strength by symptom that explains what is seen best, given what is explained already.
    fn fit(&self, own: &[u32], safe: &[f64], right: &[Sum; KINDS]) -> BTreeMap<Symptom, f64> {
        let mut sums = right.map(|sum| (sum.safe - sum.n, sum.safe));
        for (place, safe) in own.iter().zip(safe) {
            let cell = self.cell(*place);
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

    /// By symptom, how much more is wrong with a component than is given, and how much could be.
    fn excess(&self, id: Id, given: &Given) -> [(f64, f64); KINDS] {
        let mut sums = given.all()[id].map(|sum| (sum.safe - sum.n, sum.safe));
        for place in &self.on[id] {
            let (cell, safe) = (self.cell(*place), given.safe[*place as usize]);
            let sum = &mut sums[cell.symptom as usize];
            *sum = (sum.0 + cell.bad - cell.n * (1.0 - safe), sum.1 + cell.n * safe);
        }
        sums
    }

    /// Whether enough of what a broad component stands for shows what it is blamed for.
    pub(super) fn covers(&self, id: Id, weighed: &Weighed, given: &Given) -> bool {
        let clients = self.parts.members(id).len();
        if !is_broad(&self.parts.culprit(id).kind) {
            return true;
        }
        // What was seen most often of it counts most.
        let weights = self.excess(id, given).map(|(excess, _)| excess.max(0.0).sqrt());
        let most = weights.iter().copied().fold(0.0, f64::max);
        let (mut able, mut show) = (0_u32, 0_u32);
        for (place, member) in self.stand_on(id).enumerate() {
            let own = self.excess(member, given);
            let (mut shown, mut all, mut fully) = (0.0, 0.0, false);
            let can = |symptom: &Symptom| place < clients || symptom.reach() == Reach::Timed;
            for (symptom, strength) in weighed.strength.iter().filter(|(symptom, _)| can(symptom)) {
                let ((excess, n), weight) = (own[*symptom as usize], weights[*symptom as usize]);
                let expected = n * strength;
                if expected >= 0.8 {
                    let share = (excess / expected).clamp(0.0, 1.0);
                    (shown, all) = (shown + share * weight, all + weight);
                    let direct = symptom.family() != Family::Duties && weight >= DIRECT * most;
                    fully |= direct && share >= FULLY;
                }
            }
            if all > 0.0 {
                able += 1;
                show += u32::from(fully || shown >= SHOWN * all);
            }
        }
        show >= 2 && f64::from(show) >= COVER * f64::from(able)
    }
}

/// A number that tells others apart (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
