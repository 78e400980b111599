//! The fleet as sentences, one a line and one a change: for screen readers, dumb terminals and pipes. Pure.
//!
//! Nothing here moves the cursor, and numbers that change with every look (requests in flight, latency, the head) are no
//! change.

use crate::model::{BeaconStatus, ComingFork, FleetStatus, Incident, Lifecycle, Silence, UnixMs};

/// A sentence as a line with its moment, without line break and without anything a terminal would obey: details come
/// from beacons.
pub fn line(at: UnixMs, sentence: &str) -> String {
    let clean: String = sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{} {clean}", at.utc())
}

/// What a snapshot tells that the one before did not; all of it, if there was none.
pub fn changes(before: Option<&FleetStatus>, now: &FleetStatus) -> Vec<String> {
    let mut out = Vec::new();
    let summary = summary(now);
    if before.is_none_or(|before| self::summary(before) != summary) {
        out.push(summary);
    }
    for beacon in &now.beacons {
        let was = before.and_then(|before| before.beacons.iter().find(|old| old.name == beacon.name));
        let sentence = state(beacon);
        if was.is_none_or(|was| state(was) != sentence) {
            out.push(sentence + &detail(beacon));
        }
        if let (Some(was), Some(version)) = (was, &beacon.version)
            && was.version.as_ref() != Some(version)
        {
            out.push(format!("{} runs {version}", beacon.name));
        }
    }
    let old = before.map(|before| before.beacons.as_slice()).unwrap_or_default();
    for gone in old.iter().filter(|old| now.beacons.iter().all(|beacon| beacon.name != old.name)) {
        out.push(format!("{} is no longer in the fleet", gone.name));
    }
    let lines = |status: &FleetStatus| status.incidents.iter().map(Incident::line).collect::<Vec<_>>();
    let known = before.map(lines).unwrap_or_default();
    let is_news = |incident: &&Incident| before.is_some() || incident.state.is_live();
    out.extend(now.incidents.iter().filter(is_news).map(Incident::line).filter(|line| !known.contains(line)));
    let quiet = |status: &FleetStatus| {
        let words = |silence: &Silence| format!("{} is {}", silence.key, silence.words());
        status.silences.iter().map(words).collect::<Vec<_>>()
    };
    let (known, silences) = (before.map(quiet).unwrap_or_default(), quiet(now));
    out.extend(silences.into_iter().filter(|sentence| !known.contains(sentence)));
    let forks = |status: &FleetStatus| status.forks.iter().map(fork).collect::<Vec<_>>();
    let (known, coming) = (before.map(forks).unwrap_or_default(), forks(now));
    out.extend(coming.into_iter().filter(|sentence| !known.contains(sentence)));
    let is_silenced = |key: &str| now.silences.iter().any(|silence| silence.key == key);
    let over = before.iter().flat_map(|before| &before.silences).filter(|old| !is_silenced(&old.key));
    out.extend(over.map(|old| format!("{} is silenced no more", old.key)));
    let alerts = before.map(|before| before.alerts.as_slice()).unwrap_or_default();
    out.extend(now.alerts.iter().filter(|new| !alerts.contains(new)).map(|new| format!("alert: {new}")));
    out.extend(
        alerts.iter().filter(|old| !now.alerts.contains(old)).map(|old| format!("alert is over: {old}")),
    );
    out
}

/// The beacons whose state or version is another than in the snapshot before.
pub fn changed<'a>(
    before: Option<&'a FleetStatus>,
    now: &'a FleetStatus,
) -> impl Iterator<Item = &'a BeaconStatus> {
    now.beacons.iter().filter(move |beacon| {
        let was = before.and_then(|before| before.beacons.iter().find(|old| old.name == beacon.name));
        was.is_none_or(|was| state(was) != state(beacon) || was.version != beacon.version)
    })
}

fn summary(status: &FleetStatus) -> String {
    let up = status.beacons.iter().filter(|beacon| used(beacon)).count();
    let (fleet, all) = (&status.fleet, status.beacons.len());
    let network = status.network.as_deref().map(|network| format!(" on {network}")).unwrap_or_default();
    format!("fleet {fleet}{network}: {up} of {all} beacons up")
}

fn fork(fork: &ComingFork) -> String {
    let each = fork.unready().map(|of| format!("; {}: {}", of.beacon, of.missing.join(", ")));
    format!("fork {} with epoch {}: {}{}", fork.name, fork.epoch, fork.count(), each.collect::<String>())
}

fn used(beacon: &BeaconStatus) -> bool {
    beacon.healthy && beacon.lifecycle == Lifecycle::Active
}

/// State and reasons, without what counts.
fn state(beacon: &BeaconStatus) -> String {
    let name = &beacon.name;
    match beacon.lifecycle {
        Lifecycle::Draining(_) => format!("{name} is draining"),
        Lifecycle::Drained => format!("{name} is drained"),
        Lifecycle::Active if beacon.healthy && beacon.reasons.is_empty() => format!("{name} is up"),
        Lifecycle::Active => {
            let state = if beacon.healthy { "up" } else { "down" };
            let reasons: Vec<&str> = beacon.reasons.iter().map(|reason| reason.words()).collect();
            format!("{name} is {state}: {}", reasons.join(", "))
        }
    }
}

