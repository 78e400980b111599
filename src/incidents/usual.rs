//! What is usual: times of each beacon and client, and rates of each symptom.

use std::collections::HashMap;

use super::component::Id;
use super::symptom::{Family, KINDS, Symptom};

/// Share by which an estimate moves at an observation, while it is young and once it has settled.
const MOVES: (f64, f64) = (0.25, 0.03);
/// Observations after which an estimate has settled.
const SETTLED: u32 = 16;
/// Observations after which what is usual for one of them is known.
const KNOWN: u32 = 4;
/// What is known beforehand of clumps is worth so much.
const CLUMPS: f64 = 20.0;
/// What the rate of all is worth beside one's own, in observations.
const OWN: f64 = 20.0;
const CLUMP_DECAY: f64 = 0.99;
/// What a slot's counts are worth a slot later.
const DECAY: f64 = 0.985;

/// The median of a stream of times in milliseconds, by steps of its logarithm.
#[derive(Debug, Clone, Copy, Default)]
struct Median {
    log: f64,
    seen: u32,
}

impl Median {
    fn take(&mut self, ms: f64) {
        let log = ms.max(1.0).ln();
        let by = if self.seen < SETTLED { MOVES.0 } else { MOVES.1 };
        self.log = if self.seen == 0 { log } else { self.log + by * (log - self.log).clamp(-1.0, 1.0) };
        self.seen += 1;
    }

    fn ms(&self) -> f64 {
        self.log.exp()
    }
}

/// Usual times by who they are of, and over all.
#[derive(Debug, Default)]
pub(super) struct Times {
    own: HashMap<Id, Median>,
    all: Median,
}

impl Times {
    /// Whether a time is `times` as long as is usual, for its own and for all, and longer than `floor`. What is not that
    /// long is learned from.
    pub(super) fn is_odd(&mut self, of: Id, ms: f64, times: f64, floor: f64) -> bool {
        self.judge(of, ms, self.own(of).unwrap_or(0.0), (times, floor))
    }

    /// The same, but none is odd before what is usual for its own is known: some are far from the rest for good.
    pub(super) fn is_own_odd(&mut self, of: Id, ms: f64, times: f64, floor: f64) -> bool {
        self.judge(of, ms, self.own(of).unwrap_or(f64::INFINITY), (times, floor))
    }

    fn own(&self, of: Id) -> Option<f64> {
        self.own.get(&of).filter(|own| own.seen >= KNOWN).map(Median::ms)
    }

    fn judge(&mut self, of: Id, ms: f64, own: f64, (times, floor): (f64, f64)) -> bool {
        let odd = self.all.seen > 0 && ms > floor && ms > times * self.all.ms() && ms > times * own;
        if !odd {
            self.own.entry(of).or_default().take(ms);
            self.all.take(ms);
        }
        odd
    }
}

/// Usual rate of each symptom, and how much those of one cell share one fate.
#[derive(Debug)]
pub(super) struct Rates {
    all: [(f64, f64); KINDS],
    /// Squares beyond chance, and what they would be if all shared one fate.
    clumps: [(f64, f64); KINDS],
    /// Rates of one client or beacon.
    own: Vec<[(f64, f64); KINDS]>,
}

impl Default for Rates {
    fn default() -> Self {
        let all = Symptom::ALL.map(|symptom| {
            let (rate, weight) = symptom.usual();
            (rate * weight, weight)
        });
        let clumps = Symptom::ALL.map(|symptom| (symptom.clump() * CLUMPS, CLUMPS));
        Self { all, clumps, own: Vec::new() }
    }
}

impl Rates {
    /// The usual rate.
    pub(super) fn of(&self, symptom: Symptom) -> f64 {
        let (bad, n) = self.all[symptom as usize];
        let least = symptom.usual().0 / 3.0;
        let most = if symptom.family() == Family::Probe { symptom.usual().0 * 3.0 } else { 0.9 };
        (bad / n).clamp(least, most)
    }

    /// The usual rate of one client or beacon, never below that of all. Where habits differ it is known within its standard
    /// error only.
    pub(super) fn own(&self, symptom: Symptom, of: Id) -> f64 {
        let all = self.of(symptom);
        let (bad, n) = self.own.get(of).map_or((0.0, 0.0), |own| own[symptom as usize]);
        let own = (bad + all * OWN) / (n + OWN);
        let unsure = if symptom.is_habit() { (own * (1.0 - own) / (n + OWN)).sqrt() } else { 0.0 };
        (own + unsure).max(all).min(0.95)
    }

    /// A count of one client or beacon that is not blamed.
    pub(super) fn take_own(&mut self, symptom: Symptom, of: Id, bad: f64, n: f64) {
        if self.own.len() <= of {
            self.own.resize(of + 1, [(0.0, 0.0); KINDS]);
        }
        let kept = &mut self.own[of][symptom as usize];
        (kept.0, kept.1) = (kept.0 * DECAY + bad, kept.1 * DECAY + n);
    }

    /// How many independent observations `n` of one cell are worth.
    pub(super) fn worth(&self, symptom: Symptom, n: f64) -> f64 {
        worth(self.clump(symptom), n)
    }

    /// How much the symptoms of one cell share one fate.
    pub(super) fn clump(&self, symptom: Symptom) -> f64 {
        let (squares, all) = self.clumps[symptom as usize];
        (squares / all).clamp(symptom.clump() / 2.0, 1.0)
    }

    /// A slot's counts of what nobody is blamed for, cell by cell.
    pub(super) fn take(&mut self, symptom: Symptom, cells: &[(f64, f64)]) {
        let (usual, weight) = symptom.usual();
        let (bad, n) = cells.iter().fold((0.0, 0.0), |(bad, n), cell| (bad + cell.0, n + cell.1));
        let kept = &mut self.all[symptom as usize];
        // What is known beforehand never fades to nothing.
        let floor = weight / 4.0;
        kept.0 = (kept.0 - usual * floor).max(0.0) * DECAY + usual * floor + bad;
        kept.1 = (kept.1 - floor) * DECAY + floor + n;
        let rate = self.of(symptom);
        let kept = &mut self.clumps[symptom as usize];
        (kept.0, kept.1) = (kept.0 * CLUMP_DECAY, kept.1 * CLUMP_DECAY);
        for (bad, n) in cells.iter().filter(|(_, n)| *n > 1.0) {
            kept.0 += (bad - n * rate).powi(2) - n * rate * (1.0 - rate);
            kept.1 += n * (n - 1.0) * rate * (1.0 - rate);
        }
    }
}

/// How many independent observations `n` are worth that share one fate by so much.
pub(super) fn worth(clump: f64, n: f64) -> f64 {
    n / (1.0 + (n - 1.0).max(0.0) * clump)
}
