//! What a reload changes, in words. Pure; never shows a secret.
//!
//! A knob that is compared here as part of its section needs no line of its own.

use std::fmt::Debug;

use crate::model::{Beacon, Fleet, Limits};

/// What becomes of a change while the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// It is made at once.
    Now,
    /// The rest of the file is taken; this waits for a restart.
    Restart,
    /// The file is not taken: half of it in force would contradict the other half.
    Refused,
}

/// One difference between two fleet files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In words, e.g. `beacon b2 added`.
    pub what: String,
    /// What becomes of it.
    pub takes: Takes,
}

/// Everything in which `new` differs from `old`, in the order of the fleet file.
pub fn changes(old: &Fleet, new: &Fleet) -> Vec<Change> {
    let mut all = Vec::new();
    let mut add = |takes: Takes, what: String| all.push(Change { what, takes });
    if old.name != new.name {
        add(Takes::Now, format!("fleet is now called {}", new.name));
    }
    for what in doors(old, new).into_iter().chain(beacons(old, new)).chain(clients(old, new)) {
        add(Takes::Now, what);
    }
    if old.control != new.control {
        add(Takes::Refused, moved("control", old.control.display(), new.control.display()));
    }
    if old.state != new.state {
        add(Takes::Refused, moved("state", old.state.display(), new.state.display()));
    }
    if old.metrics != new.metrics {
        add(Takes::Now, new.metrics.map_or("metrics off".into(), |at| format!("metrics at {at}")));
    }
    for what in notifiers(old, new) {
        add(Takes::Now, what);
    }
    if old.zone != new.zone {
        add(Takes::Now, format!("zone {}", new.zone.as_deref().unwrap_or("none")));
    }
    if old.theme != new.theme {
        add(Takes::Now, "theme of consoles that are opened from now on".to_owned());
    }
    if let (Some(old), Some(new)) = (old.genesis_validators_root, new.genesis_validators_root)
        && old != new
    {
        add(Takes::Refused, moved("genesis-validators-root", old, new));
    } else if old.genesis_validators_root != new.genesis_validators_root {
        let now = if new.genesis_validators_root.is_some() { "given" } else { "no longer given" };
        add(Takes::Now, format!("genesis-validators-root {now}"));
    }
    section(&mut add, "routing", &old.routing, &new.routing);
    section(&mut add, "health", &old.health, &new.health);
    section(&mut add, "probing", &old.probing, &new.probing);
    let knobs = limits(&old.limits, &new.limits);
    if !knobs.is_empty() {
        add(Takes::Now, format!("limits: {}", knobs.join(", ")));
    }
    section(&mut add, "host", &old.host, &new.host);
    section(&mut add, "hosts", &old.hosts, &new.hosts);
    if old.logging != new.logging {
        add(Takes::Restart, "log".to_owned());
    }
    all
}

fn moved(key: &str, old: impl std::fmt::Display, new: impl std::fmt::Display) -> String {
    format!("{key} cannot change from {old} to {new} while serve runs")
}

fn section<T: PartialEq + Debug>(add: &mut impl FnMut(Takes, String), key: &str, old: &T, new: &T) {
    if old != new {
        add(Takes::Now, key.to_owned());
    }
}

fn doors(old: &Fleet, new: &Fleet) -> Vec<String> {
    let mut words = Vec::new();
    let mut left: Vec<_> = old.listen.iter().collect();
    for listen in &new.listen {
        match left.iter().position(|old| old.address == listen.address) {
            Some(place) if *left.remove(place) == *listen => {}
            Some(_) => words.push(format!("door {}: other rules", listen.address)),
            None => words.push(format!("door {} opened", listen.address)),
        }
    }
    words.extend(left.iter().map(|listen| format!("door {} closed", listen.address)));
    words
}

fn beacons(old: &Fleet, new: &Fleet) -> Vec<String> {
    let mut words = Vec::new();
    for beacon in &new.beacons {
        let Some(before) = old.beacons.iter().find(|old| old.name == beacon.name) else {
            words.push(format!("beacon {} added", beacon.name));
            continue;
        };
        let knobs = knobs(before, beacon);
        if !knobs.is_empty() {
            words.push(format!("beacon {}: {}", beacon.name, knobs.join(", ")));
        }
    }
    let gone = |old: &&Beacon| !new.beacons.iter().any(|beacon| beacon.name == old.name);
    words.extend(old.beacons.iter().filter(gone).map(|old| format!("beacon {} removed", old.name)));
    let order = |fleet: &Fleet, other: &Fleet| -> Vec<_> {
        let both = |name: &_| other.beacons.iter().any(|beacon| beacon.name == *name);
        fleet.beacons.iter().map(|beacon| beacon.name.clone()).filter(both).collect()
    };
    if order(old, new) != order(new, old) {
        words.push("beacons in another order".to_owned());
    }
    words
}

