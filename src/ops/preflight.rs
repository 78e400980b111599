//! What an order would mean: the consequences told before it is confirmed. Pure.

use crate::model::{BeaconName, BeaconStatus, Consequences, FleetStatus, Lifecycle, Operation, Reason, Verb};

/// An order whose consequences are asked for: a drain, or an operation.
pub type Order = Option<Verb>;

/// Share of one beacon's usual load above which the others are said to be hurried, in percent.
const HURRIED: u64 = 150;

/// The consequences of taking a beacon out, for a drain (`None`) or an operation. `configured`: whether the fleet file says
/// how.
pub fn preflight(
    fleet: &FleetStatus,
    running: &[Operation],
    beacon: &BeaconName,
    order: Order,
    configured: bool,
) -> Consequences {
    let mut told =
        Consequences { beacon: beacon.clone(), refusal: None, last_healthy: false, sentences: Vec::new() };
    let Some(status) = fleet.beacons.iter().find(|status| status.name == *beacon) else {
        let known: Vec<&str> = fleet.beacons.iter().map(|status| status.name.as_str()).collect();
        told.refusal = Some(format!("there is no beacon {beacon}; this fleet has {}", known.join(", ")));
        return told;
    };
    told.refusal = refusal(running, beacon, order, configured);
    let others: Vec<&BeaconStatus> =
        fleet.beacons.iter().filter(|other| other.name != *beacon && in_use(other)).collect();
    told.last_healthy = others.is_empty();
    told.sentences.push(left(&others, fleet.beacons.len()));
    told.sentences.extend(load(status, &others));
    if status.in_flight > 0 {
        told.sentences
            .push(format!("{} requests are in flight there and will finish first", status.in_flight));
    }
    let acting = running.iter().filter(|operation| operation.is_running() && operation.beacon != *beacon);
    told.sentences.extend(acting.map(|operation| {
        format!("{} is at the {} of {} now", operation.who, operation.verb, operation.beacon)
    }));
    let drained = fleet.beacons.iter().filter(|other| other.name != *beacon && is_out(other));
    let drained: Vec<&str> = drained.map(|other| other.name.as_str()).collect();
    if !drained.is_empty() {
        told.sentences.push(format!("out by order already: {}", drained.join(", ")));
    }
    told
}

fn refusal(running: &[Operation], beacon: &BeaconName, order: Order, configured: bool) -> Option<String> {
    let busy = running.iter().find(|operation| operation.is_running() && operation.beacon == *beacon);
    if let Some(busy) = busy {
        return Some(format!(
            "{} of {beacon} by {} is under way; wait for it or abort it",
            busy.verb, busy.who
        ));
    }
    let verb = order.filter(|_| !configured)?;
    Some(format!(
        "the fleet file does not say how to {verb} {beacon}: give it `{verb}: {{systemd: UNIT}}` or `{verb}: {{command: […]}}`"
    ))
}

fn in_use(beacon: &BeaconStatus) -> bool {
    beacon.lifecycle == Lifecycle::Active
        && beacon.reasons.iter().all(|reason| matches!(reason, Reason::WarmingUp | Reason::Slow))
}

fn is_out(beacon: &BeaconStatus) -> bool {
    beacon.lifecycle != Lifecycle::Active
}

fn left(others: &[&BeaconStatus], all: usize) -> String {
    match others {
        [] => "NO healthy beacon is left: validators are served by the best of the bad, or not at all"
            .to_owned(),
        [one] => format!(
            "1 healthy beacon of {all} is left: {}; a fault there then stops the validators",
            one.name
        ),
        many => format!("{} healthy beacons of {all} are left", many.len()),
    }
}

/// Whether the others would be hurried, from what each answers now.
fn load(beacon: &BeaconStatus, others: &[&BeaconStatus]) -> Option<String> {
    if others.is_empty() || beacon.answered == 0 {
        return None;
    }
    let theirs: u64 = others.iter().map(|other| other.answered).sum();
    let percent = (theirs + beacon.answered) * 100 / theirs.max(1);
    let slowest = others.iter().filter_map(|other| other.p99_us).max()?;
    let slow = slowest / 1_000;
    Some(if percent > HURRIED {
        format!("they would take {percent} % of their share until now; the slowest has a p99 of {slow} ms")
    } else {
        format!("they take {percent} % of their share until now, p99 at most {slow} ms")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMs;
    use crate::ops::flow::tests::{beacon, fleet};
    use crate::ops::flow::{Bounds, Flow};

    fn of(beacons: Vec<BeaconStatus>, running: &[Operation], order: Order, configured: bool) -> Consequences {
        preflight(&fleet(beacons), running, &BeaconName::new("b1"), order, configured)
    }

    fn operation(name: &str) -> Operation {
        let name = BeaconName::new(name);
        Flow::begin(1, Verb::Upgrade, name, "bob".into(), Bounds::default(), UnixMs(0)).0.operation().clone()
    }

    #[test]
    fn the_last_healthy_beacon_is_named_as_such() {
        let sick = beacon("b2", &[Reason::Hung]);
        let told = of(vec![beacon("b1", &[]), sick.clone()], &[], None, false);
        assert!(told.last_healthy && told.refusal.is_none());
        assert!(told.sentences[0].starts_with("NO healthy beacon"), "{told:?}");
        let told = of(vec![beacon("b1", &[]), sick, beacon("b3", &[Reason::WarmingUp])], &[], None, false);
        assert!(!told.last_healthy);
        assert!(told.sentences[0].contains("1 healthy beacon of 3 is left: b3"), "{told:?}");
    }

    #[test]
    fn what_cannot_be_done_says_why() {
        let both = || vec![beacon("b1", &[]), beacon("b2", &[])];
        let told = of(both(), &[], Some(Verb::Restart), false);
        assert!(told.refusal.unwrap().contains("`restart: {systemd: UNIT}`"));
        assert_eq!(of(both(), &[], Some(Verb::Restart), true).refusal, None);
        let told = of(both(), &[operation("b1")], None, true);
        assert!(told.refusal.unwrap().contains("upgrade of b1 by bob is under way"));
        assert!(of(vec![beacon("b9", &[])], &[], None, true).refusal.unwrap().ends_with("has b9"));
    }

    #[test]
    fn load_in_flight_and_who_else_acts_are_told() {
        let mut beacons = vec![beacon("b1", &[]), beacon("b2", &[]), beacon("b3", &[])];
        beacons[0].in_flight = 3;
        beacons[0].answered = 200;
        beacons[1].p99_us = Some(12_000);
        beacons[1].answered = 100;
        beacons[2].lifecycle = Lifecycle::Drained;
        let told = of(beacons, &[operation("b3")], None, true).sentences.join("\n");
        for says in
            ["300 % of their share", "12 ms", "3 requests", "bob is at the upgrade of b3", "already: b3"]
        {
            assert!(told.contains(says), "{says}: {told}");
        }
    }
}
