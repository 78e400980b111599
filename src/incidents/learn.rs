//! What is usual is learned from what nobody is blamed for.

use std::collections::HashMap;

use super::component::{Id, Parts};
use super::marks::Told;
use super::symptom::Symptom;
use super::window::{FALL, Window};

/// What is usual for one client or beacon is learned so many slots late: a fault is not usual before it is found.
const LAG: u64 = 24;
/// But for the first slots: how many duties get lost differs from network to network.
const BURN_IN: u64 = 12;
/// A fault may have begun so many slots before it is found.
const BEFORE: u64 = 4;

impl Window {
    /// Learns rates from what nobody is blamed for, in the newest slot that is old enough. `blamed` says since when.
    pub(super) fn learn(&mut self, now: u64, blamed: &HashMap<Id, u64>, parts: &mut Parts) {
        let first = *self.first.get_or_insert(now);
        let young = now.saturating_sub(first + BURN_IN).min(LAG);
        let mut sums: [Vec<(f64, f64)>; Symptom::ALL.len()] = Default::default();
        for (told, newest) in [(Told::AtOnce, now), (Told::ByChain, self.newest_duties())] {
            let by_chain = told == Told::ByChain;
            let slot = newest.saturating_sub(if by_chain { young } else { LAG });
            if slot <= self.learned[usize::from(by_chain)] || by_chain && self.fall(slot) > FALL {
                continue;
            }
            self.learned[usize::from(by_chain)] = slot;
            let mut marks = Vec::new();
            self.marks(slot, told, parts, &mut marks);
            let is_blamed = |id: &Id| blamed.get(id).is_some_and(|since| slot + BEFORE >= *since);
            let blamed: Vec<bool> = (0..parts.len()).map(|id| is_blamed(&id)).collect();
            for mark in marks {
                let path = parts.of(mark.path);
                if path.all.iter().any(|id| blamed[*id]) {
                    continue;
                }
                let worth = self.rates.worth(mark.symptom, mark.n);
                for id in path.ends.into_iter().flatten() {
                    self.rates.take_own(mark.symptom, id, mark.bad * worth / mark.n.max(1.0), worth);
                }
                sums[mark.symptom as usize].push((mark.bad, mark.n));
            }
        }
        for (symptom, cells) in Symptom::ALL.into_iter().zip(&sums).filter(|(_, cells)| !cells.is_empty()) {
            self.rates.take(symptom, cells);
        }
    }
}
