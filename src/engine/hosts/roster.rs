//! Which beacons run where, what was found there, where each clock lies; and what that is as lines of a recording. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::clients;
use super::dates::Dates;
use crate::host::clock::fleet::{Means, banner, compare};
use crate::host::clock::{Interval, Limits};
use crate::host::shown::{self, graded, milliseconds};
use crate::host::{Finding, Found, Overrides, limits as table};
use crate::model::{
    Beacon, BeaconName, ClockMeasured, Fleet, HostClock, HostLevel, HostSeen, HostStatus, Observation, Slot,
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
    /// What was found of beacons by their metrics.
    pub pauses: clients::Found,
    /// The thresholds in force.
    pub limits: Overrides,
}

/// Where a beacon runs: its label `host`, else a host of its own.
fn host_of(beacon: &Beacon) -> &str {
    beacon.label("host").unwrap_or(beacon.name.as_str())
}

impl Roster<'_> {
    /// Every host, and what to say of our own clock if it is the one that is wrong.
    pub fn hosts(&self, dates: &Dates, now: UnixMs) -> (Vec<HostStatus>, Option<String>) {
        let now_us = i64::try_from(now.0.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let mut at: BTreeMap<&str, Vec<&Beacon>> = BTreeMap::new();
        for beacon in &self.fleet.beacons {
            at.entry(host_of(beacon)).or_default().push(beacon);
        }
        let measured: Vec<(&str, (Interval, UnixMs))> = at
            .iter()
            .filter_map(|(host, beacons)| Some((*host, narrowest(beacons, dates, now_us)?)))
            .collect();
        let intervals: Vec<Interval> = measured.iter().map(|(_, (interval, _))| *interval).collect();
        let limits = self.of_clocks();
        let clocks = compare(&intervals, limits);
        let estimate = |host: &str| {
            let place = measured.iter().position(|(of, _)| *of == host)?;
            let learnt = measured[place].1.1;
            Some(estimated(clocks.hosts[place].unwrap_or(intervals[place]), learnt, limits))
        };
        let mut hosts: Vec<HostStatus> = at
            .iter()
            .map(|(host, beacons)| {
                let here = self.here.as_ref().filter(|_| beacons.iter().any(|beacon| beacon.local));
                let names: Vec<BeaconName> = beacons.iter().map(|beacon| beacon.name.clone()).collect();
                let pauses: Vec<_> = names.iter().filter_map(|name| self.pauses.get(name)).collect();
                status(host, names, here, &pauses, estimate(host))
            })
            .collect();
        if let Some(found) =
            self.here.as_ref().filter(|_| !self.fleet.beacons.iter().any(|beacon| beacon.local))
        {
            hosts.push(status("this machine", Vec::new(), Some(found), &[], None));
        }
        (hosts, banner(&clocks, Means::Date, limits))
    }

    fn of_clocks(&self) -> Limits {
        let set = self.limits.get(table::CLOCK_DISPARITY.name);
        Limits::of_disparity(*set.unwrap_or(&table::CLOCK_DISPARITY.value) as u64)
    }
}

fn narrowest(beacons: &[&Beacon], dates: &Dates, now_us: i64) -> Option<(Interval, UnixMs)> {
    let known = beacons.iter().filter_map(|beacon| dates.of(&beacon.name, now_us));
    known.min_by_key(|(interval, _)| interval.half())
}

fn status(
    name: &str,
    beacons: Vec<BeaconName>,
    here: Option<&Found>,
    pauses: &[&(UnixMs, Finding)],
    estimate: Option<HostClock>,
) -> HostStatus {
    let of_machine = here.map_or(&[][..], |found| found.findings.as_slice());
    // Without a beacon only what this program itself needs is of interest: the clock.
    let wanted = |finding: &&Finding| !beacons.is_empty() || finding.class == crate::host::Class::Time;
    let all: Vec<&Finding> =
        of_machine.iter().chain(pauses.iter().map(|(_, finding)| finding)).filter(wanted).collect();
    let (findings, classes) = (shown::findings(&all), shown::classes(&all));
    let clock = here.and_then(shown::clock).or(estimate);
    let at = here.map(|found| found.at).or_else(|| pauses.iter().map(|(at, _)| *at).max());
    HostStatus { name: name.to_owned(), beacons, at, findings, classes, clock }
}

