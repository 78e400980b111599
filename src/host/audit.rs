//! Collecting a record and judging it.

use std::collections::BTreeMap;

use super::check::Role;
use super::checks::CHECKS;
use super::clock::ClockVerdict;
use super::clocks;
use super::facts::Facts;
use super::finding::{Finding, Verdict};
use super::limit::Overrides;
use super::record::Record;
use super::source::{Recorder, Source};

/// What the checks read of a machine at two moments; `wait` passes the time between them.
pub fn collect(source: &dyn Source, wait: impl FnOnce()) -> Record {
    let none = Overrides::new();
    let first = Recorder::new(source);
    look(&Facts::new(&first, &first, &none));
    let mut record = Record { first: first.into_read(), later: BTreeMap::new() };
    wait();
    let now = Recorder::new(source);
    look(&Facts::new(&record.before(), &now, &none));
    let mut later = now.into_read();
    later.retain(|ask, reading| record.first.get(ask) != Some(reading));
    record.later = later;
    record
}

/// What is to be thought of the clock of a record's machine; none if nobody says anything of it.
pub fn clock_of(record: &Record, limits: &Overrides) -> Option<ClockVerdict> {
    let (before, now) = (record.before(), record.now());
    clocks::verdict(&Facts::new(&before, &now, limits)).ok()
}

fn look(facts: &Facts<'_>) {
    for check in CHECKS {
        let _ = (check.judge)(facts);
    }
}

/// What the checks for these roles say of a record: the worst first, among those what costs most.
pub fn audit(record: &Record, roles: &[Role], limits: &Overrides) -> Vec<Finding> {
    let (before, now) = (record.before(), record.now());
    let facts = Facts::new(&before, &now, limits);
    let mut findings: Vec<Finding> = CHECKS
        .iter()
        .filter(|check| check.roles.iter().any(|role| roles.contains(role)))
        .map(|check| Finding::of(check, (check.judge)(&facts)))
        .collect();
    findings.sort_by_key(|finding| {
        let order = match finding.verdict {
            Verdict::Bad => 0,
            Verdict::Warn => 1,
            Verdict::Advice => 2,
            Verdict::Unknown(_) => 3,
            Verdict::Ok => 4,
            Verdict::NotApplicable(_) => 5,
        };
        (order, std::cmp::Reverse(finding.cost.to_ms), finding.id)
    });
    findings
}
