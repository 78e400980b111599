//! The clocks of all hosts as they are measured from here: by agents, else estimated by `Date`. Pure.

use std::collections::BTreeMap;

use super::agents::Told;
use super::dates::{Dates, micros};
use crate::host::clock::fleet::{FleetClock, Means, banner, compare};
use crate::host::clock::{Interval, Limits};
use crate::host::shown::{graded, milliseconds};
use crate::model::{Beacon, ClockMeasured, HostClock, HostLevel, Moment, UnixMs};

/// What was measured of every host by one means, and what the hosts say of each other.
struct Measured<'a> {
    hosts: Vec<(&'a str, Interval, UnixMs)>,
    fleet: FleetClock,
}

/// Every host's clock.
pub struct Clocks<'a> {
    hosts: BTreeMap<&'a str, HostClock>,
    agents: FleetClock,
    dates: FleetClock,
}

impl<'a> Clocks<'a> {
    /// Of these hosts with their beacons; `own` is where our own clock lies, if a time daemon here says.
    pub fn of(
        at: &BTreeMap<&'a str, Vec<&Beacon>>,
        dates: &Dates,
        agents: &BTreeMap<&str, Told>,
        own: Option<Interval>,
        limits: Limits,
        now: Moment,
    ) -> Self {
        let by_agent = Measured::of(
            at.keys().filter_map(|host| {
                let sample = agents.get(host)?.clock?;
                Some((*host, sample.interval(now)?, sample.at.wall))
            }),
            limits,
        );
        let by_date = Measured::of(
            at.iter().filter_map(|(host, beacons)| {
                let known = beacons.iter().filter_map(|beacon| dates.of(&beacon.name, micros(now)));
                let (interval, learnt) = known.min_by_key(|(interval, _)| interval.half())?;
                Some((*host, interval, learnt))
            }),
            limits,
        );
        let mut hosts: BTreeMap<&str, HostClock> = by_date
            .clocks(|measured, less| lies(less.unwrap_or(measured), "Date of its answers", true, limits));
        hosts.extend(by_agent.clocks(|measured, less| match (less, own) {
            (Some(less), _) => lies(less, "its agent", false, limits),
            // Too few to compare: but if it is known where we lie, so it is of the host.
            (None, Some(own)) => {
                lies(measured.less(own.reversed()), "its agent, this machine's clock", false, limits)
            }
            (None, None) => lies(measured, "its agent, against this machine", true, limits),
        }));
        Self { hosts, agents: by_agent.fleet, dates: by_date.fleet }
    }

    /// Where a host's clock lies.
    pub fn get(&self, host: &str) -> Option<&HostClock> {
        self.hosts.get(host)
    }

    /// What to say of our own clock if it is the one that is wrong. Agents are believed before estimates.
    pub fn banner(&self, limits: Limits) -> Option<String> {
        match self.agents.majority {
            Some(_) => banner(&self.agents, Means::Agent, limits),
            None => banner(&self.dates, Means::Date, limits),
        }
    }
}

impl<'a> Measured<'a> {
    fn of(hosts: impl Iterator<Item = (&'a str, Interval, UnixMs)>, limits: Limits) -> Self {
        let hosts: Vec<_> = hosts.collect();
        let intervals: Vec<Interval> = hosts.iter().map(|(_, interval, _)| *interval).collect();
        let fleet = compare(&intervals, limits);
        Self { hosts, fleet }
    }

    /// `clock` is given a host less us, and less the majority if there is one.
    fn clocks(
        &self,
        clock: impl Fn(Interval, Option<Interval>) -> HostClock,
    ) -> BTreeMap<&'a str, HostClock> {
        let each = self.hosts.iter().zip(&self.fleet.hosts);
        each.map(|((host, measured, at), less)| {
            let clock = clock(*measured, *less);
            let measured = ClockMeasured { at: Some(*at), ..ClockMeasured::default() };
            (*host, HostClock { measured, ..clock })
        })
        .collect()
    }
}

/// It counts by the least it must be off; an estimate never says worse than *warn*.
fn lies(interval: Interval, by: &str, estimate: bool, limits: Limits) -> HostClock {
    let least = if interval.contains(0) { 0 } else { interval.low().abs().min(interval.high().abs()) };
    let (level, most) =
        (graded(limits.offset(least)), if estimate { HostLevel::Warn } else { HostLevel::Bad });
    HostClock {
        low_ms: milliseconds(interval.low()),
        high_ms: milliseconds(interval.high()),
        by: by.to_owned(),
        estimate,
        level: level.min(most),
        measured: ClockMeasured::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::agent::Sample;
    use crate::model::AgentStatus;

    #[test]
    fn an_estimate_counts_by_the_least_it_must_be_off_and_never_decides() {
        let level = |low_ms: i64, high_ms: i64, estimate| {
            let interval = Interval::new(low_ms * 1_000, high_ms * 1_000).unwrap();
            lies(interval, "", estimate, Limits::default()).level
        };
        assert_eq!(level(-400, 900, true), HostLevel::Ok, "it may be right");
        assert_eq!(level(60, 90, true), HostLevel::Warn);
        assert_eq!(level(4_000, 4_100, true), HostLevel::Warn, "an estimate is never worse");
        assert_eq!(level(4_000, 4_100, false), HostLevel::Bad, "what was measured is");
    }

    #[test]
    fn one_host_alone_is_judged_only_if_it_is_known_where_we_lie() {
        let at = BTreeMap::from([("h1", Vec::new())]);
        let now = Moment { wall: UnixMs(1_000), mono_us: 1 };
        let clock = Sample::of([Interval::around(-300_000, 1_000)], now);
        let told = Told { status: AgentStatus::default(), report: None, clock };
        let agents = BTreeMap::from([("h1", told)]);
        let of = |own: Option<Interval>| {
            let clocks = Clocks::of(&at, &Dates::default(), &agents, own, Limits::default(), now);
            clocks.get("h1").cloned().unwrap()
        };
        assert_eq!((of(None).level, of(None).estimate), (HostLevel::Warn, true), "it may be us");
        let right = of(Some(Interval::around(0, 2_000)));
        assert_eq!((right.low_ms, right.high_ms, right.level), (-303.0, -297.0, HostLevel::Bad));
        let wrong = of(Some(Interval::around(300_000, 2_000)));
        assert_eq!((wrong.low_ms, wrong.high_ms, wrong.level), (-3.0, 3.0, HostLevel::Ok), "it is us");
    }
}