/// By `Date`: it never says worse than *warn*, and counts by the least it must be off.
fn estimated(interval: Interval, learnt: UnixMs, limits: Limits) -> HostClock {
    let least = if interval.contains(0) { 0 } else { interval.low().abs().min(interval.high().abs()) };
    HostClock {
        low_ms: milliseconds(interval.low()),
        high_ms: milliseconds(interval.high()),
        by: "Date of its answers".to_owned(),
        estimate: true,
        level: graded(limits.offset(least)).min(HostLevel::Warn),
        measured: ClockMeasured { at: Some(learnt), ..ClockMeasured::default() },
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

    fn roster(fleet: &Fleet) -> Roster<'_> {
        Roster { fleet, here: None, pauses: clients::Found::new(), limits: Overrides::new() }
    }

    #[test]
    fn beacons_are_gathered_by_host_and_those_here_are_known_by_key_or_loopback() {
        let fleet = fleet(
            "{name: a, url: \"http://127.0.0.1:5052\", labels: {host: h1}}, \
             {name: b, url: \"http://bn2:5052\", labels: {host: h2}}, {name: c, url: \"http://[::1]:1\", local: false}, \
             {name: d, url: \"http://bn3:5052\", labels: {host: h2}, local: true}",
        );
        let here: Vec<bool> = fleet.beacons.iter().map(|beacon| beacon.local).collect();
        assert_eq!(here, [true, false, false, true]);
        let roster = roster(&fleet);
        let (hosts, banner) = roster.hosts(&Dates::default(), UnixMs(1_000));
        let names: Vec<(&str, usize)> =
            hosts.iter().map(|host| (host.name.as_str(), host.beacons.len())).collect();
        assert_eq!(names, [("c", 1), ("h1", 1), ("h2", 2)]);
        assert_eq!((banner, hosts[0].level()), (None, HostLevel::Ok));
    }

    #[test]
    fn pauses_of_a_beacon_elsewhere_are_its_hosts() {
        let fleet =
            fleet("{name: a, url: \"http://bn1:1\", labels: {host: h1}}, {name: b, url: \"http://bn2:1\"}");
        let record = crate::host::Record::parse(
            "beacondeck-snapshot 1\nlist @metrics\n a\npauses a\n # at 1\n go_gc_duration_seconds_sum 1\n go_gc_duration_seconds_count 1\n\
             later pauses a\n # at 61\n go_gc_duration_seconds_sum 2\n go_gc_duration_seconds_count 2\n",
        )
        .unwrap();
        let finding = crate::host::audit_as(&record, &[], &Overrides::new());
        let finding = finding.into_iter().find(|of| of.id == "proc.gc_pause").unwrap();
        let pauses = clients::Found::from([(BeaconName::new("a"), (UnixMs(9), finding))]);
        let (hosts, _) = Roster { pauses, ..roster(&fleet) }.hosts(&Dates::default(), UnixMs(1_000));
        let of = |name: &str| hosts.iter().find(|host| host.name == name).unwrap();
        assert_eq!((of("h1").at, of("h1").level()), (Some(UnixMs(9)), HostLevel::Bad));
        assert_eq!(of("h1").findings[0].check, "proc.gc_pause");
        assert_eq!(of("h1").classes, [("process".to_owned(), HostLevel::Bad)]);
        assert_eq!((of("b").at, of("b").level()), (None, HostLevel::Ok));
    }

    #[test]
    fn an_estimate_counts_by_the_least_it_must_be_off_and_never_decides() {
        let clock = |low_ms: i64, high_ms: i64| {
            estimated(Interval::new(low_ms * 1_000, high_ms * 1_000).unwrap(), UnixMs(1), Limits::default())
        };
        assert_eq!(clock(-400, 900).level, HostLevel::Ok, "it may be right");
        assert_eq!(clock(60, 90).level, HostLevel::Warn);
        assert_eq!(clock(4_000, 4_100).level, HostLevel::Warn, "an estimate is never worse");
    }

    #[test]
    fn what_is_wrong_is_told_each_slot_and_what_is_well_now_and_then() {
        let clock = |level| {
            let measured = ClockMeasured::default();
            HostClock { low_ms: 1.0, high_ms: 2.0, by: "chrony".into(), estimate: false, level, measured }
        };
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
