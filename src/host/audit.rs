//! Collecting a record and judging it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::check::{Check, Class, Role};
use super::checks::CHECKS;
use super::clock::{ClockVerdict, Glance, Reading};
use super::clocks;
use super::facts::Facts;
use super::finding::{Finding, Verdict};
use super::limit::Overrides;
use super::processes::Process;
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

/// A record's machine's clock.
#[derive(Debug, Clone)]
pub struct ClockSeen {
    /// What is to be thought of it.
    pub verdict: ClockVerdict,
    /// What each source said.
    pub readings: Vec<Reading>,
    /// Both clocks at both moments, to tell steps by.
    pub glances: Vec<Glance>,
}

/// The clock of a record's machine; none if what is said of it cannot be read.
pub fn clock_of(record: &Record, limits: &Overrides) -> Option<ClockSeen> {
    let (before, now) = (record.before(), record.now());
    let facts = Facts::new(&before, &now, limits);
    let (verdict, readings) = (clocks::verdict(&facts).ok()?, clocks::evidence(&facts).ok()?.readings);
    let (first, second) = clocks::glances(&facts).ok()?;
    Some(ClockSeen { verdict, readings, glances: first.into_iter().chain(second).collect() })
}

fn look(facts: &Facts<'_>) {
    let found = facts.processes().unwrap_or_default();
    for process in subjects(&found, |_| true) {
        let facts = facts.about(process);
        for check in CHECKS {
            let _ = (check.judge)(&facts);
        }
    }
}

/// The processes that are judged: all, or what stands for none of them.
fn subjects(found: &[Process], wanted: impl Fn(&&Process) -> bool) -> Vec<Option<Process>> {
    let wanted: Vec<Option<Process>> = found.iter().filter(wanted).cloned().map(Some).collect();
    if wanted.is_empty() { vec![None] } else { wanted }
}

/// What a record's machine is for, by the processes that run there; a beacon's if none does.
pub fn roles_of(record: &Record) -> Vec<Role> {
    let (moment, none) = (record.now(), Overrides::new());
    let found = Facts::new(&moment, &moment, &none).processes().unwrap_or_default();
    let mut roles: Vec<Role> = found.into_iter().map(|process| process.role).collect();
    roles.dedup();
    if roles.is_empty() { vec![Role::Beacon] } else { roles }
}

/// What the checks say of a record, for these roles or, if there are none, for those of what runs there.
pub fn audit_as(record: &Record, roles: &[Role], limits: &Overrides) -> Vec<Finding> {
    if roles.is_empty() { audit(record, &roles_of(record), limits) } else { audit(record, roles, limits) }
}

/// What the checks for these roles say of a record: the worst first, among those what costs most.
pub fn audit(record: &Record, roles: &[Role], limits: &Overrides) -> Vec<Finding> {
    let (before, now) = (record.before(), record.now());
    let facts = Facts::new(&before, &now, limits);
    let mut found = facts.processes().unwrap_or_default();
    found.retain(|process| roles.contains(&process.role));
    let for_roles = |check: &&&Check| check.roles.iter().any(|role| roles.contains(role));
    let mut findings: Vec<Finding> =
        CHECKS.iter().filter(for_roles).flat_map(|check| judged(check, &facts, &found)).collect();
    worst_first(&mut findings);
    findings
}

/// Puts the worst first, among those what costs most.
pub fn worst_first(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| {
        let order = match finding.verdict {
            Verdict::Bad => 0,
            Verdict::Warn => 1,
            Verdict::Advice => 2,
            Verdict::Unknown(_) => 3,
            Verdict::Ok => 4,
            Verdict::NotApplicable(_) => 5,
        };
        (order, Reverse(finding.cost.to_ms), finding.id)
    });
}

/// What a check says: once of the machine, or of each process it is for; what it says of several alike is said once.
fn judged(check: &Check, facts: &Facts<'_>, found: &[Process]) -> Vec<Finding> {
    let mut said: Vec<(Finding, Vec<Process>)> = Vec::new();
    for process in subjects(found, |of| check.roles.contains(&of.role)) {
        let facts = facts.about(process.clone());
        let finding = Finding::of(check, (check.judge)(&facts), process.as_ref(), facts.elsewhere());
        let process = process.filter(|_| facts.asked());
        let once = process.is_none();
        match said.iter_mut().find(|(before, _)| *before == finding) {
            Some((_, of)) => of.extend(process),
            None => said.push((finding, process.into_iter().collect())),
        }
        if once {
            break;
        }
    }
    // Who shares a namespace shares its settings; a name would only be in the way.
    let named = check.class == Class::Process || said.len() > 1;
    let name = |of: Vec<Process>| of.iter().map(Process::to_string).collect::<Vec<_>>().join(", ");
    said.into_iter()
        .map(|(finding, of)| Finding { process: if named { name(of) } else { String::new() }, ..finding })
        .collect()
}
