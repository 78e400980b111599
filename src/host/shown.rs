//! What was found on a machine, in the words everyone is shown. Pure.

use std::collections::BTreeMap;

use super::audit::ClockSeen;
use super::check::Apply;
use super::clock::Grade;
use super::finding::{Finding, Verdict};
use super::look::Found;
use crate::model::{ClockMeasured, HostClock, HostFinding, HostLevel, UnixMs};

/// What of these asks for something: worst first, among those what can cost most.
pub fn findings(all: &[&Finding]) -> Vec<HostFinding> {
    let mut told: Vec<HostFinding> = all.iter().filter_map(|finding| one(finding)).collect();
    told.sort_by_key(|finding| std::cmp::Reverse((finding.level, finding.cost_ms.1, finding.cost_ms.0)));
    told
}

/// Every part of the machine that was looked at, and the worst of it.
pub fn classes(all: &[&Finding]) -> Vec<(String, HostLevel)> {
    let mut classes: BTreeMap<String, HostLevel> = BTreeMap::new();
    for finding in all {
        if let Some(level) = level(&finding.verdict) {
            let worst = classes.entry(finding.class.word().to_owned()).or_insert(level);
            *worst = level.max(*worst);
        }
    }
    classes.into_iter().collect()
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

fn one(finding: &Finding) -> Option<HostFinding> {
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
        risk: match finding.apply {
            Apply::Investigate => String::new(),
            apply => apply.words().to_owned(),
        },
        writes: finding.change.is_some() && finding.apply != Apply::Reboot,
        since: None,
    })
}

/// The level of a grade.
pub fn graded(grade: Grade) -> HostLevel {
    match grade {
        Grade::Ok => HostLevel::Ok,
        Grade::Warn => HostLevel::Warn,
        Grade::Bad | Grade::Critical => HostLevel::Bad,
    }
}

/// Microseconds in tenths of a millisecond.
pub fn milliseconds(micros: i64) -> f64 {
    (micros as f64 / 100.0).round() / 10.0
}

/// The clock as who measures it on the machine itself says.
pub fn clock(found: &Found) -> Option<HostClock> {
    let ClockSeen { verdict, readings, .. } = found.clock.as_ref()?;
    let offset = verdict.offset?;
    let by: Vec<&str> = verdict.by.iter().map(|witness| witness.name()).collect();
    let first = readings.iter().find(|reading| verdict.by.contains(&reading.witness));
    let ago = first.and_then(|reading| reading.age_ms).unwrap_or(0);
    let steps = found.steps.iter().map(|step| (step.at, milliseconds(step.by.middle())));
    let measured = ClockMeasured {
        at: Some(UnixMs(found.at.0.saturating_sub(ago))),
        stratum: first.and_then(|reading| reading.stratum),
        jitter_ms: first.and_then(|reading| reading.jitter_us).map(|us| us as f64 / 1_000.0),
        references: first.and_then(|reading| reading.sources).map(|of| (of.reachable, of.false_tickers)),
        steps: Some(steps.collect()),
    };
    Some(HostClock {
        low_ms: milliseconds(offset.low()),
        high_ms: milliseconds(offset.high()),
        by: by.join(", "),
        estimate: false,
        level: verdict.grade().map_or(HostLevel::Ok, graded),
        measured,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Overrides, Record, Role, audit};

    #[test]
    fn what_asks_for_something_is_told_and_every_part_has_its_worst() {
        let text = "beacondeck-snapshot 1\nfile /proc/sys/net/core/somaxconn\n 128\nfile /proc/uptime\n 600 1\n\
                    file /proc/net/softnet_stat\n 00000010 00100000 00000000\nfile /proc/sys/vm/swappiness\n 1\n";
        let found = audit(&Record::parse(text).unwrap(), Role::ALL, &Overrides::new());
        let all: Vec<&Finding> = found.iter().collect();
        let told = findings(&all);
        let names: Vec<(&str, HostLevel)> = told.iter().map(|of| (of.check.as_str(), of.level)).collect();
        assert_eq!(names.first(), Some(&("net.softnet_drops", HostLevel::Bad)), "{names:?}");
        assert!(names.contains(&("net.somaxconn", HostLevel::Warn)), "{names:?}");
        assert!(told.iter().all(|of| of.level > HostLevel::Ok && !of.remedy.is_empty()));
        let of =
            |class: &str| classes(&all).into_iter().find(|(name, _)| name == class).map(|(_, level)| level);
        assert_eq!((of("network"), of("process")), (Some(HostLevel::Bad), None));
    }
}
