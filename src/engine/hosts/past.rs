//! Since when each host's findings are as they are, and what came and went. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::model::{HostChange, HostLevel, HostStatus, UnixMs};

/// Changes of a host that are remembered.
const REMEMBERED: usize = 32;

/// What is known of a finding: how bad, since when, in which words.
#[derive(Debug, Clone)]
struct Known {
    level: HostLevel,
    since: UnixMs,
    actual: String,
}

#[derive(Debug, Default)]
struct Of {
    looked: Option<UnixMs>,
    known: BTreeMap<String, Known>,
    changes: VecDeque<HostChange>,
}

/// What is remembered of every host.
#[derive(Debug, Default)]
pub struct Past(BTreeMap<String, Of>);

impl Past {
    /// Compares with what was before, and writes to each host what is known of its past. Hosts that are gone are forgotten.
    pub fn tell(&mut self, hosts: &mut [HostStatus]) {
        self.0.retain(|name, _| hosts.iter().any(|host| host.name == *name));
        for host in hosts {
            let of = self.0.entry(host.name.clone()).or_default();
            of.look(host);
            host.past = of.changes.iter().cloned().collect();
            for finding in &mut host.findings {
                finding.since = of.known.get(&finding.check).map(|known| known.since);
            }
        }
    }
}

impl Of {
    fn look(&mut self, host: &HostStatus) {
        let Some(at) = host.at.filter(|at| self.looked != Some(*at)) else { return };
        let first = self.looked.replace(at).is_none();
        // Of several processes the worst comes first and stands for the others.
        let mut now: BTreeMap<&str, (HostLevel, &str)> = BTreeMap::new();
        for finding in &host.findings {
            now.entry(&finding.check).or_insert((finding.level, &finding.actual));
        }
        let mut changes = Vec::new();
        for (check, (level, actual)) in &now {
            let was = self.known.get(*check).map_or(HostLevel::Ok, |known| known.level);
            if was != *level {
                changes.push(change(at, check, was, *level, actual));
                let known = Known { level: *level, since: at, actual: (*actual).to_owned() };
                self.known.insert((*check).to_owned(), known);
            }
        }
        let gone = |check: &String| !now.contains_key(check.as_str());
        changes.extend(
            self.known
                .iter()
                .filter(|(check, _)| gone(check))
                .map(|(check, known)| change(at, check, known.level, HostLevel::Ok, &known.actual)),
        );
        self.known.retain(|check, _| now.contains_key(check.as_str()));
        // What is found at the first look is no change.
        for change in changes.into_iter().filter(|_| !first) {
            self.changes.push_front(change);
        }
        self.changes.truncate(REMEMBERED);
    }
}

fn change(at: UnixMs, check: &str, was: HostLevel, is: HostLevel, actual: &str) -> HostChange {
    HostChange { at, check: check.to_owned(), was, is, actual: actual.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostFinding;

    fn looked(at: u64, findings: &[(&str, HostLevel)]) -> HostStatus {
        let finding = |(check, level): &(&str, HostLevel)| HostFinding {
            check: (*check).to_owned(),
            level: *level,
            actual: format!("{check} at {at}"),
            ..HostFinding::default()
        };
        HostStatus {
            name: "h".into(),
            at: Some(UnixMs(at)),
            findings: findings.iter().map(finding).collect(),
            ..HostStatus::default()
        }
    }

    #[test]
    fn what_came_and_went_is_told_newest_first_and_since_when_it_is_so() {
        let mut past = Past::default();
        let mut see = |host: HostStatus| {
            let mut hosts = [host];
            past.tell(&mut hosts);
            let [host] = hosts;
            host
        };
        let first = see(looked(1, &[("a", HostLevel::Warn)]));
        assert!(first.past.is_empty(), "what is found first is no change");
        assert_eq!(first.findings[0].since, Some(UnixMs(1)));
        see(looked(2, &[("a", HostLevel::Warn), ("b", HostLevel::Bad)]));
        let worse = see(looked(3, &[("a", HostLevel::Bad)]));
        assert_eq!(worse.findings[0].since, Some(UnixMs(3)));
        let told: Vec<(u64, &str, HostLevel, HostLevel)> =
            worse.past.iter().map(|of| (of.at.0, of.check.as_str(), of.was, of.is)).collect();
        assert_eq!(
            told,
            [
                (3, "b", HostLevel::Bad, HostLevel::Ok),
                (3, "a", HostLevel::Warn, HostLevel::Bad),
                (2, "b", HostLevel::Ok, HostLevel::Bad),
            ]
        );
        assert_eq!(worse.past[0].actual, "b at 2", "what went is told as it was");
        assert_eq!(see(looked(3, &[])).past.len(), 3, "the same look is no news");
    }

    #[test]
    fn a_finding_that_comes_and_goes_fills_no_more_than_its_room() {
        let mut past = Past::default();
        for at in 0..200 {
            let findings: &[_] = if at % 2 == 0 { &[("a", HostLevel::Warn)] } else { &[] };
            let mut hosts = [looked(at, findings)];
            past.tell(&mut hosts);
            assert!(hosts[0].past.len() <= REMEMBERED);
        }
        past.tell(&mut []);
        assert!(past.0.is_empty());
    }
}
