//! Which beacons run where, what was found there, where each clock lies; and what that is as lines of a recording. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::agents::Told;
use super::clients;
use super::clocks::Clocks;
use super::dates::Dates;
use crate::host::agent::words::Report;
use crate::host::clock::Limits;
use crate::host::shown;
use crate::host::{Finding, Found, Overrides, limits as table};
use crate::model::{
    Beacon, BeaconName, Fleet, HostClock, HostLevel, HostRemedy, HostSeen, HostStatus, Moment, Observation,
    RemedyState, Slot, UnixMs,
};

/// This machine, if no beacon runs on it.
const HERE: &str = "this machine";
/// Slots after which what is found is told again.
const AGAIN: u64 = 8;

/// What an agent reported that long ago, in milliseconds, is not shown any more.
const OLD_MS: i64 = 600_000;

/// The fleet, and what was found on this machine.
pub struct Roster<'a> {
    /// The fleet file in force.
    pub fleet: &'a Fleet,
    /// What was found here, once something was.
    pub here: Option<Arc<Found>>,
    /// What was found of beacons by their metrics.
    pub pauses: clients::Found,
    /// What agents told, by host.
    pub agents: BTreeMap<&'a str, Told>,
    /// Remedies that were begun here.
    pub remedies: Vec<HostRemedy>,
    /// The remedy that waits for its moment, and its host.
    pub due: Option<Arc<(String, HostRemedy)>>,
    /// The thresholds in force.
    pub limits: Overrides,
}

/// Whether a host is the machine this program runs on.
pub fn is_here(fleet: &Fleet, host: &str) -> bool {
    let mut local = fleet.beacons.iter().filter(|beacon| beacon.local).map(Beacon::host).peekable();
    if local.peek().is_none() { host == HERE } else { local.any(|of| of == host) }
}

impl Roster<'_> {
    /// Every host, and what to say of our own clock if it is the one that is wrong.
    pub fn hosts(&self, dates: &Dates, now: Moment) -> (Vec<HostStatus>, Option<String>) {
        let mut at: BTreeMap<&str, Vec<&Beacon>> = BTreeMap::new();
        for beacon in &self.fleet.beacons {
            at.entry(beacon.host()).or_default().push(beacon);
        }
        // A machine of validators has no beacon.
        for host in &self.fleet.hosts {
            at.entry(&host.name).or_default();
        }
        let limits = self.of_clocks();
        let own = self.here.as_deref().and_then(|found| found.clock.as_ref()?.verdict.offset);
        let clocks = Clocks::of(&at, dates, &self.agents, own, limits, now);
        let mut hosts: Vec<HostStatus> = at
            .iter()
            .map(|(host, beacons)| {
                let here = self.here.as_deref().filter(|_| beacons.iter().any(|beacon| beacon.local));
                let names: Vec<BeaconName> = beacons.iter().map(|beacon| beacon.name.clone()).collect();
                let pauses: Vec<_> = names.iter().filter_map(|name| self.pauses.get(name)).collect();
                let seen = Seen { here, pauses: &pauses, agent: self.agents.get(host) };
                seen.status(host, names, clocks.get(host), now)
            })
            .collect();
        if let Some(found) = self.here.as_deref().filter(|_| is_here(self.fleet, HERE)) {
            let seen = Seen { here: Some(found), pauses: &[], agent: None };
            hosts.push(seen.status(HERE, Vec::new(), None, now));
        }
        for host in hosts.iter_mut().filter(|host| is_here(self.fleet, &host.name)) {
            host.remedies.clone_from(&self.remedies);
        }
        let due = self.due.as_deref();
        if let Some((host, due)) = due.and_then(|(name, due)| Some((named(&mut hosts, name)?, due))) {
            host.remedies.insert(0, due.clone());
        }
        (hosts, clocks.banner(limits))
    }

    fn of_clocks(&self) -> Limits {
        let set = self.limits.get(table::CLOCK_DISPARITY.name);
        Limits::of_disparity(*set.unwrap_or(&table::CLOCK_DISPARITY.value) as u64)
    }
}

/// Who looks at a host, and what they found.
struct Seen<'a> {
    here: Option<&'a Found>,
    pauses: &'a [&'a (UnixMs, Finding)],
    agent: Option<&'a Told>,
}

