//! Levels of findings that do not flap: what is measured at its limit is worse at once, and better only once some looks in a
//! row were. Settings are as they are, and clocks have a judgement of their own. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::host::{Check, check_of};
use crate::model::{HostFinding, HostLevel, HostStatus, UnixMs};

/// Looks in a row that must be better before a level is left; there is one a minute.
const BETTER: usize = 3;

#[derive(Debug, Default)]
struct Of {
    looked: Option<UnixMs>,
    /// The worst finding of each check that measures, newest look first.
    looks: VecDeque<BTreeMap<String, HostFinding>>,
}

/// The last looks at every host.
#[derive(Debug, Default)]
pub struct Steady(BTreeMap<String, Of>);

impl Steady {
    /// Gives each finding the worst level of the last looks. Hosts that are gone are forgotten.
    pub fn tell(&mut self, hosts: &mut [HostStatus]) {
        self.0.retain(|name, _| hosts.iter().any(|host| host.name == *name));
        for host in hosts {
            let of = self.0.entry(host.name.clone()).or_default();
            if let Some(at) = host.at.filter(|at| of.looked != Some(*at)) {
                of.looked = Some(at);
                of.looks.push_front(measured(host));
                of.looks.truncate(BETTER);
            }
            of.hold(host);
        }
    }
}

/// The worst finding of each check that measures: of several processes it comes first and stands for the others.
fn measured(host: &HostStatus) -> BTreeMap<String, HostFinding> {
    let measures = |of: &&HostFinding| check_of(&of.check).is_some_and(Check::measures);
    let mut worst: BTreeMap<String, HostFinding> = BTreeMap::new();
    for finding in host.findings.iter().filter(measures) {
        worst.entry(finding.check.clone()).or_insert_with(|| finding.clone());
    }
    worst
}

impl Of {
    fn hold(&self, host: &mut HostStatus) {
        let mut held: BTreeMap<&str, (&HostFinding, usize)> = BTreeMap::new();
        for (ago, look) in self.looks.iter().enumerate() {
            for (check, finding) in look {
                let of = held.entry(check).or_insert((finding, ago));
                if finding.level > of.0.level {
                    *of = (finding, ago);
                }
            }
        }
        // What is as bad now as it was needs no help.
        let before = held.into_values().filter(|(_, ago)| *ago > 0).collect::<Vec<_>>();
        for (finding, ago) in &before {
            let actual = format!("{}, since then better in {ago} of {BETTER} looks", finding.actual);
            let shown = HostFinding { actual, ..(*finding).clone() };
            let class = check_of(&shown.check).map_or("", |check| check.class.word());
            raise(&mut host.classes, class, shown.level);
            match host.findings.iter_mut().find(|of| of.check == shown.check) {
                Some(now) => *now = shown,
                None => host.findings.push(shown),
            }
        }
        if !before.is_empty() {
            host.findings.sort_by_key(|of| std::cmp::Reverse((of.level, of.cost_ms.1, of.cost_ms.0)));
        }
    }
}

fn raise(classes: &mut Vec<(String, HostLevel)>, class: &str, level: HostLevel) {
    match classes.iter_mut().find(|(word, _)| word == class) {
        Some((_, worst)) => *worst = level.max(*worst),
        None => classes.push((class.to_owned(), level)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::hosts::past::Past;

    const MEASURED: &str = "disk.rw_latency";
    const SETTING: &str = "net.somaxconn";
    const CLOCK: &str = "time.offset";

    /// What is shown of a check after looks that found these levels, one a minute.
    struct Host(Steady, Past, u64);

    impl Host {
        fn new() -> Self {
            Self(Steady::default(), Past::default(), 0)
        }

        fn look(&mut self, check: &str, level: HostLevel) -> HostStatus {
            self.2 += 1;
            self.show(check, level)
        }

        fn show(&mut self, check: &str, level: HostLevel) -> HostStatus {
            let actual = format!("{level:?} at {}", self.2);
            let finding = HostFinding { check: check.into(), level, actual, ..HostFinding::default() };
            let findings = if level > HostLevel::Ok { vec![finding] } else { Vec::new() };
            let classes = vec![("storage".to_owned(), level)];
            let at = Some(UnixMs(self.2));
            let mut hosts = [HostStatus { name: "h".into(), at, findings, classes, ..HostStatus::default() }];
            self.0.tell(&mut hosts);
            self.1.tell(&mut hosts);
            let [host] = hosts;
            host
        }

        fn levels(check: &str, looks: &[HostLevel]) -> Vec<HostLevel> {
            let mut host = Self::new();
            let level = |of: HostStatus| of.findings.first().map_or(HostLevel::Ok, |finding| finding.level);
            looks.iter().map(|found| level(host.look(check, *found))).collect()
        }
    }

    #[test]
    fn a_measured_level_is_reached_at_once_and_left_after_three_better_looks_in_a_row() {
        use HostLevel::{Bad, Ok, Warn};
        let looks = [Ok, Warn, Ok, Bad, Warn, Ok, Bad, Ok, Warn, Ok, Ok, Ok];
        let shown = [Ok, Warn, Warn, Bad, Bad, Bad, Bad, Bad, Bad, Warn, Warn, Ok];
        assert_eq!(Host::levels(MEASURED, &looks), shown);
        for other in [SETTING, CLOCK, "agents.own"] {
            assert_eq!(Host::levels(other, &looks), looks, "{other}");
        }
    }

    #[test]
    fn what_is_held_says_what_it_was_and_for_how_long_it_was_better() {
        let mut host = Host::new();
        host.look(MEASURED, HostLevel::Bad);
        let held = host.look(MEASURED, HostLevel::Warn);
        assert_eq!(held.findings[0].actual, "Bad at 1, since then better in 1 of 3 looks");
        assert_eq!(held.classes, [("storage".to_owned(), HostLevel::Bad)]);
        // The same look again is no better one.
        assert_eq!(host.show(MEASURED, HostLevel::Warn), held);
        let gone = host.look(MEASURED, HostLevel::Ok);
        assert_eq!(gone.findings[0].actual, "Bad at 1, since then better in 2 of 3 looks");
        assert_eq!(
            host.look(MEASURED, HostLevel::Ok).findings[0].actual,
            "Warn at 2, since then better in 2 of 3 looks"
        );
        assert!(host.look(MEASURED, HostLevel::Ok).findings.is_empty());
    }

    #[test]
    fn what_comes_and_goes_each_minute_is_one_line_of_history() {
        let mut host = Host::new();
        host.look(MEASURED, HostLevel::Ok);
        let mut past = 0;
        for minute in 0..60 {
            let level = if minute % 2 == 0 { HostLevel::Warn } else { HostLevel::Ok };
            let seen = host.look(MEASURED, level);
            past = seen.past.len();
            assert_eq!(seen.findings[0].since, Some(UnixMs(2)));
        }
        assert_eq!(past, 1);
    }
}
