//! What is wrong, since when, what it costs, what was done, which key now: the first five seconds. Pure.

use crate::model::{
    Ack, BeaconName, BeaconStatus, FleetStatus, JournalEntry, Lifecycle, Load, Reason, Silence, UnixMs,
    page_of,
};

use super::text::{count, rate, span};
use super::theme::Role;
use super::view::View;
use super::{course, incident, remedy};
use crate::model::capacity::{self, Verdict};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// What identifies it: the same trouble a second later has the same key.
    pub key: String,
    /// How bad it is.
    pub role: Role,
    /// What is wrong, in a few words.
    pub what: String,
    /// The same in a sentence with numbers; may be empty.
    pub why: String,
    /// The beacons it is about.
    pub beacons: Vec<BeaconName>,
    /// Since when.
    pub since: UnixMs,
    /// What to do, with the key.
    pub next: String,
    /// Its keys as serve knows it by; none for what is not wrong.
    pub pages: Vec<String>,
    /// Who has taken note of all of it.
    pub ack: Option<Ack>,
    /// Who keeps it quiet.
    pub silence: Option<Silence>,
    /// What was done about it, where that is known better than by its beacons.
    pub did: Option<String>,
}

/// Everything that is wrong, worst first; last what is out by order, which is not wrong but must not be forgotten.
pub fn troubles(view: &View<'_>) -> Vec<Trouble> {
    let Some(status) = view.status else { return Vec::new() };
    let mut found: Vec<Trouble> = status.alerts.iter().map(|alert| alert_of(view, alert)).collect();
    let mut sick: Vec<(Reason, Vec<&BeaconStatus>)> = Vec::new();
    let live = || status.incidents.iter().filter(|incident| incident.state.is_live());
    found.extend(live().map(|incident| incident::trouble(status, incident)));
    let is_told = |beacon: &&BeaconStatus| live().any(|incident| incident.beacons.contains(&beacon.name));
    let used = status.beacons.iter().filter(|beacon| beacon.lifecycle == Lifecycle::Active);
    for beacon in used.filter(|beacon| !is_told(beacon)) {
        let Some(reason) = beacon.reasons.first().filter(|_| !beacon.healthy) else { continue };
        match sick.iter_mut().find(|(of, _)| of == reason) {
            Some((_, beacons)) => beacons.push(beacon),
            None => sick.push((*reason, vec![beacon])),
        }
    }
    sick.sort_by_key(|(reason, beacons)| {
        (Reason::ALL.iter().position(|of| of == reason), beacons.iter().map(|beacon| beacon.since).min())
    });
    found.extend(remedy::troubles(status));
    found.extend(sick.into_iter().map(|(reason, beacons)| beacon_of(reason, &beacons)));
    let out = status.beacons.iter().filter(|beacon| beacon.lifecycle != Lifecycle::Active);
    found.extend(out.map(|beacon| course_of(view, beacon).unwrap_or_else(|| out_of(beacon))));
    for trouble in &mut found {
        trouble.ack = acked(status, &trouble.pages);
    }
    // Of the same weight the first is the worst, but nobody need look again at what somebody has taken note of.
    found.sort_by_key(|trouble| match (trouble.role, trouble.ack.is_some()) {
        (Role::Drain, _) => 4,
        (Role::Crit, acked) => u8::from(acked) * 2,
        (_, acked) => 1 + u8::from(acked) * 2,
    });
    found
}

/// The newest acknowledgement, if there is one for every key.
fn acked(status: &FleetStatus, pages: &[String]) -> Option<Ack> {
    let acks: Option<Vec<&Ack>> = pages.iter().map(|page| status.ack(page)).collect();
    acks?.into_iter().max_by_key(|ack| ack.at).cloned()
}

