//! What is given once somebody is blamed: which cells that explains, and how probable the rest is.

use super::cells::{Cells, Right};
use super::component::{Parts, can_cause};
use super::localise::Blame;
use super::symptom::{Family, KINDS, Symptom};
use crate::model::CulpritKind as Kind;

/// A strength beyond this explains all of its family.
const EXPLAINS: f64 = 0.05;

/// What was right of one symptom on all paths of a component.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    /// How often.
    pub(super) n: f64,
    /// How often it would have been right without the component's doing.
    pub(super) safe: f64,
}

/// What is given by who is blamed.
#[derive(Debug)]
pub(super) struct Given {
    /// Chance of each wrong cell to be right.
    pub(super) safe: Vec<f64>,
    /// Whether a wrong cell is of a kind that a blamed component on its path explains: what is left of it blames nobody
    /// else.
    pub(super) explained: Vec<bool>,
    /// What was right on the paths of each component, and is not explained.
    pub(super) left: Vec<[Sum; KINDS]>,
    /// The same with what is explained; none: nothing is.
    all: Option<Vec<[Sum; KINDS]>>,
}

/// Which blames a path lies on, bit by bit, by [`Symptom::reach`].
type OnPath = Vec<[u8; 3]>;

impl Given {
    pub(super) fn new(cells: &Cells, blames: &[Blame], parts: &Parts) -> Self {
        let told: Vec<Told> =
            blames.iter().map(|blame| Told::new(blame, &parts.culprit(blame.id).kind)).collect();
        let on = on_paths(blames, parts);
        let judge = |path: usize, symptom: Symptom, usual: f64| {
            let mask = on[path][symptom.reach() as usize];
            let of_path = told.iter().enumerate().filter(|(place, _)| mask >> place & 1 == 1);
            of_path.fold((1.0 - usual, false), |(safe, explained), (_, told)| {
                let q = told.strength[symptom as usize];
                (safe * (1.0 - q), explained || told.explains(symptom))
            })
        };
        let (safe, explained) =
            cells.bad.iter().map(|cell| judge(cell.path, cell.symptom, cell.usual)).unzip();
        let nothing = || vec![[Sum::default(); KINDS]; parts.len()];
        let mut left = nothing();
        let mut all = (!blames.is_empty()).then(nothing);
        for right in &cells.right {
            let (safe, explained) = judge(right.path, right.symptom, right.usual);
            if !explained {
                add(&mut left, right, safe, parts);
            }
            if let Some(all) = &mut all {
                add(all, right, safe, parts);
            }
        }
        Self { safe, explained, left, all }
    }

    /// What was right on the paths of each component.
    pub(super) fn all(&self) -> &[[Sum; KINDS]] {
        self.all.as_ref().unwrap_or(&self.left)
    }
}

fn add(sums: &mut [[Sum; KINDS]], right: &Right, safe: f64, parts: &Parts) {
    for id in parts.of(right.path).on(right.symptom) {
        let sum = &mut sums[*id][right.symptom as usize];
        sum.n += right.n;
        sum.safe += right.n * safe;
    }
}

fn on_paths(blames: &[Blame], parts: &Parts) -> OnPath {
    let mask = |ids: &[usize]| {
        let on = blames.iter().enumerate().filter(|(_, blame)| ids.contains(&blame.id));
        on.fold(0, |mask, (place, _)| mask | 1 << place)
    };
    parts.paths().iter().map(|path| [&path.all, &path.back, &path.timed].map(|ids| mask(ids))).collect()
}

/// A blame, to be looked up.
struct Told {
    strength: [f64; KINDS],
    /// By family.
    explains: [bool; 4],
    /// What may be its doing.
    can: [bool; KINDS],
}

impl Told {
    fn new(blame: &Blame, kind: &Kind) -> Self {
        let (mut strength, mut explains) = ([0.0; KINDS], [false; 4]);
        for (symptom, q) in &blame.strength {
            strength[*symptom as usize] = *q;
            explains[symptom.family() as usize] |= *q > EXPLAINS;
        }
        if [Family::Data, Family::Probe, Family::Publish].iter().any(|family| explains[*family as usize]) {
            explains[Family::Duties as usize] = true;
            explains[Family::Publish as usize] = true;
        }
        Self { strength, explains, can: Symptom::ALL.map(|symptom| can_cause(kind, symptom)) }
    }

    /// Whether what is left of a symptom blames nobody else.
    fn explains(&self, symptom: Symptom) -> bool {
        self.explains[symptom.family() as usize] && self.can[symptom as usize]
    }
}