impl Seen<'_> {
    /// `clock` is as it was measured from here.
    fn status(
        &self,
        name: &str,
        beacons: Vec<BeaconName>,
        clock: Option<&HostClock>,
        now: Moment,
    ) -> HostStatus {
        let of_machine = self.here.map_or(&[][..], |found| found.findings.as_slice());
        // Without a beacon only what this program itself needs is of interest: the clock.
        let wanted = |finding: &&Finding| !beacons.is_empty() || finding.class == crate::host::Class::Time;
        let pauses = self.pauses.iter().map(|(_, finding)| finding);
        let all: Vec<&Finding> = of_machine.iter().chain(pauses).filter(wanted).collect();
        let (mut findings, mut classes) = (shown::findings(&all), shown::classes(&all));
        let reported = self.agent.and_then(|told| told.report.as_ref());
        let reported = reported.filter(|(_, at)| self.here.is_none() && now.wall.since(*at) < OLD_MS);
        if let Some((report, _)) = reported {
            findings.extend(report.findings.iter().cloned());
            findings.sort_by_key(|of| std::cmp::Reverse((of.level, of.cost_ms.1, of.cost_ms.0)));
            classes = worst_of(classes.into_iter().chain(report.classes.iter().cloned()));
        }
        let looked = self.here.map(|found| found.at).or(reported.map(|(_, at)| *at));
        let at = looked.or_else(|| self.pauses.iter().map(|(at, _)| *at).max());
        let daemon = reported.and_then(|(report, _)| self.by_our_clock(report.clock.as_ref()?, now));
        // Its own daemon knows true time, unless the other hosts contradict it.
        let daemon = daemon.filter(|said| clock.is_none_or(|seen| seen.estimate || seen.level <= said.level));
        let clock = self.here.and_then(shown::clock).or(daemon).or_else(|| clock.cloned());
        let agent = self.agent.map(|told| told.status.clone());
        let remedies = reported.map(|(report, _)| self.remedies(report, now)).unwrap_or_default();
        let name = name.to_owned();
        HostStatus { name, beacons, at, findings, classes, clock, agent, remedies, past: Vec::new() }
    }

    /// What the host's clock says by ours.
    fn ours(&self, now: Moment) -> impl Fn(UnixMs) -> UnixMs {
        let sample = self.agent.and_then(|told| told.clock);
        let ahead_ms = sample.and_then(|sample| sample.interval(now)).map_or(0, |of| of.middle() / 1_000);
        move |at| UnixMs(at.0.saturating_add_signed(-ahead_ms))
    }

    /// The remedies an agent told of, their times by our clock.
    fn remedies(&self, report: &Report, now: Moment) -> Vec<HostRemedy> {
        let ours = self.ours(now);
        let remedy = |of: &HostRemedy| {
            let state = match &of.state {
                RemedyState::Due(at) => RemedyState::Due(ours(*at)),
                RemedyState::Until(at) => RemedyState::Until(ours(*at)),
                RemedyState::Reverted(at, why) => RemedyState::Reverted(ours(*at), why.clone()),
                other => other.clone(),
            };
            HostRemedy { at: ours(of.at), state, ..of.clone() }
        };
        report.remedies.iter().map(remedy).collect()
    }

    /// What its own daemon says, its times by our clock.
    fn by_our_clock(&self, clock: &HostClock, now: Moment) -> Option<HostClock> {
        self.agent.filter(|told| told.is_fresh(now))?;
        let ours = self.ours(now);
        let mut clock = clock.clone();
        clock.measured.at = clock.measured.at.map(&ours);
        for (at, _) in clock.measured.steps.iter_mut().flatten() {
            *at = ours(*at);
        }
        Some(clock)
    }
}

fn named<'a>(hosts: &'a mut [HostStatus], name: &str) -> Option<&'a mut HostStatus> {
    hosts.iter_mut().find(|host| host.name == name)
}

fn worst_of(classes: impl Iterator<Item = (String, HostLevel)>) -> Vec<(String, HostLevel)> {
    let mut worst: BTreeMap<String, HostLevel> = BTreeMap::new();
    for (class, level) in classes {
        let of = worst.entry(class).or_insert(level);
        *of = level.max(*of);
    }
    worst.into_iter().collect()
}