/// A restart or upgrade that runs at a beacon that is out by order, or has failed there.
fn course_of(view: &View<'_>, beacon: &BeaconStatus) -> Option<Trouble> {
    let operation = course::at(view, beacon)?;
    let (verb, name) = (operation.verb, &beacon.name);
    let (role, what, next) = if operation.has_failed() {
        (
            Role::Crit,
            format!("{verb} of {name} failed"),
            "enter: its steps and what it printed; mend it, then R again or d: resume",
        )
    } else if operation.is_running() {
        (Role::Drain, format!("{verb} of {name} runs"), "enter: its steps; X: abort")
    } else {
        return None;
    };
    Some(Trouble {
        key: format!("{verb} {name}"),
        role,
        what,
        why: operation.now_at(),
        beacons: vec![name.clone()],
        pages: operation.has_failed().then(|| operation.page()).into_iter().collect(),
        ack: None,
        silence: None,
        did: None,
        since: operation.end.as_ref().map_or(operation.began, |(_, at, _)| *at),
        next: next.to_owned(),
    })
}

/// A beacon that is out by order, and what else is so of it.
fn out_of(beacon: &BeaconStatus) -> Trouble {
    let wrong = beacon.reasons_but(&[Reason::Drained]);
    let (what, next) = match beacon.lifecycle {
        Lifecycle::Draining(left) => {
            (format!("{} draining, {left} in flight", beacon.name), "wait until it is drained")
        }
        _ if wrong.is_empty() => (format!("{} drained by order", beacon.name), next(Reason::Drained)),
        _ => (format!("{} drained by order", beacon.name), "mend it, then d: resume"),
    };
    Trouble {
        key: format!("out {}", beacon.name),
        role: Role::Drain,
        what,
        why: if wrong.is_empty() { String::new() } else { format!("still {}", wrong.join(", ")) },
        since: beacon.since,
        beacons: vec![beacon.name.clone()],
        next: next.to_owned(),
        pages: Vec::new(),
        ack: None,
        silence: None,
        did: None,
    }
}

fn alert_of(view: &View<'_>, alert: &str) -> Trouble {
    let had = |status: &&std::sync::Arc<crate::model::FleetStatus>| status.alerts.iter().any(|a| a == alert);
    let first = view.history.until(view.now).rev().take_while(had).last();
    Trouble {
        key: alert.to_owned(),
        role: Role::Crit,
        what: alert.to_owned(),
        why: String::new(),
        beacons: Vec::new(),
        since: first.map_or(view.now, |status| status.at),
        next: "2 beacons: bring one back".to_owned(),
        pages: vec![alert.to_owned()],
        ack: None,
        silence: None,
        did: None,
    }
}

fn beacon_of(reason: Reason, beacons: &[&BeaconStatus]) -> Trouble {
    let names: Vec<BeaconName> = beacons.iter().map(|beacon| beacon.name.clone()).collect();
    let why = match beacons {
        [one] if one.detail != reason.words() => one.detail.clone(),
        _ => String::new(),
    };
    let what = match (beacons, names.as_slice()) {
        ([one], _) => format!("{} {reason}", one.name),
        (_, [first, second]) => format!("{first} and {second} {reason}"),
        (_, [first, ..]) => format!("{first} and {} others {reason}", beacons.len() - 1),
        (_, []) => reason.words().to_owned(),
    };
    Trouble {
        key: format!("{reason} {}", names.iter().map(BeaconName::as_str).collect::<Vec<_>>().join(" ")),
        role: severity(reason),
        what,
        why,
        since: beacons.iter().map(|beacon| beacon.since).min().unwrap_or_default(),
        pages: names.iter().map(|name| page_of(reason, name)).collect(),
        ack: None,
        silence: None,
        did: None,
        beacons: names,
        next: next(reason).to_owned(),
    }
}

/// How bad it is.
pub fn severity(reason: Reason) -> Role {
    match reason {
        Reason::Slow | Reason::WarmingUp | Reason::ElOffline | Reason::Unseeded => Role::Warn,
        Reason::NeverObserved => Role::Unknown,
        Reason::Drained => Role::Drain,
        _ => Role::Crit,
    }
}