fn detail(beacon: &BeaconStatus) -> String {
    match beacon.lifecycle {
        Lifecycle::Active if !beacon.detail.is_empty() => format!(" ({})", beacon.detail),
        Lifecycle::Draining(1) => ", 1 request in flight".to_owned(),
        Lifecycle::Draining(n) => format!(", {n} requests in flight"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{beacon, fleet};
    use crate::model::{BeaconName, Epoch, HeadStatus, Readiness, Reason, Root, Slot, UnixMs};

    fn down(name: &str) -> BeaconStatus {
        let detail = "3 slots behind the agreed head".into();
        BeaconStatus { healthy: false, reasons: vec![Reason::StaleHead], detail, ..beacon(name) }
    }

    #[test]
    fn the_first_look_tells_everything_and_each_further_one_what_changed() {
        let first = fleet(vec![beacon("b1"), down("b2")]);
        assert_eq!(
            changes(None, &first),
            [
                "fleet home on mainnet: 1 of 2 beacons up",
                "b1 is up",
                "b2 is down: stale head (3 slots behind the agreed head)",
            ]
        );
        let draining = BeaconStatus { lifecycle: Lifecycle::Draining(7), ..beacon("b1") };
        let mut second = fleet(vec![draining, beacon("b2")]);
        second.alerts.push("no beacon is healthy".into());
        assert_eq!(
            changes(Some(&first), &second),
            ["b1 is draining, 7 requests in flight", "b2 is up", "alert: no beacon is healthy",]
        );
        let renewed = BeaconStatus { version: Some("Lodestar/v2".into()), ..beacon("b2") };
        let third = fleet(vec![renewed]);
        assert_eq!(
            changes(Some(&second), &third),
            [
                "fleet home on mainnet: 1 of 1 beacons up",
                "b2 runs Lodestar/v2",
                "b1 is no longer in the fleet",
                "alert is over: no beacon is healthy",
            ]
        );
    }

    #[test]
    fn a_coming_fork_is_told_when_something_about_it_changes() {
        let of = |missing: &[&str]| Readiness {
            beacon: BeaconName::new("b1"),
            missing: missing.iter().map(ToString::to_string).collect(),
            lost: false,
        };
        let with = |of: Readiness| {
            let fork = ComingFork { name: "gloas".into(), epoch: Epoch(9), at: UnixMs(7), beacons: vec![of] };
            FleetStatus { forks: vec![fork], ..fleet(vec![beacon("b1")]) }
        };
        let (before, now) = (with(of(&["its spec lacks X_GLOAS"])), with(of(&[])));
        assert_eq!(
            changes(None, &before).last().unwrap(),
            "fork gloas with epoch 9: 0 of 1 ready; b1: its spec lacks X_GLOAS"
        );
        assert_eq!(changes(Some(&before), &before), [""; 0]);
        assert_eq!(changes(Some(&before), &now), ["fork gloas with epoch 9: 1 of 1 ready"]);
    }

    #[test]
    fn what_counts_on_is_no_change() {
        let before =
            fleet(vec![BeaconStatus { lifecycle: Lifecycle::Draining(7), ..beacon("b1") }, down("b2")]);
        let mut now = fleet(vec![
            BeaconStatus { lifecycle: Lifecycle::Draining(3), in_flight: 3, ..beacon("b1") },
            BeaconStatus { detail: "4 slots behind the agreed head".into(), lag: 4, ..down("b2") },
        ]);
        now.at = UnixMs(now.at.0 + 1_000);
        now.agreed = Some(HeadStatus { slot: Slot(9_876_544), root: Root([1; 32]) });
        assert_eq!(changes(Some(&before), &now), [""; 0]);
        assert_eq!(changed(Some(&before), &now).count(), 0);
        now.beacons[1].version = None;
        assert_eq!(
            changed(Some(&before), &now).map(|beacon| beacon.name.as_str()).collect::<Vec<_>>(),
            ["b2"]
        );
        assert_eq!(changed(None, &now).count(), 2);
    }

    #[test]
    fn a_silence_is_told_and_so_is_its_end() {
        let (key, by, why) = ("beacon b1".into(), "alice".into(), Some("its disk".into()));
        let silence = Silence { key, by, at: UnixMs(0), until: UnixMs(7_200_000), why };
        let before = fleet(vec![beacon("b1")]);
        let now = FleetStatus { silences: vec![silence.clone()], ..before.clone() };
        let until = |time: &str| format!("beacon b1 is silenced until 1970-01-01T{time}Z by alice: its disk");
        assert_eq!(changes(Some(&before), &now), [until("02:00:00")]);
        let longer = Silence { until: UnixMs(10_800_000), ..silence };
        let later = FleetStatus { silences: vec![longer], ..before.clone() };
        assert_eq!(changes(Some(&now), &later), [until("03:00:00")]);
        assert_eq!(changes(Some(&later), &before), ["beacon b1 is silenced no more"]);
    }

    #[test]
    fn no_line_moves_a_cursor() {
        let mut status = fleet(vec![down("b1")]);
        status.alerts.push("two\nlines".into());
        let status = FleetStatus {
            beacons: vec![BeaconStatus { detail: "\u{1b}[2J".into(), ..down("b1") }],
            ..status
        };
        for line in changes(None, &status) {
            assert!(!super::line(UnixMs(0), &line).contains(|c: char| c.is_control()), "{line:?}");
        }
    }
}
