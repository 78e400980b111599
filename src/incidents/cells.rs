//! Cells: what the last slots show, ready to be weighed. What was wrong stands slot by slot, what was right in sums.

use std::collections::HashMap;

use super::component::{Id, Parts, PathId};
use super::marks::{Mark, Told};
use super::symptom::{Family, KINDS, Symptom};
use super::usual::worth;
use super::window::{FALL, SLOTS, Window};

/// Ages of slots there are.
pub(super) const AGES: usize = SLOTS as usize + 1;

/// What was wrong on one path in one slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) path: PathId,
    pub(super) symptom: Symptom,
    /// How many slots ago.
    pub(super) age: usize,
    pub(super) n: f64,
    pub(super) bad: f64,
    /// What is usual.
    pub(super) usual: f64,
}

/// How often something was right on one path, in all slots of the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right {
    pub(super) path: PathId,
    pub(super) symptom: Symptom,
    pub(super) n: f64,
    /// What is usual.
    pub(super) usual: f64,
}

/// The cells of a window.
#[derive(Debug, Default)]
pub(super) struct Cells {
    /// What was wrong, newest first.
    pub(super) bad: Vec<Cell>,
    /// What was right, path by path.
    pub(super) right: Vec<Right>,
    /// How much of each symptom there could be, by age.
    pub(super) totals: Vec<[f64; KINDS]>,
    /// What is usual for all.
    pub(super) usual: [f64; KINDS],
}

/// What is usual, worked out once for a look at all slots.
struct Usual {
    own: Vec<[f64; KINDS]>,
    all: [f64; KINDS],
    network: f64,
    clump: [f64; KINDS],
    /// A component's marks before this slot are explained.
    explained: Vec<u64>,
}

impl Usual {
    fn new(window: &Window, skip: &HashMap<Id, u64>, parts: &Parts) -> Self {
        let rates = &window.rates;
        let mut explained = vec![0; if skip.is_empty() { 0 } else { parts.len() }];
        for (id, to) in skip {
            explained[*id] = to + 1;
        }
        Self {
            own: (0..parts.len()).map(|id| Symptom::ALL.map(|symptom| rates.own(symptom, id))).collect(),
            all: Symptom::ALL.map(|symptom| rates.of(symptom)),
            network: window.usual_share.map_or(0.0, |share| 1.0 - share) * 0.7,
            clump: Symptom::ALL.map(|symptom| rates.clump(symptom)),
            explained,
        }
    }

    /// Of one symptom on one path in a slot in which the network's participation fell by so much.
    fn of(&self, mark: &Mark, fall: f64, parts: &Parts) -> f64 {
        let symptom = mark.symptom as usize;
        let own = parts.of(mark.path).ends.into_iter().flatten().map(|id| self.own[id][symptom]);
        let rate = own.fold(self.all[symptom], f64::max);
        if mark.symptom.family() != Family::Duties {
            return rate;
        }
        let fall = if fall > FALL / 2.0 { fall * 1.3 } else { 0.0 };
        (rate.max(if mark.symptom.is_loss() { self.network } else { 0.0 }) + fall).min(0.95)
    }

    fn is_explained(&self, path: PathId, slot: u64, parts: &Parts) -> bool {
        !self.explained.is_empty() && parts.of(path).all.iter().any(|id| slot < self.explained[*id])
    }
}

/// Cells as they are summed up.
#[derive(Default)]
struct Sums {
    bad: Vec<Cell>,
    /// By path and symptom: how often it was right, and how often it would usually have been wrong.
    right: Vec<(f64, f64)>,
    totals: Vec<[f64; KINDS]>,
    /// Room for the marks of a slot.
    marks: Vec<Mark>,
}

impl Sums {
    fn take(&mut self, mark: &Mark, age: usize, usual: f64, worth: f64) {
        let Mark { path, symptom, n, bad } = *mark;
        self.totals[age][symptom as usize] += worth;
        if bad > 0.0 {
            self.bad.push(Cell { path, symptom, age, n: worth, bad: bad * worth / n, usual });
            return;
        }
        let place = path * KINDS + symptom as usize;
        if self.right.len() <= place {
            self.right.resize(place + 1, (0.0, 0.0));
        }
        let sum = &mut self.right[place];
        *sum = (sum.0 + worth, sum.1 + worth * usual);
    }

    fn cells(&self) -> Cells {
        let right =
            self.right.iter().enumerate().filter(|(_, (n, _))| *n > 0.0).map(|(place, (n, usual))| {
                let (path, symptom) = (place / KINDS, Symptom::ALL[place % KINDS]);
                Right { path, symptom, n: *n, usual: usual / n }
            });
        Cells {
            bad: self.bad.clone(),
            right: right.collect(),
            totals: self.totals.clone(),
            ..Cells::default()
        }
    }
}

impl Window {
    /// The cells of the last slots for each of some widths, the narrowest first; each slot is looked at once. `skip` says
    /// which components' marks up to which slot are explained.
    pub(super) fn cells(
        &self,
        now: u64,
        widths: &[u64],
        skip: &HashMap<Id, u64>,
        parts: &mut Parts,
    ) -> Vec<Cells> {
        let usual = Usual::new(self, skip, parts);
        let mut sums = Sums { totals: vec![[0.0; KINDS]; AGES], ..Sums::default() };
        let (mut all, mut back) = (Vec::new(), 0);
        for width in widths {
            for back in back..*width {
                for (told, newest) in [(Told::AtOnce, now), (Told::ByChain, self.newest_duties())] {
                    let Some(slot) = newest.checked_sub(back).filter(|slot| slot + SLOTS >= now) else {
                        continue;
                    };
                    self.sum(slot, (told, now), &usual, parts, &mut sums);
                }
            }
            back = *width;
            all.push(Cells { usual: usual.all, ..sums.cells() });
        }
        all
    }

    fn sum(&self, slot: u64, (told, now): (Told, u64), usual: &Usual, parts: &mut Parts, sums: &mut Sums) {
        let (fall, age) = (self.fall(slot), (now - slot) as usize);
        let mut marks = std::mem::take(&mut sums.marks);
        self.marks(slot, told, parts, &mut marks);
        for mark in marks.drain(..) {
            if mark.n > 0.0 && !usual.is_explained(mark.path, slot, parts) {
                let worth = worth(usual.clump[mark.symptom as usize], mark.n);
                sums.take(&mark, age, usual.of(&mark, fall, parts), worth);
            }
        }
        sums.marks = marks;
    }
}