/// What an operator does about it.
pub fn next(reason: Reason) -> &'static str {
    match reason {
        Reason::Unreachable => "is its process up, is its network? enter: details, d: drain while you look",
        Reason::Hung => "d: drain it, then look at its process (GC, disk, locks) and restart it",
        Reason::Failing => "enter: details, then its log; d: drain it",
        Reason::Optimistic | Reason::ElOffline => "look at its execution client; enter: details",
        Reason::Syncing => "wait; it comes back by itself",
        Reason::StaleHead => "look at its peers, clock and disk; enter: details",
        Reason::Fork => "compare versions (2): a split along one client is a consensus bug",
        Reason::ChainSplit => {
            "find out which side is right, then d: drain the beacons of the other; restart nothing"
        }
        Reason::Slow => "look at its load and disk; d: drain it if others carry (N-1)",
        Reason::WarmingUp => "wait two slots; it comes back by itself",
        Reason::WrongChain => "its configuration is of another network; enter: the difference",
        Reason::NeverObserved => "is its url right, is it up? enter: details",
        Reason::Unseeded => "wait; it is being told what it lost, then it is used for everything again",
        Reason::Drained => "d: resume",
    }
}

/// What it costs now, in a sentence.
pub fn cost(view: &View<'_>) -> (Role, String) {
    let Some(status) = view.status else { return (Role::Unknown, "nothing is known yet".to_owned()) };
    let up = status.beacons.iter().filter(|beacon| capacity::carries(beacon)).count();
    let out = status.beacons.len() - up;
    let failed: f32 = status.traffic.flows.iter().map(|flow| flow.failed_per_s).sum();
    let all: f32 = status.traffic.flows.iter().map(|flow| flow.per_s).sum();
    let at_beacons = || {
        let loads = &status.traffic.loads;
        let sum = |of: fn(&Load) -> f32| rate(loads.iter().map(of).sum());
        format!("beacons failed {} of {} requests/s", sum(|load| load.failed_per_s), sum(|load| load.per_s))
    };
    let requests = if view.replay {
        at_beacons()
    } else if failed > 0.0 {
        format!("{} of {} requests/s fail", rate(failed), rate(all))
    } else if all > 0.0 {
        format!("no request fails ({}/s)", rate(all))
    } else {
        "no requests come in".to_owned()
    };
    let next = match capacity::without_one(status) {
        None => "nobody can serve".to_owned(),
        Some(left) => match left.verdict {
            Verdict::Carries => "one more may go".to_owned(),
            Verdict::Tight => "one more would be tight".to_owned(),
            Verdict::Fails => "no other may go".to_owned(),
            Verdict::Unknown => "load not measured yet".to_owned(),
        },
    };
    let lost = incident::lost(status).map_or_else(String::new, |lost| format!("{lost}; "));
    let role = match (failed > 0.0 || !lost.is_empty(), up) {
        (_, 0) | (true, _) => Role::Crit,
        _ if out > 0 => Role::Warn,
        _ => Role::Ok,
    };
    (role, format!("{lost}{requests}; {out} of {} out; {next}", count(status.beacons.len(), "beacon")))
}

/// Who has taken note, when, and why.
pub fn ack_words(view: &View<'_>, ack: &Ack) -> String {
    format!("acknowledged {} ago {}", span(view.now.since(ack.at)), ack.by_whom())
}

