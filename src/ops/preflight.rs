//! What an order would mean: the consequences told before it is confirmed. Pure.

use crate::model::capacity::{Verdict, carries, without};
use crate::model::{
    Ahead, BeaconName, BeaconStatus, Consequences, Fact, FleetStatus, Intent, Lifecycle, Operation,
    OperationStep as Step, Reason, Weight,
};

/// An order that somebody is about to give, and what is known.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What is to be ordered.
    pub intent: Intent,
    /// At which beacons.
    pub beacons: &'a [BeaconName],
    /// The fleet as it is.
    pub fleet: &'a FleetStatus,
    /// Operations that run, and some that have ended.
    pub operations: &'a [Operation],
    /// Duties of this and the next epoch.
    pub ahead: Ahead,
    /// Beacons of which the fleet file does not say how the intent is carried out.
    pub unconfigured: &'a [BeaconName],
}

/// The consequences.
pub fn preflight(asked: &Question<'_>) -> Consequences {
    let mut told = Consequences {
        intent: asked.intent,
        beacons: asked.beacons.to_vec(),
        refusal: refusal(asked),
        last_healthy: false,
        most: false,
        facts: Vec::new(),
    };
    if told.refusal.is_some() {
        return told;
    }
    let targets: Vec<&BeaconStatus> = asked.beacons.iter().filter_map(|name| status(asked, name)).collect();
    match asked.intent {
        Intent::Resume => told.facts.extend(targets.iter().map(|beacon| comes_back(beacon))),
        Intent::Abort => told.facts.extend(asked.beacons.iter().filter_map(|name| ends(asked, name))),
        Intent::Drain | Intent::Restart | Intent::Upgrade => goes(asked, &targets, &mut told),
    }
    told.facts.extend(others(asked));
    told
}

fn fact(about: &str, weight: Weight, words: impl Into<String>) -> Fact {
    Fact { about: about.to_owned(), weight, words: words.into() }
}

fn status<'a>(asked: &Question<'a>, name: &BeaconName) -> Option<&'a BeaconStatus> {
    asked.fleet.beacons.iter().find(|status| status.name == *name)
}

fn running<'a>(asked: &Question<'a>, name: &BeaconName) -> Option<&'a Operation> {
    asked.operations.iter().find(|operation| operation.is_running() && operation.beacon == *name)
}

fn refusal(asked: &Question<'_>) -> Option<String> {
    let intent = asked.intent;
    let known = asked.fleet.beacons.iter().map(|status| status.name.as_str());
    if let Some(name) = asked.beacons.iter().find(|name| status(asked, name).is_none()) {
        let known: Vec<&str> = known.collect();
        return Some(format!("there is no beacon {name}; this fleet has {}", known.join(", ")));
    }
    let Some(first) = asked.beacons.first() else { return Some("no beacon is named".to_owned()) };
    if intent.verb().is_some() && asked.beacons.len() > 1 {
        return Some(format!("{intent} takes one beacon after the other; name one of them"));
    }
    if intent == Intent::Abort {
        let idle = asked.beacons.iter().find(|name| running(asked, name).is_none());
        return idle.map(|name| format!("nothing is under way at {name}; there is nothing to abort"));
    }
    if let Some(busy) = asked.beacons.iter().find_map(|name| running(asked, name)) {
        return Some(format!(
            "{} of {} by {} is under way; wait for it or abort it",
            busy.verb, busy.beacon, busy.who
        ));
    }
    asked.unconfigured.contains(first).then(|| {
        format!(
            "the fleet file does not say how to {intent} {first}; add to its entry `{intent}: {{systemd: UNIT}}` or \
             `{intent}: {{command: [PROGRAM, ARGUMENT]}}`, or with an agent on its host `{intent}: {{agent: NAME}}`, and reload"
        )
    })
}

/// What follows when beacons get no new work.
fn goes(asked: &Question<'_>, targets: &[&BeaconStatus], told: &mut Consequences) {
    let all = &asked.fleet.beacons;
    let up = all.iter().filter(|beacon| carries(beacon)).count();
    let left = without(asked.fleet, asked.beacons);
    let hits = targets.iter().filter(|beacon| carries(beacon)).count();
    told.last_healthy = left.stay == 0 && targets.iter().any(|beacon| in_use(beacon));
    told.most = left.stay > 0 && hits > 0 && hits * 2 > up;
    let pool = match left.stay {
        0 => fact("pool", Weight::Grave, "NO healthy beacon is left: attestations and blocks stop or suffer"),
        1 => fact(
            "pool",
            Weight::Careful,
            format!(
                "1 healthy beacon stays, of {up} now ({} in all); a fault there stops validators",
                all.len()
            ),
        ),
        stay => fact(
            "pool",
            Weight::Plain,
            format!("{stay} healthy beacons stay, of {up} now ({} in all)", all.len()),
        ),
    };
    told.facts.push(pool);
    if left.stay > 0 {
        let weight = match left.verdict {
            Verdict::Carries => Weight::Fine,
            Verdict::Fails => Weight::Grave,
            Verdict::Tight | Verdict::Unknown => Weight::Careful,
        };
        told.facts.push(fact("load", weight, left.sentence()));
    }
    told.facts.push(duties(asked.ahead, left.stay));
    let in_flight: u32 = targets.iter().map(|beacon| beacon.in_flight).sum();
    told.facts.push(fact("in flight", Weight::Plain, finishing(in_flight)));
}

