//! Findings of hosts: the newest of each check, and incidents of what a check found alone.
//!
//! A finding is evidence for incidents of its host and of beacons there. Alone it opens one only if it costs duties before
//! anything else shows it, or will ([`ALONE`]); nothing is weighed then. It ends with the finding. Where duties, answers or
//! probes blame the host as well, they have the word and go on with the same incident, and give it back if they fall silent
//! while the finding stands.

use std::collections::{BTreeMap, BTreeSet};

use super::causes::{Case, cause};
use super::life::{Change, Event, Incident};
use crate::model::{Culprit, CulpritKind as Kind, HostLevel, HostSeen};

/// What is bad alone: a clock beyond half of what the chain lets clocks differ, a disk that is full or about to fail, a
/// process that is at its limit of open files.
const ALONE: &[&str] = &["time.offset", "disk.free", "disk.inodes", "disk.raid", "proc.nofile"];
/// Slots a finding is remembered.
const REMEMBERED: u64 = 16;
/// A bad finding is told in every slot: after so many without it, it is gone.
const STANDS: u64 = 2;
/// How sure it is: it was measured, and nothing was lost by it yet that was seen.
const CONFIDENCE: f64 = 0.9;
const SURE: f64 = 20.0;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// By host and check.
    seen: BTreeMap<(String, String), HostSeen>,
    all: Vec<Incident>,
}

impl Findings {
    /// Takes a line.
    pub(super) fn take(&mut self, seen: &HostSeen) {
        self.seen.insert((seen.host.clone(), seen.check.clone()), seen.clone());
    }

    fn of<'a>(&'a self, host: &str, now: u64) -> impl Iterator<Item = &'a HostSeen> + use<'a> {
        let own: Vec<&HostSeen> = self.seen.values().filter(|seen| seen.host == host).collect();
        own.into_iter().filter(move |seen| seen.level >= HostLevel::Warn && seen.slot.0 + REMEMBERED >= now)
    }

    /// The worst of a host that is remembered; of equals what is bad alone.
    pub(super) fn worst(&self, host: &str, now: u64) -> Option<&HostSeen> {
        self.of(host, now).max_by_key(|seen| (seen.level, ALONE.contains(&seen.check.as_str())))
    }

    /// What speaks against a host where one of its beacons is blamed, worst first: what is bad, or its clock. A blemish that costs nothing
    /// is on many hosts.
    pub(super) fn against(&self, host: &str, now: u64) -> Vec<&HostSeen> {
        let mut all: Vec<&HostSeen> =
            self.of(host, now).filter(|seen| seen.level == HostLevel::Bad || is_clock(&seen.check)).collect();
        all.sort_by_key(|seen| std::cmp::Reverse(seen.level));
        all
    }

    /// Hosts of which something bad is remembered.
    pub(super) fn bad(&self, now: u64) -> BTreeSet<&str> {
        let bad =
            self.seen.values().filter(|seen| seen.level == HostLevel::Bad && seen.slot.0 + REMEMBERED >= now);
        bad.map(|seen| seen.host.as_str()).collect()
    }

    /// What is bad alone of a host, and still there.
    fn alone<'a>(&'a self, host: &str, now: u64) -> impl Iterator<Item = &'a HostSeen> + use<'a> {
        let stands = move |seen: &&HostSeen| {
            seen.level == HostLevel::Bad
                && ALONE.contains(&seen.check.as_str())
                && seen.slot.0 + STANDS >= now
        };
        self.of(host, now).filter(stands)
    }

    /// Whether a host has an incident of its findings alone, or is to get one.
    pub(super) fn holds(&self, culprit: &Culprit, now: u64) -> bool {
        culprit.kind == Kind::Host && self.alone(&culprit.name, now).next().is_some()
    }

    /// Gives away the open incident of a culprit, for something else blames it, too.
    pub(super) fn give(&mut self, culprit: &Culprit) -> Option<Incident> {
        let place = self.all.iter().position(|known| known.open && known.culprit() == culprit)?;
        Some(self.all.remove(place))
    }

    /// Takes an incident that nothing else speaks for any more: what is told of it now.
    pub(super) fn adopt(&mut self, mut incident: Incident, now: u64) -> Change {
        let (id, validators) = (incident.change.id, incident.change.validators);
        let told = Change { id, event: Event::Changed, ..self.told(incident.culprit(), validators, now) };
        (incident.change, incident.seen, incident.score) = (told.clone(), now, SURE);
        self.all.push(incident);
        told
    }

    /// A slot is over: what has changed. `blamed` are hosts that something else blames, `last` is the number of the last
    /// incident of any kind.
    pub(super) fn look(
        &mut self,
        now: u64,
        blamed: &BTreeSet<String>,
        validators: &mut dyn FnMut(&Culprit) -> u64,
        last: &mut u64,
        changes: &mut Vec<Change>,
    ) {
        let hosts: Vec<String> = self.bad(now).into_iter().map(str::to_owned).collect();
        for host in hosts.into_iter().filter(|host| !blamed.contains(host)) {
            let culprit = Culprit { kind: Kind::Host, name: host };
            if !self.holds(&culprit, now) {
                continue;
            }
            let change = self.told(&culprit, validators(&culprit), now);
            let known = self.all.iter_mut().rfind(|of| of.culprit() == &culprit && of.is_recent(now));
            if let Some(known) = known {
                changes.extend(known.again(change, SURE, STANDS, false));
                continue;
            }
            *last += 1;
            let change = Change { id: *last, ..change };
            self.all.push(Incident::new(change.clone(), SURE, STANDS));
            changes.push(change);
        }
        for known in self.all.iter_mut().filter(|known| known.open && known.seen < now) {
            (known.open, known.at) = (false, now);
            changes.push(Change { slot: now, event: Event::Resolved, ..known.change.clone() });
        }
        self.all.retain(|known| known.is_recent(now));
    }

    fn told(&self, culprit: &Culprit, validators: u64, now: u64) -> Change {
        let mut alone = self.alone(&culprit.name, now).peekable();
        let first = alone.peek().map(|seen| (seen.check.as_str(), seen.level));
        Change {
            slot: now,
            event: Event::Opened,
            id: 0,
            cause: cause(&Case { finding: first, ..Case::of(&culprit.kind) }),
            culprits: vec![culprit.clone()],
            confidence: CONFIDENCE,
            validators,
            evidence: alone.map(words).collect(),
            ambiguous_with: Vec::new(),
        }
    }
}