/// What was done about these beacons: the last order, and what the router does by itself.
pub fn done(view: &View<'_>, trouble: &Trouble) -> String {
    let about = |entry: &&JournalEntry| {
        let target = entry.target.as_deref();
        trouble.beacons.iter().any(|beacon| target == Some(beacon.as_str())) && entry.at <= view.now
    };
    let own = match (trouble.beacons.as_slice(), &trouble.did) {
        ([], Some(did)) => did,
        ([], None) if trouble.key.starts_with("incident") => "nothing yet",
        ([], None) if view.status.is_some_and(|status| !status.beacons.iter().any(capacity::carries)) => {
            "the router tries the least bad one"
        }
        ([], None) => "the router serves by the best that is left",
        ([_], _) => "the router passes it by, and looks at it each second",
        _ => "the router passes them by, and looks at them each second",
    };
    let silenced = trouble.silence.as_ref().map(|silence| format!("{}; ", silence.words()));
    let own = format!("{}{own}", silenced.unwrap_or_default());
    if let Some(ack) = &trouble.ack {
        return format!("{}; {own}", ack_words(view, ack));
    }
    match view.journal.iter().rev().find(about) {
        Some(entry) => {
            let ago = span(view.now.since(entry.at));
            format!("{} {} ago by {}: {}; {own}", entry.what, ago, entry.who, entry.outcome)
        }
        None if view.replay => format!("{own}; orders are not recorded"),
        None => format!("{own}; no order yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{beacon, fleet};
    use crate::console::view::tests::Scene;

    fn sick(name: &str, reason: Reason, since: u64) -> BeaconStatus {
        let mut sick = beacon(name);
        sick.healthy = false;
        sick.reasons = vec![reason];
        sick.since = UnixMs(since);
        sick
    }

    #[test]
    fn the_worst_comes_first_and_the_same_is_told_once() {
        let beacons = vec![
            sick("b1", Reason::Slow, 5),
            sick("b2", Reason::Hung, 7),
            sick("b3", Reason::Hung, 6),
            BeaconStatus { lifecycle: Lifecycle::Drained, ..sick("b4", Reason::Drained, 1) },
            beacon("b5"),
        ];
        let mut status = fleet(beacons);
        status.alerts.push("no beacon is healthy".into());
        let scene = Scene::of(status);
        let found = troubles(&scene.view());
        let told: Vec<(&str, Role)> =
            found.iter().map(|trouble| (trouble.what.as_str(), trouble.role)).collect();
        assert_eq!(
            told,
            [
                ("no beacon is healthy", Role::Crit),
                ("b2 and b3 hung", Role::Crit),
                ("b1 slow", Role::Warn),
                ("b4 drained by order", Role::Drain)
            ]
        );
        assert_eq!(found[1].since, UnixMs(6));
    }

    #[test]
    fn what_was_done_is_the_last_order_about_it() {
        let mut scene = Scene::of(fleet(vec![sick("b1", Reason::Hung, 5)]));
        let trouble = troubles(&scene.view()).remove(0);
        assert!(done(&scene.view(), &trouble).ends_with("no order yet"));
        let at = scene.now.0 - 60_000;
        for (id, target) in [(1, "b1"), (2, "b2")] {
            scene.journal.push_back(JournalEntry {
                id,
                at: UnixMs(at),
                who: "alice (uid 1000)".into(),
                what: "drain".into(),
                target: Some(target.into()),
                order: None,
                outcome: format!("{target} is draining"),
            });
        }
        let told = done(&scene.view(), &trouble);
        assert!(
            told.starts_with("drain 1 min ago by alice (uid 1000): b1 is draining; the router"),
            "{told}"
        );
    }

    #[test]
    fn what_somebody_has_taken_note_of_comes_after_what_nobody_has() {
        let mut status = fleet(vec![sick("b1", Reason::Hung, 5), sick("b2", Reason::Hung, 5), beacon("b3")]);
        status.alerts.push("two heads are reported".into());
        let ack =
            |key: &str| Ack { key: key.into(), by: "alice".into(), at: UnixMs(1), why: Some("GC".into()) };
        status.acks = vec![ack("two heads are reported"), ack("hung b1")];
        let scene = Scene::of(status.clone());
        let told: Vec<(String, bool)> = troubles(&scene.view())
            .into_iter()
            .map(|trouble| (trouble.what, trouble.ack.is_some()))
            .collect();
        // Of two that hang only one is known: it is not taken note of.
        assert_eq!(told, [("b1 and b2 hung".to_owned(), false), ("two heads are reported".to_owned(), true)]);
        status.acks.push(ack("hung b2"));
        let scene = Scene::of(status);
        let found = troubles(&scene.view());
        assert!(found.iter().all(|trouble| trouble.ack.is_some()));
        assert!(done(&scene.view(), &found[1]).contains("ago by alice: GC; the router passes them by"));
    }

    #[test]
    fn what_fails_is_a_cost() {
        let mut status = fleet(vec![beacon("b1"), sick("b2", Reason::Hung, 5)]);
        assert!(
            cost(&Scene::of(status.clone()).view()).1.starts_with("no requests come in; 1 of 2 beacons out")
        );
        status.traffic.flows.push(crate::console::view::tests::flow("vc-1", 10.0, 0.5));
        let (role, told) = cost(&Scene::of(status).view());
        assert_eq!(
            (role, told.as_str()),
            (Role::Crit, "0.5 of 10 requests/s fail; 1 of 2 beacons out; no other may go")
        );
    }
}