/// What was found, as lines of a recording: what is wrong each time, what is well now and then. What an agent said that gives
/// no answer any more is not told again.
pub fn lines(hosts: &[HostStatus], slot: Slot) -> Vec<Observation> {
    let mut lines = Vec::new();
    let silent = |host: &&HostStatus| host.agent.as_ref().is_some_and(|agent| agent.trouble.is_some());
    for host in hosts.iter().filter(|host| !silent(host)) {
        let seen = |check: &str, level, value: String| {
            let (host, check) = (host.name.clone(), check.to_owned());
            Observation::Host(HostSeen { slot, host, check, level, value })
        };
        let again = slot.0.is_multiple_of(AGAIN);
        if let Some(clock) = host.clock.as_ref().filter(|clock| again || clock.level > HostLevel::Advice) {
            let kind = if clock.estimate { ", an estimate" } else { "" };
            let value = format!("{} to {} ms, by {}{kind}", clock.low_ms, clock.high_ms, clock.by);
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
    use crate::host::agent::Sample;
    use crate::host::clock::Interval;
    use crate::model::{AgentStatus, ClockMeasured, HostFinding};

    fn fleet(beacons: &str) -> Fleet {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fleet.yaml");
        std::fs::write(&file, format!("fleet: t\nlisten: 127.0.0.1:0\nbeacons: [{beacons}]\n")).unwrap();
        crate::config::load(&file).unwrap().fleet
    }

    fn roster(fleet: &Fleet) -> Roster<'_> {
        let (pauses, agents, remedies) = (clients::Found::new(), BTreeMap::new(), Vec::new());
        Roster { fleet, here: None, pauses, agents, remedies, due: None, limits: Overrides::new() }
    }

    fn at(ms: u64) -> Moment {
        Moment { wall: UnixMs(ms), mono_us: ms * 1_000 }
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
        let (hosts, banner) = roster.hosts(&Dates::default(), at(1_000));
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
        let (hosts, _) = Roster { pauses, ..roster(&fleet) }.hosts(&Dates::default(), at(1_000));
        let of = |name: &str| hosts.iter().find(|host| host.name == name).unwrap();
        assert_eq!((of("h1").at, of("h1").level()), (Some(UnixMs(9)), HostLevel::Bad));
        assert_eq!(of("h1").findings[0].check, "proc.gc_pause");
        assert_eq!(of("h1").classes, [("process".to_owned(), HostLevel::Bad)]);
        assert_eq!((of("b").at, of("b").level()), (None, HostLevel::Ok));
    }

    #[test]
    fn what_is_wrong_is_told_each_slot_and_what_is_well_now_and_then() {
        let clock = |level| {
            let measured = ClockMeasured::default();
            HostClock { low_ms: 1.0, high_ms: 2.0, by: "chrony".into(), estimate: false, level, measured }
        };
        let host =
            |level| HostStatus { name: "h".into(), clock: Some(clock(level)), ..HostStatus::default() };
        let told = |level, slot| lines(&[host(level)], Slot(slot)).len();
        assert_eq!((told(HostLevel::Ok, 8), told(HostLevel::Ok, 9), told(HostLevel::Bad, 9)), (1, 0, 1));
        let status = AgentStatus { trouble: Some((UnixMs(1), "gone".into())), ..AgentStatus::default() };
        let silent = HostStatus { agent: Some(status), ..host(HostLevel::Bad) };
        assert_eq!(lines(&[silent], Slot(8)), [], "nobody knows how it is now");
    }

    /// An agent that answered just now: its host's clock less ours, and what its own time daemon says.
    fn told(ahead_ms: i64, daemon: Option<HostClock>) -> Told {
        let sample = Interval::around(ahead_ms * 1_000, 500);
        let finding = HostFinding {
            check: "net.somaxconn".into(),
            level: HostLevel::Warn,
            actual: "128".into(),
            expected: "4096".into(),
            why: String::new(),
            cost_ms: (0, 1),
            remedy: String::new(),
            persistent: String::new(),
            revert: String::new(),
            ..HostFinding::default()
        };
        let report = Report {
            findings: vec![finding],
            classes: vec![("network".into(), HostLevel::Warn)],
            clock: daemon,
            ..Report::default()
        };
        let status = AgentStatus { answered: Some(UnixMs(600_000)), ..AgentStatus::default() };
        Told {
            status,
            report: Some((report.into(), UnixMs(590_000))),
            clock: Sample::of([sample], at(600_000)),
        }
    }

    fn three_hosts() -> Fleet {
        let key = |of: u8| format!("sha256:{}@10.0.0.{of}:5064", format!("{of:02x}").repeat(32));
        let host = |of: u8| format!("{{name: h{of}, agent: \"{}\"}}", key(of));
        fleet(&format!(
            "{{name: a, url: \"http://bn1:1\", labels: {{host: h1}}}}, {{name: b, url: \"http://bn2:1\", labels: {{host: h2}}}}]\n\
             hosts: [{}, {}, {}",
            host(1),
            host(2),
            host(3)
        ))
    }

    #[test]
    fn what_agents_tell_is_their_hosts_and_their_clocks_are_compared() {
        let fleet = three_hosts();
        let agents = BTreeMap::from([("h1", told(2, None)), ("h2", told(1, None)), ("h3", told(-299, None))]);
        let (hosts, banner) = Roster { agents, ..roster(&fleet) }.hosts(&Dates::default(), at(600_000));
        let of = |name: &str| hosts.iter().find(|host| host.name == name).unwrap();
        assert_eq!(
            (of("h1").at, of("h1").findings[0].check.as_str()),
            (Some(UnixMs(590_000)), "net.somaxconn")
        );
        assert_eq!(of("h1").classes, [("network".to_owned(), HostLevel::Warn)]);
        let clock = |name: &str| of(name).clock.clone().unwrap();
        assert_eq!((clock("h1").level, clock("h1").by.as_str()), (HostLevel::Ok, "its agent"));
        assert!(clock("h3").low_ms < -299.0 && clock("h3").high_ms > -302.0 && !clock("h3").estimate);
        assert_eq!((clock("h3").level, of("h3").beacons.len()), (HostLevel::Bad, 0));
        assert_eq!(banner, None);
    }

    #[test]
    fn a_wrong_clock_of_ours_gets_the_banner_and_reddens_no_host() {
        let fleet = three_hosts();
        let agents =
            BTreeMap::from([("h1", told(2_000, None)), ("h2", told(2_001, None)), ("h3", told(2_002, None))]);
        let (hosts, banner) = Roster { agents, ..roster(&fleet) }.hosts(&Dates::default(), at(600_000));
        let banner = banner.unwrap();
        assert!(banner.starts_with("this console's own clock is off by -200"), "{banner}");
        assert!(!banner.contains("estimate"), "{banner}");
        for host in hosts {
            assert_eq!(host.clock.map(|clock| clock.level), Some(HostLevel::Ok), "{}", host.name);
        }
    }

    #[test]
    fn a_hosts_own_daemon_is_believed_until_the_others_contradict_it() {
        let fleet = three_hosts();
        let daemon = HostClock {
            low_ms: -1.0,
            high_ms: 1.0,
            by: "chrony".into(),
            estimate: false,
            level: HostLevel::Ok,
            measured: ClockMeasured { at: Some(UnixMs(600_300)), ..ClockMeasured::default() },
        };
        let agents = BTreeMap::from([
            ("h1", told(0, Some(daemon.clone()))),
            ("h2", told(1, None)),
            ("h3", told(-300, Some(daemon))),
        ]);
        let (hosts, _) = Roster { agents, ..roster(&fleet) }.hosts(&Dates::default(), at(600_000));
        let clock = |place: usize| hosts[place].clock.clone().unwrap();
        assert_eq!((clock(0).by.as_str(), clock(0).measured.at), ("chrony", Some(UnixMs(600_300))));
        assert_eq!((clock(2).by.as_str(), clock(2).level), ("its agent", HostLevel::Bad));
    }

    #[test]
    fn what_a_silent_agent_said_grows_old_and_goes() {
        let fleet = three_hosts();
        let at_a = |ms: u64| {
            let agents = BTreeMap::from([("h1", told(0, None))]);
            let (hosts, _) = Roster { agents, ..roster(&fleet) }.hosts(&Dates::default(), at(ms));
            (hosts[0].findings.len(), hosts[0].clock.is_some())
        };
        assert_eq!((at_a(600_000), at_a(1_000_000), at_a(1_200_000)), ((1, true), (1, false), (0, false)));
    }
}