/// Whether a check is of the clock.
pub(super) fn is_clock(check: &str) -> bool {
    check == "time.offset"
}

/// A finding as evidence.
pub(super) fn words(seen: &HostSeen) -> String {
    format!("host {}: {} is {}, {}", seen.host, seen.check, seen.level.word(), seen.value)
}

/// Whether evidence has a finding of a check that it had not before.
pub(super) fn news(before: &[String], now: &[String]) -> bool {
    let check =
        |line: &String| line.strip_prefix("host ")?.split_once(" is ").map(|(check, _)| check.to_owned());
    let known: BTreeSet<String> = before.iter().filter_map(check).collect();
    now.iter().filter_map(check).any(|check| !known.contains(&check))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Slot;

    fn seen(slot: u64, check: &str, level: HostLevel) -> HostSeen {
        HostSeen { slot: Slot(slot), host: "h1".into(), check: check.into(), level, value: "so much".into() }
    }

    fn look(findings: &mut Findings, now: u64, blamed: &[&str]) -> Vec<(Event, u64, String)> {
        let (mut last, mut changes) = (6, Vec::new());
        let blamed = blamed.iter().map(|host| (*host).to_owned()).collect();
        findings.look(now, &blamed, &mut |_| 12, &mut last, &mut changes);
        changes.into_iter().map(|change| (change.event, change.id, change.cause)).collect()
    }

    #[test]
    fn what_costs_duties_alone_opens_one_and_ends_it_when_it_is_gone() {
        let mut findings = Findings::default();
        findings.take(&seen(100, "disk.free", HostLevel::Bad));
        let opened = look(&mut findings, 100, &[]);
        assert_eq!(opened, [(Event::Opened, 7, "its disk is full, or nearly so (disk.free)".to_owned())]);
        findings.take(&seen(101, "disk.free", HostLevel::Bad));
        assert_eq!(look(&mut findings, 101, &[]), []);
        assert_eq!((look(&mut findings, 102, &[]), look(&mut findings, 103, &[])), (vec![], vec![]));
        let gone = look(&mut findings, 104, &[]);
        assert_eq!((gone.len(), gone[0].0, gone[0].1), (1, Event::Resolved, 7));
        findings.take(&seen(110, "disk.free", HostLevel::Bad));
        assert_eq!(look(&mut findings, 110, &[])[0].0, Event::Changed, "it is back");
        findings.take(&seen(111, "disk.free", HostLevel::Warn));
        assert_eq!(look(&mut findings, 111, &[])[0].0, Event::Resolved, "a blemish is none");
    }

    #[test]
    fn what_only_slows_and_what_is_only_an_estimate_opens_none() {
        let mut findings = Findings::default();
        findings.take(&seen(100, "cpu.psi", HostLevel::Bad));
        findings.take(&seen(100, "time.offset", HostLevel::Warn));
        assert_eq!(look(&mut findings, 100, &[]), []);
        let against: Vec<&str> = findings.against("h1", 100).iter().map(|seen| seen.check.as_str()).collect();
        assert_eq!(against, ["cpu.psi", "time.offset"], "they are evidence all the same");
        findings.take(&seen(100, "mem.swap_in", HostLevel::Warn));
        assert_eq!(findings.against("h1", 100).len(), 2, "a blemish is on many hosts");
        assert_eq!(findings.against("h2", 100).len(), 0);
    }

    #[test]
    fn a_finding_that_comes_later_is_news_once() {
        let line = |check, level| words(&seen(1, check, level));
        let before = vec!["probes not answered 2 of 2".to_owned(), line("cpu.psi", HostLevel::Bad)];
        assert!(!news(&before, &before));
        assert!(!news(&before, &[line("cpu.psi", HostLevel::Warn)]));
        assert!(!news(&[], &["probes not answered 2 of 2".to_owned()]));
        assert!(news(&before, &[line("time.offset", HostLevel::Warn)]));
    }

    #[test]
    fn a_host_that_something_else_blames_has_one_incident_and_keeps_its_number() {
        let mut findings = Findings::default();
        let clock = |slot| seen(slot, "time.offset", HostLevel::Bad);
        findings.take(&clock(100));
        assert_eq!(look(&mut findings, 100, &[])[0].1, 7);
        let host = Culprit { kind: Kind::Host, name: "h1".into() };
        let given = findings.give(&host).unwrap();
        assert_eq!((given.change.id, given.change.validators), (7, 12));
        assert!(findings.give(&host).is_none());
        findings.take(&clock(101));
        assert_eq!(look(&mut findings, 101, &["h1"]), []);
        assert!(findings.holds(&host, 101));
        let told = findings.adopt(given, 102);
        assert_eq!((told.event, told.id), (Event::Changed, 7));
        assert_eq!(told.evidence, ["host h1: time.offset is bad, so much"]);
        findings.take(&clock(103));
        assert_eq!(look(&mut findings, 103, &[]), [], "it is known");
    }
}