fn knobs(old: &Beacon, new: &Beacon) -> Vec<&'static str> {
    [
        ("url", old.url == new.url),
        ("labels", old.labels == new.labels),
        ("weight", old.weight == new.weight),
        ("roles", old.roles == new.roles),
        ("headers", old.headers == new.headers),
        ("http2", old.h2c == new.h2c),
        ("ca-file", old.ca_file == new.ca_file),
        ("local", old.local == new.local),
        ("metrics", old.metrics == new.metrics),
        ("restart", old.restart == new.restart),
        ("upgrade", old.upgrade == new.upgrade),
    ]
    .into_iter()
    .filter_map(|(knob, same)| (!same).then_some(knob))
    .collect()
}

fn clients(old: &Fleet, new: &Fleet) -> Vec<String> {
    let mut words = Vec::new();
    for client in &new.clients {
        match old.clients.iter().find(|old| old.name == client.name) {
            None => words.push(format!("client {} added", client.name)),
            Some(before) if before != client => words.push(format!("client {}", client.name)),
            Some(_) => {}
        }
    }
    let gone = old.clients.iter().filter(|old| !new.clients.iter().any(|client| client.name == old.name));
    words.extend(gone.map(|old| format!("client {} removed", old.name)));
    if words.is_empty() && old.clients != new.clients {
        words.push("clients in another order".to_owned());
    }
    words
}

fn notifiers(old: &Fleet, new: &Fleet) -> Vec<String> {
    let mut words = Vec::new();
    for notifier in &new.notify {
        match old.notify.iter().find(|old| old.name == notifier.name) {
            None => words.push(format!("notifier {} added", notifier.name)),
            Some(before) if before != notifier => words.push(format!("notifier {}", notifier.name)),
            Some(_) => {}
        }
    }
    let gone = old.notify.iter().filter(|old| !new.notify.iter().any(|notifier| notifier.name == old.name));
    words.extend(gone.map(|old| format!("notifier {} removed", old.name)));
    words
}

fn limits(old: &Limits, new: &Limits) -> Vec<&'static str> {
    let known = [
        ("connections", old.connections == new.connections),
        ("connections-per-client", old.connections_per_client == new.connections_per_client),
        (
            "requests-per-second-per-client",
            old.requests_per_second_per_client == new.requests_per_second_per_client,
        ),
        ("in-flight", old.in_flight == new.in_flight),
        ("body", old.body == new.body),
        ("bodies", old.bodies == new.bodies),
        ("head", old.head == new.head),
        ("head-time", old.head_time == new.head_time),
        ("body-time", old.body_time == new.body_time),
        ("idle", old.idle == new.idle),
        ("stop", old.stop == new.stop),
        ("traces", old.traces == new.traces),
    ];
    let knobs: Vec<_> = known.into_iter().filter_map(|(knob, same)| (!same).then_some(knob)).collect();
    if knobs.is_empty() && old != new { vec!["others"] } else { knobs }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::{Path, PathBuf};

    use rstest::rstest;

    use super::*;
    use crate::config::{Outside, parse};
    use crate::model::UnixMs;

    struct Nowhere;

    impl Outside for Nowhere {
        fn resolve(&self, path: &str) -> PathBuf {
            path.into()
        }

        fn read(&self, path: &Path) -> io::Result<String> {
            Ok(path.display().to_string())
        }

        fn env(&self, _: &str) -> Option<String> {
            None
        }

        fn now(&self) -> UnixMs {
            UnixMs(0)
        }
    }

    const FILE: &str = "fleet: m
