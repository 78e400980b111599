//! Sums of verdicts, as a table by kind of scenario: the first word of its file's name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use beacondeck::sim::Scenario;

use super::score::Verdict;

/// Sums of the verdicts on scenarios that expect an incident, and of those that do not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sum {
    pub scenarios: usize,
    pub exact: usize,
    pub top: usize,
    pub slots: Vec<u64>,
    pub never: usize,
    pub wrong: usize,
}

impl Sum {
    fn add(&mut self, verdict: &Verdict) {
        self.scenarios += 1;
        self.exact += usize::from(verdict.exact);
        self.top += usize::from(verdict.top);
        self.wrong += verdict.wrong.len();
        self.never += verdict.slots.iter().filter(|slots| slots.is_none()).count();
        self.slots.extend(verdict.slots.iter().flatten());
        self.slots.sort_unstable();
    }

    /// Share of scenarios with the exact set of culprits, in percent.
    pub fn exact_percent(&self) -> f64 {
        100.0 * self.exact as f64 / self.scenarios.max(1) as f64
    }

    /// Share of scenarios whose strongest incident blames who is to blame, in percent.
    pub fn top_percent(&self) -> f64 {
        100.0 * self.top as f64 / self.scenarios.max(1) as f64
    }

    /// Median of the slots to name; what is never named counts as longest.
    pub fn median(&self) -> Option<u64> {
        self.slots.get((self.slots.len() + self.never).saturating_sub(1) / 2).copied()
    }
}

/// Sums of scenarios with a fault, of those without, and the table that a person reads.
pub fn sums(verdicts: &[(Scenario, Verdict)]) -> (Sum, Sum, String) {
    let mut kinds: BTreeMap<&str, Sum> = BTreeMap::new();
    let (mut faulty, mut calm) = (Sum::default(), Sum::default());
    let mut notes = String::new();
    for (scenario, verdict) in verdicts {
        let kind = scenario.name.split('-').next().unwrap_or_default();
        kinds.entry(kind).or_default().add(verdict);
        if scenario.expect.is_empty() {
            calm.add(verdict);
        } else {
            faulty.add(verdict);
        }
        if !verdict.exact || !verdict.top {
            let (name, missing, wrong) =
                (&scenario.name, verdict.missing.join(", "), verdict.wrong.join(", "));
            let _ =
                writeln!(notes, "{name}: not named [{missing}], wrong [{wrong}], slots {:?}", verdict.slots);
        }
    }
    let mut table = format!(
        "{:<12}{:>10}{:>9}{:>9}{:>14}{:>8}{:>8}\n",
        "kind", "scenarios", "exact %", "top-1 %", "median slots", "never", "wrong"
    );
    let ends = [("faults", &faulty), ("calm hours", &calm)];
    for (kind, sum) in kinds.iter().map(|(kind, sum)| (*kind, sum)).chain(ends) {
        let median = sum.median().map_or_else(|| "-".to_owned(), |slots| slots.to_string());
        let _ = writeln!(
            table,
            "{kind:<12}{:>10}{:>9.1}{:>9.1}{median:>14}{:>8}{:>8}",
            sum.scenarios,
            sum.exact_percent(),
            sum.top_percent(),
            sum.never,
            sum.wrong
        );
    }
    (faulty, calm, format!("{table}\n{notes}"))
}