fn in_use(beacon: &BeaconStatus) -> bool {
    beacon.lifecycle == Lifecycle::Active
        && beacon.reasons.iter().all(|reason| matches!(reason, Reason::WarmingUp | Reason::Slow))
}

fn duties(ahead: Ahead, stay: usize) -> Fact {
    let count = |number: usize, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    };
    let known = [
        count(ahead.attestations, "attestation", "attestations"),
        count(ahead.sync, "sync committee member", "sync committee members"),
        count(ahead.blocks, "block", "blocks"),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    if known.is_empty() && ahead.proposers == 0 {
        return fact(
            "duties",
            Weight::Plain,
            "none is known for the next two epochs: no client has told of any",
        );
    }
    let weight = if stay == 0 { Weight::Grave } else { Weight::Plain };
    let ahead_words = if known.is_empty() { "none told".to_owned() } else { known.join(", ") };
    let proposers = match (ahead.proposers, ahead.blocks) {
        (0, _) | (_, 1..) => String::new(),
        (1, _) => "; 1 validator may be asked for a block".to_owned(),
        (some, _) => format!("; any of {some} validators may be asked for a block"),
    };
    fact("duties", weight, format!("{ahead_words} in the next two epochs{proposers}"))
}

fn finishing(in_flight: u32) -> String {
    match in_flight {
        0 => "nothing; it is idle at once".to_owned(),
        1 => "1 request finishes first, nothing is broken off".to_owned(),
        number => format!("{number} requests finish first, nothing is broken off"),
    }
}

fn comes_back(beacon: &BeaconStatus) -> Fact {
    let wrong = beacon.reasons_but(&[Reason::Drained]);
    let (weight, words) = if beacon.lifecycle == Lifecycle::Active {
        (Weight::Plain, "it is in use already".to_owned())
    } else if wrong.is_empty() {
        (Weight::Fine, "well by its probes; it gets work at once".to_owned())
    } else {
        (Weight::Careful, format!("still {}: it gets work when that is over", wrong.join(", ")))
    };
    fact(beacon.name.as_str(), weight, words)
}

/// What is left when an operation is ended where it is.
fn ends(asked: &Question<'_>, name: &BeaconName) -> Option<Fact> {
    let operation = running(asked, name)?;
    let (weight, words) = match operation.current()?.step {
        Step::Drain => (Weight::Fine, "nothing was run yet: it is resumed".to_owned()),
        Step::Run => {
            let words = format!(
                "its {} is ended half-way and may have done half its work; it stays drained",
                operation.verb
            );
            (Weight::Grave, words)
        }
        Step::Wait => (Weight::Careful, "it stays drained; resume it when it is fit".to_owned()),
        Step::Resume => (Weight::Plain, "it is being resumed already".to_owned()),
    };
    Some(fact(name.as_str(), weight, words))
}

