//! Which beacons run where, what was found there, where each clock lies; and what that is as lines of a recording. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::dates::Dates;
use super::here::Found;
use crate::host::clock::fleet::{Means, banner, compare};
use crate::host::clock::{ClockVerdict, Grade, Interval, Limits};
use crate::host::{Finding, Verdict};
use crate::model::{
    Beacon, BeaconName, Fleet, HostClock, HostFinding, HostLevel, HostSeen, HostStatus, Observation, Slot,
    UnixMs,
};

/// Slots after which what is found is told again.
const AGAIN: u64 = 8;

/// The fleet, and what was found on this machine.
pub struct Roster<'a> {
    /// The fleet file in force.
    pub fleet: &'a Fleet,
    /// What was found here, once something was.
    pub here: Option<Found>,
}

/// Where a beacon runs: its label `host`, else a host of its own.
fn host_of(beacon: &Beacon) -> &str {
    beacon.label("host").unwrap_or(beacon.name.as_str())
}

/// Whether a beacon runs on this machine: its URL is of the loopback.
fn is_here(beacon: &Beacon) -> bool {
    let rest = beacon.url.split_once("://").map_or(beacon.url.as_str(), |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let name = authority.rsplit('@').next().unwrap_or_default();
    let name = name.strip_prefix('[').map_or_else(
        || name.split(':').next().unwrap_or_default(),
        |six| six.split(']').next().unwrap_or_default(),
    );
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Roster<'_> {
    /// Every host, and what to say of our own clock if it is the one that is wrong.
    pub fn hosts(&self, dates: &Dates, now: UnixMs) -> (Vec<HostStatus>, Option<String>) {
        let now_us = i64::try_from(now.0.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let mut at: BTreeMap<&str, Vec<&Beacon>> = BTreeMap::new();
        for beacon in &self.fleet.beacons {
            at.entry(host_of(beacon)).or_default().push(beacon);
        }
        let measured: Vec<(&str, Interval)> = at
            .iter()
            .filter_map(|(host, beacons)| Some((*host, narrowest(beacons, dates, now_us)?)))
            .collect();
        let intervals: Vec<Interval> = measured.iter().map(|(_, interval)| *interval).collect();
        let limits = Limits::default();
        let clocks = compare(&intervals, limits);
        let estimate = |host: &str| {
            let place = measured.iter().position(|(of, _)| *of == host)?;
            Some(estimated(clocks.hosts[place].unwrap_or(intervals[place]), limits))
        };
        let mut hosts: Vec<HostStatus> = at
            .iter()
            .map(|(host, beacons)| {
                let here = self.here.as_ref().filter(|_| beacons.iter().any(|beacon| is_here(beacon)));
                status(host, beacons.iter().map(|beacon| beacon.name.clone()).collect(), here, estimate(host))
            })
            .collect();
        if let Some(found) = self.here.as_ref().filter(|_| !self.fleet.beacons.iter().any(is_here)) {
            hosts.push(status("this machine", Vec::new(), Some(found), None));
        }
        (hosts, banner(&clocks, Means::Date, limits))
    }
}

fn narrowest(beacons: &[&Beacon], dates: &Dates, now_us: i64) -> Option<Interval> {
    beacons.iter().filter_map(|beacon| dates.of(&beacon.name, now_us)).min_by_key(|interval| interval.half())
}

fn status(
    name: &str,
    beacons: Vec<BeaconName>,
    here: Option<&Found>,
    estimate: Option<HostClock>,
) -> HostStatus {
    let all = here.map_or(&[][..], |found| found.findings.as_slice());
    // Without a beacon only what this program itself needs is of interest: the clock.
    let wanted = |finding: &&Finding| !beacons.is_empty() || finding.class == crate::host::Class::Time;
    let mut classes: BTreeMap<String, HostLevel> = BTreeMap::new();
    for finding in all.iter().filter(wanted) {
        if let Some(level) = level(&finding.verdict) {
            let worst = classes.entry(finding.class.word().to_owned()).or_insert(level);
            *worst = level.max(*worst);
        }
    }
    let findings = all.iter().filter(wanted).filter_map(told).collect();
    let clock = here.and_then(|found| measured(found.clock.as_ref()?)).or(estimate);
    let at = here.map(|found| found.at);
    HostStatus { name: name.to_owned(), beacons, at, findings, classes: classes.into_iter().collect(), clock }
}

fn level(verdict: &Verdict) -> Option<HostLevel> {
    match verdict {
        Verdict::Ok => Some(HostLevel::Ok),
        Verdict::Advice => Some(HostLevel::Advice),
        Verdict::Warn => Some(HostLevel::Warn),
        Verdict::Bad => Some(HostLevel::Bad),
        Verdict::NotApplicable(_) | Verdict::Unknown(_) => None,
    }
}

/// A finding that asks for something.
fn told(finding: &Finding) -> Option<HostFinding> {
    let level = level(&finding.verdict).filter(|level| *level > HostLevel::Ok)?;
    Some(HostFinding {
        check: finding.id.to_owned(),
        level,
        actual: match finding.process.as_str() {
            "" => finding.actual.clone(),
            process => format!("{process}: {}", finding.actual),
        },
        expected: finding.expected.clone(),
        why: finding.why.to_owned(),
        cost_ms: (finding.cost.from_ms, finding.cost.to_ms),
        remedy: finding.remedy.clone(),
        persistent: finding.persistent.clone(),
        revert: finding.revert.clone(),
    })
}

fn graded(grade: Grade) -> HostLevel {
    match grade {
        Grade::Ok => HostLevel::Ok,
        Grade::Warn => HostLevel::Warn,
        Grade::Bad | Grade::Critical => HostLevel::Bad,
    }
}

fn milliseconds(micros: i64) -> f64 {
    (micros as f64 / 100.0).round() / 10.0
}

/// By who measures it on the machine itself.
fn measured(verdict: &ClockVerdict) -> Option<HostClock> {
    let offset = verdict.offset?;
    let by: Vec<&str> = verdict.by.iter().map(|witness| witness.name()).collect();
    Some(HostClock {
        low_ms: milliseconds(offset.low()),
        high_ms: milliseconds(offset.high()),
        by: by.join(", "),
        estimate: false,
        level: verdict.grade().map_or(HostLevel::Ok, graded),
    })
}

/// By `Date`: it never says worse than *warn*, and counts by the least it must be off.
fn estimated(interval: Interval, limits: Limits) -> HostClock {
    let least = if interval.contains(0) { 0 } else { interval.low().abs().min(interval.high().abs()) };
    HostClock {
        low_ms: milliseconds(interval.low()),
        high_ms: milliseconds(interval.high()),
        by: "Date of its answers".to_owned(),
        estimate: true,
        level: graded(limits.offset(least)).min(HostLevel::Warn),
    }
}

/// What was found, as lines of a recording: what is wrong each time, what is well now and then.
pub fn lines(hosts: &[HostStatus], slot: Slot) -> Vec<Observation> {
    let mut lines = Vec::new();
    for host in hosts {
        let seen = |check: &str, level, value: String| {
            let (host, check) = (host.name.clone(), check.to_owned());
            Observation::Host(HostSeen { slot, host, check, level, value })
        };
        let again = slot.0.is_multiple_of(AGAIN);
        if let Some(clock) = host.clock.as_ref().filter(|clock| again || clock.level > HostLevel::Advice) {
            let value = format!("{} to {} ms, by {}", clock.low_ms, clock.high_ms, clock.by);
            lines.push(seen("time.offset", clock.level, value));
        }
        let wrong =
            host.findings.iter().filter(|of| of.check != "time.offset" && of.level > HostLevel::Advice);
        // Of several processes the worst comes first and stands for the others.
        let mut said = BTreeSet::new();
        lines.extend(
            wrong
                .filter(|of| said.insert(of.check.as_str()))
                .filter(|of| again || of.level == HostLevel::Bad)
                .map(|of| seen(&of.check, of.level, of.actual.clone())),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(beacons: &str) -> Fleet {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fleet.yaml");
        std::fs::write(&file, format!("fleet: t\nlisten: 127.0.0.1:0\nbeacons: [{beacons}]\n")).unwrap();
        crate::config::load(&file).unwrap().fleet
    }

    #[test]
    fn beacons_are_gathered_by_host_and_loopback_is_here() {
        let fleet = fleet(
            "{name: a, url: \"http://127.0.0.1:5052\", labels: {host: h1}}, \
             {name: b, url: \"http://bn2:5052\", labels: {host: h2}}, {name: c, url: \"http://[::1]:1\"}, \
             {name: d, url: \"http://bn3:5052\", labels: {host: h2}}",
        );
        let here: Vec<bool> = fleet.beacons.iter().map(is_here).collect();
        assert_eq!(here, [true, false, true, false]);
        let roster = Roster { fleet: &fleet, here: None };
        let (hosts, banner) = roster.hosts(&Dates::default(), UnixMs(1_000));
        let names: Vec<(&str, usize)> =
            hosts.iter().map(|host| (host.name.as_str(), host.beacons.len())).collect();
        assert_eq!(names, [("c", 1), ("h1", 1), ("h2", 2)]);
        assert_eq!((banner, hosts[0].level()), (None, HostLevel::Ok));
    }

    #[test]
    fn an_estimate_counts_by_the_least_it_must_be_off_and_never_decides() {
        let clock = |low_ms: i64, high_ms: i64| {
            estimated(Interval::new(low_ms * 1_000, high_ms * 1_000).unwrap(), Limits::default())
        };
        assert_eq!(clock(-400, 900).level, HostLevel::Ok, "it may be right");
        assert_eq!(clock(60, 90).level, HostLevel::Warn);
        assert_eq!(clock(4_000, 4_100).level, HostLevel::Warn, "an estimate is never worse");
    }

    #[test]
    fn what_is_wrong_is_told_each_slot_and_what_is_well_now_and_then() {
        let clock =
            |level| HostClock { low_ms: 1.0, high_ms: 2.0, by: "chrony".into(), estimate: false, level };
        let host = |level| HostStatus {
            name: "h".into(),
            beacons: Vec::new(),
            at: None,
            findings: Vec::new(),
            classes: Vec::new(),
            clock: Some(clock(level)),
        };
        let told = |level, slot| lines(&[host(level)], Slot(slot)).len();
        assert_eq!((told(HostLevel::Ok, 8), told(HostLevel::Ok, 9), told(HostLevel::Bad, 9)), (1, 0, 1));
    }
}