listen: [127.0.0.1:1, 127.0.0.1:2]
control: /c
state: /s
beacons:
- {name: a, url: http://a:1, headers: {authorization: {file: first}}, labels: {zone: z}}
- {name: b, url: http://b:1}
clients:
- {name: x, from: 10.0.0.0/8}
- {name: y, from: 127.0.0.1:1}
notify:
- {name: pager, pagerduty: {routing-key: {file: first}}}
";

    fn said(old: &str, new: &str) -> Vec<(String, Takes)> {
        let fleet =
            |text: &str| parse(text, &Nowhere).unwrap_or_else(|problems| panic!("{problems:?}")).fleet;
        changes(&fleet(old), &fleet(new)).into_iter().map(|change| (change.what, change.takes)).collect()
    }

    #[rstest]
    #[case("fleet: m", "fleet: n", "fleet is now called n", Takes::Now)]
    #[case(", 127.0.0.1:2]", "]", "door 127.0.0.1:2 closed", Takes::Now)]
    #[case("127.0.0.1:2]", "127.0.0.1:2, 127.0.0.1:3]", "door 127.0.0.1:3 opened", Takes::Now)]
    #[case(
        "127.0.0.1:2]",
        "{address: 127.0.0.1:2, allow: [10.0.0.0/8]}]",
        "door 127.0.0.1:2: other rules",
        Takes::Now
    )]
    #[case("clients:", "- {name: c, url: http://c:1}\nclients:", "beacon c added", Takes::Now)]
    #[case("- {name: b, url: http://b:1}\n", "", "beacon b removed", Takes::Now)]
    #[case("http://b:1", "http://b:2", "beacon b: url", Takes::Now)]
    #[case("file: first", "file: hunter2", "beacon a: headers", Takes::Now)]
    #[case("http://b:1}", "http://b:1, weight: 7, roles: [attest]}", "beacon b: weight, roles", Takes::Now)]
    #[case("10.0.0.0/8", "11.0.0.0/8", "client x", Takes::Now)]
    #[case("name: x", "name: z", "client z added", Takes::Now)]
    #[case(
        "control: /c",
        "control: /d",
        "control cannot change from /c to /d while serve runs",
        Takes::Refused
    )]
    #[case("state: /s", "state: /t", "state cannot change from /s to /t while serve runs", Takes::Refused)]
    #[case("fleet: m", "fleet: m\nmetrics: 127.0.0.1:9", "metrics at 127.0.0.1:9", Takes::Now)]
    #[case("routing-key: {file: first}", "routing-key: {file: hunter2}", "notifier pager", Takes::Now)]
    #[case("pager, ", "pager, severity: critical, ", "notifier pager", Takes::Now)]
    #[case("notify:", "notify:\n- {name: am, alertmanager: http://a:1}", "notifier am added", Takes::Now)]
    #[case("fleet: m", "fleet: m\nzone: z", "zone z", Takes::Now)]
    #[case(
        "fleet: m",
        "fleet: m\ntheme: prod-red",
        "theme of consoles that are opened from now on",
        Takes::Now
    )]
    #[case("fleet: m", "fleet: m\nrouting: {open: [debug]}", "routing", Takes::Now)]
    #[case("fleet: m", "fleet: m\nhealth: {rise: 9}", "health", Takes::Now)]
    #[case("fleet: m", "fleet: m\nprobing: {interval: 2s}", "probing", Takes::Now)]
    #[case("fleet: m", "fleet: m\nlimits: {idle: 700s, stop: 9s}", "limits: idle, stop", Takes::Now)]
    #[case("fleet: m", "fleet: m\nhost: {limits: {disk.free.warn: 9}}", "host", Takes::Now)]
    #[case("fleet: m", "fleet: m\nlog: {filter: debug}", "log", Takes::Restart)]
    fn each_change_is_said_once(
        #[case] from: &str,
        #[case] to: &str,
        #[case] what: &str,
        #[case] takes: Takes,
    ) {
        assert!(FILE.contains(from));
        let there = said(FILE, &FILE.replacen(from, to, 1));
        assert_eq!(there.first(), Some(&(what.to_owned(), takes)), "{there:?}");
        let renamed = what.ends_with("added") && what.starts_with("client");
        assert_eq!(there.len(), if renamed { 2 } else { 1 }, "{there:?}");
        let back = said(&FILE.replacen(from, to, 1), FILE);
        assert_eq!(back.len(), there.len(), "what changes one way changes the other: {back:?}");
        assert!(!format!("{there:?}{back:?}").contains("hunter2"), "a secret is shown");
    }

    #[test]
    fn nothing_changes_between_two_readings_of_one_file_and_order_is_a_change() {
        assert_eq!(said(FILE, FILE), []);
        let (a, b) = (FILE.lines().nth(5).unwrap(), FILE.lines().nth(6).unwrap());
        let turned = FILE.replace(a, "?").replace(b, a).replace('?', b);
        assert_eq!(said(FILE, &turned), [("beacons in another order".to_owned(), Takes::Now)]);
    }

    #[test]
    fn another_network_is_refused() {
        let root = |digit: &str| format!("{FILE}genesis-validators-root: \"0x{}\"\n", digit.repeat(64));
        assert_eq!(said(&root("a"), &root("b"))[0].1, Takes::Refused);
        assert_eq!(said(FILE, &root("b")), [("genesis-validators-root given".to_owned(), Takes::Now)]);
    }
}
