//! What is told of who is blamed: why, how sure, what speaks for it.

use std::collections::BTreeMap;

use super::Incidents;
use super::causes::{Case, cause};
use super::cells::Cells;
use super::engine::EPOCH;
use super::findings::{is_clock, words};
use super::life::{Change, Event};
use super::localise::Blame;
use super::symptom::Symptom;
use crate::model::{CulpritKind as Kind, HostSeen};

/// Most findings of a beacon's host that are told as evidence.
const FINDINGS: usize = 3;

impl Incidents {
    pub(super) fn told(&mut self, blame: &Blame, cells: &Cells, now: u64) -> Change {
        let culprit = self.parts().culprit(blame.id).clone();
        let findings: Vec<HostSeen> = match culprit.kind {
            Kind::Host => self.findings().worst(&culprit.name, now).into_iter().cloned().collect(),
            Kind::Beacon => {
                let hosts = self.parts().hosts_of(blame.id);
                hosts.flat_map(|host| self.findings().against(host, now)).cloned().collect()
            }
            _ => Vec::new(),
        };
        let mut evidence = self.evidence(blame, cells);
        evidence.extend(findings.iter().take(FINDINGS).map(words));
        let (window, parts) = self.seen();
        let validators = window.due(blame.id, EPOCH, parts) as u64;
        // On a beacon's host it is evidence: what the beacon shows itself says why, but for a clock, which shows by that.
        let why = findings.iter().find(|seen| culprit.kind == Kind::Host || is_clock(&seen.check));
        let worst = why.map(|seen| (seen.check.as_str(), seen.level));
        Change {
            slot: now,
            event: Event::Opened,
            id: 0,
            cause: cause(&Case {
                strength: blame.strength.clone(),
                finding: worst,
                hung: window.hung(parts.leaves(&blame.id)),
                ..Case::of(&culprit.kind)
            }),
            culprits: vec![culprit],
            confidence: confidence(blame.score),
            validators,
            evidence,
            ambiguous_with: blame.like.iter().map(|id| self.parts().culprit(*id).clone()).collect(),
        }
    }

    fn evidence(&self, blame: &Blame, cells: &Cells) -> Vec<String> {
        let mut own: BTreeMap<Symptom, (f64, f64)> = BTreeMap::new();
        let bad = cells.bad.iter().map(|cell| (cell.path, cell.symptom, cell.bad, cell.n));
        let right = cells.right.iter().map(|right| (right.path, right.symptom, 0.0, right.n));
        for (path, symptom, bad, n) in bad.chain(right) {
            if self.parts().of(path).on(symptom).contains(&blame.id) {
                let sum = own.entry(symptom).or_default();
                *sum = (sum.0 + bad, sum.1 + n);
            }
        }
        let lines = blame.strength.keys().filter_map(|symptom| {
            let (bad, n) = own.get(symptom)?;
            let usual = self.window().rates.of(*symptom) * 100.0;
            (*bad > 0.0).then(|| format!("{} {bad:.0} of {n:.0}, {usual:.1} % is usual", symptom.words()))
        });
        lines.collect()
    }
}

/// Between 0 and 1, of a score in nats.
pub(super) fn confidence(score: f64) -> f64 {
    let sure = 1.0 / (1.0 + (-(score - 8.0) / 5.0).exp());
    (sure * 1_000.0).round() / 1_000.0
}
