//! What is usual is learned from what nobody is blamed for.

use std::collections::HashMap;

use super::component::{Id, Parts};
use super::marks::Told;
use super::symptom::Symptom;
use super::window::{FALL, Window};

/// What is usual is learned so many slots late: a fault is not usual before it is found.
const LAG: u64 = 24;
/// What one client or beacon loses, so many: a weak fault of one shows in the widest window only. Which heads it votes for, and how
/// late, is a habit of its time.
const OWN_LAG: u64 = 100;
/// But for the first slots: how many duties get lost differs from network to network.
const BURN_IN: u64 = 12;
/// A fault may have begun so many slots before it is found.
const BEFORE: u64 = 4;

/// Whose rates are learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    All,
    Own,
    OwnLosses,
}

impl Whose {
    fn takes(self, symptom: Symptom) -> bool {
        match self {
            Self::All => true,
            Self::Own => !symptom.is_loss(),
            Self::OwnLosses => symptom.is_loss(),
        }
    }
}

/// Since when components have been blamed, and up to which slot what they show belongs to incidents that have ended.
#[derive(Debug)]
pub(super) struct Blamed<'a> {
    pub(super) since: HashMap<Id, u64>,
    pub(super) until: &'a HashMap<Id, u64>,
}

impl Blamed<'_> {
    fn in_slot(&self, id: Id, slot: u64) -> bool {
        self.since.get(&id).is_some_and(|since| slot + BEFORE >= *since)
            || self.until.get(&id).is_some_and(|until| slot <= *until)
    }
}

impl Window {
    /// Learns rates from what nobody is blamed for, in the newest slots that are old enough.
    pub(super) fn learn(&mut self, now: u64, blamed: &Blamed<'_>, parts: &mut Parts) {
        let first = *self.first.get_or_insert(now);
        let young = now.saturating_sub(first + BURN_IN);
        let newest = self.newest_duties();
        let lags = [
            (Told::AtOnce, Whose::All, now.saturating_sub(LAG)),
            (Told::AtOnce, Whose::Own, now.saturating_sub(LAG)),
            (Told::ByChain, Whose::All, newest.saturating_sub(young.min(LAG))),
            (Told::ByChain, Whose::Own, newest.saturating_sub(young.min(LAG))),
            (Told::ByChain, Whose::OwnLosses, newest.saturating_sub(young.min(OWN_LAG))),
        ];
        let mut sums: [Vec<(f64, f64)>; Symptom::ALL.len()] = Default::default();
        for (place, (told, whose, slot)) in lags.into_iter().enumerate() {
            if slot <= self.learned[place] || told == Told::ByChain && self.fall(slot) > FALL {
                continue;
            }
            self.learned[place] = slot;
            let mut marks = Vec::new();
            self.marks(slot, told, parts, &mut marks);
            let blamed: Vec<bool> = (0..parts.len()).map(|id| blamed.in_slot(id, slot)).collect();
            for mark in marks {
                let path = parts.of(mark.path);
                if !whose.takes(mark.symptom) || path.all.iter().any(|id| blamed[*id]) {
                    continue;
                }
                if whose == Whose::All {
                    sums[mark.symptom as usize].push((mark.bad, mark.n));
                    continue;
                }
                let worth = self.rates.worth(mark.symptom, mark.n);
                for id in path.ends.into_iter().flatten() {
                    self.rates.take_own(mark.symptom, id, mark.bad * worth / mark.n.max(1.0), worth);
                }
            }
        }
        for (symptom, cells) in Symptom::ALL.into_iter().zip(&sums).filter(|(_, cells)| !cells.is_empty()) {
            self.rates.take(symptom, cells);
        }
    }
}