/// Who is acting elsewhere, and what is out by order already.
fn others(asked: &Question<'_>) -> Vec<Fact> {
    let elsewhere = |name: &BeaconName| !asked.beacons.contains(name);
    let acting =
        asked.operations.iter().filter(|operation| operation.is_running() && elsewhere(&operation.beacon));
    let mut facts: Vec<Fact> = acting
        .map(|operation| {
            let words = format!("{} is at the {} of {} now", operation.who, operation.verb, operation.beacon);
            fact("acting", Weight::Careful, words)
        })
        .collect();
    let out = asked
        .fleet
        .beacons
        .iter()
        .filter(|other| other.lifecycle != Lifecycle::Active && elsewhere(&other.name));
    let out: Vec<&str> = out.map(|other| other.name.as_str()).collect();
    if !out.is_empty() {
        facts.push(fact("out", Weight::Careful, format!("by order already: {}", out.join(", "))));
    }
    facts
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::{UnixMs, Verb};
    use crate::ops::flow::tests::{beacon, fleet};
    use crate::ops::flow::{Bounds, Flow};

    const AHEAD: Ahead = Ahead { attestations: 128, sync: 1, blocks: 0, proposers: 64 };

    fn of(
        beacons: Vec<BeaconStatus>,
        operations: &[Operation],
        intent: Intent,
        targets: &[&str],
    ) -> Consequences {
        let beacons = fleet(beacons);
        let targets: Vec<BeaconName> = targets.iter().map(|name| BeaconName::new(*name)).collect();
        preflight(&Question {
            intent,
            beacons: &targets,
            fleet: &beacons,
            operations,
            ahead: AHEAD,
            unconfigured: &[BeaconName::new("bare")],
        })
    }

    fn operation(name: &str) -> Operation {
        let name = BeaconName::new(name);
        Flow::begin(1, Verb::Upgrade, name, "bob".into(), Bounds::default(), UnixMs(0)).0.operation().clone()
    }

    fn said(told: &Consequences) -> String {
        let lines = told.facts.iter().map(|fact| format!("{} {:?} {}", fact.about, fact.weight, fact.words));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_last_healthy_beacon_is_named_as_such() {
        let sick = beacon("b2", &[Reason::Hung]);
        let told = of(vec![beacon("b1", &[]), sick.clone()], &[], Intent::Drain, &["b1"]);
        assert!(told.last_healthy && told.refusal.is_none());
        assert!(told.facts[0].words.starts_with("NO healthy beacon"), "{told:?}");
        let told = of(vec![beacon("b1", &[]), sick.clone(), beacon("b3", &[])], &[], Intent::Drain, &["b1"]);
        assert!(!told.last_healthy && !told.most);
        assert!(told.facts[0].words.contains("1 healthy beacon stays, of 2 now (3 in all)"), "{told:?}");
        // One that is not in use is not the last that serves, though nobody else is: nothing is lost by mending it.
        let told = of(vec![beacon("b1", &[]), sick], &[], Intent::Restart, &["b2"]);
        assert!(!told.last_healthy);
    }

    #[test]
    fn more_than_half_is_more_than_one_key() {
        let beacons = || (1..=4).map(|number| beacon(&format!("b{number}"), &[])).collect::<Vec<_>>();
        assert!(!of(beacons(), &[], Intent::Drain, &["b1", "b2"]).most);
        let told = of(beacons(), &[], Intent::Drain, &["b1", "b2", "b3"]);
        assert!(told.most && !told.last_healthy);
    }

    #[rstest]
    #[case::unconfigured(Intent::Restart, &["bare"], "add to its entry `restart: {systemd: UNIT}`")]
    #[case::several(Intent::Upgrade, &["b1", "b3"], "one beacon after the other")]
    #[case::busy(Intent::Drain, &["b2"], "upgrade of b2 by bob is under way")]
    #[case::idle(Intent::Abort, &["b1"], "nothing is under way at b1")]
    #[case::unknown(Intent::Resume, &["b9"], "has b1, b2, b3, bare")]
    fn what_cannot_be_done_says_why(#[case] intent: Intent, #[case] targets: &[&str], #[case] says: &str) {
        let beacons = ["b1", "b2", "b3", "bare"].map(|name| beacon(name, &[])).into();
        let told = of(beacons, &[operation("b2")], intent, targets);
        assert!(told.refusal.as_ref().is_some_and(|why| why.contains(says)), "{told:?}");
        assert!(told.facts.is_empty());
    }

    #[test]
    fn load_duties_in_flight_and_who_else_acts_are_told() {
        let mut beacons = vec![beacon("b1", &[]), beacon("b2", &[]), beacon("b3", &[])];
        beacons[0].in_flight = 3;
        beacons[1].p99_us = Some(12_000);
        beacons[2].lifecycle = Lifecycle::Drained;
        let told = said(&of(beacons, &[operation("b3")], Intent::Restart, &["b1"]));
        for says in [
            "load Fine the other one would carry 0 % more, 99 in 100 answers within 12 ms",
            "duties Plain 128 attestations, 1 sync committee member in the next two epochs; any of 64 validators",
            "in flight Plain 3 requests finish first",
            "acting Careful bob is at the upgrade of b3 now",
            "out Careful by order already: b3",
        ] {
            assert!(told.contains(says), "{says}: {told}");
        }
    }

    #[test]
    fn what_comes_back_says_what_is_still_wrong_and_an_abort_what_is_left() {
        let mut drained = beacon("b1", &[Reason::Drained, Reason::Syncing]);
        drained.lifecycle = Lifecycle::Drained;
        let told = of(vec![drained, beacon("b2", &[])], &[], Intent::Resume, &["b1"]);
        assert_eq!(said(&told), "b1 Careful still syncing: it gets work when that is over");
        let told = of(vec![beacon("b1", &[])], &[operation("b1")], Intent::Abort, &["b1"]);
        assert_eq!(said(&told), "b1 Fine nothing was run yet: it is resumed");
    }
}
