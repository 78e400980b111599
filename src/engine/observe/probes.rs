//! What watching each beacon told in a slot, one line a beacon. Pure.

use std::collections::BTreeMap;

use crate::model::{BeaconName, FleetStatus, Lifecycle, Observation, ProbeSeen, Reason, Slot};
use crate::pool::Facts;

/// One probe.
#[derive(Debug, Clone, Copy)]
pub enum Probed {
    /// It answered this, after so many milliseconds.
    Answered(Facts, f64),
    /// It did not.
    Failed,
}

/// The probes of one beacon in the present slot.
#[derive(Debug, Default)]
struct OfSlot {
    last: Option<(Facts, f64)>,
    answered: u32,
    failed: u32,
}

/// The probes of the present slot.
#[derive(Debug, Default)]
pub struct Probes(BTreeMap<BeaconName, OfSlot>);

impl Probes {
    /// A beacon was probed.
    pub fn take(&mut self, beacon: BeaconName, probed: Probed) {
        let of = self.0.entry(beacon).or_default();
        match probed {
            Probed::Answered(facts, ms) => {
                of.answered += 1;
                of.last = Some((facts, ms));
            }
            Probed::Failed => of.failed += 1,
        }
    }

    /// A slot is over: its lines. Beacons that are out by order are left out: what they do is somebody's doing.
    pub fn lines(&mut self, slot: Slot, status: &FleetStatus) -> Vec<Observation> {
        let probes = std::mem::take(&mut self.0);
        let used = status.beacons.iter().filter(|beacon| beacon.lifecycle == Lifecycle::Active);
        used.filter_map(|beacon| {
            let of = probes.get(&beacon.name)?;
            // One that is lost is no silence; a pause now and then, or requests that are owed an answer, are.
            let silent = of.failed * 2 >= of.failed + of.answered || beacon.reasons.contains(&Reason::Hung);
            let (facts, ms) = of.last.filter(|_| !silent).unzip();
            // Another network's head says nothing.
            let ours = facts.is_some() && !beacon.reasons.contains(&Reason::WrongChain);
            Some(Observation::Probe(ProbeSeen {
                slot,
                beacon: beacon.name.to_string(),
                reachable: facts.is_some(),
                head_lag: ours.then_some(beacon.lag),
                latency_ms: ms,
                el_offline: facts.is_some_and(|facts| facts.el_offline),
                optimistic: facts.is_some_and(|facts| facts.optimistic),
                peers: facts.and_then(|facts: Facts| facts.peers).map(u64::from),
            }))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BeaconStatus, UnixMs};

    fn status(reasons: &[Reason]) -> FleetStatus {
        let beacon = BeaconStatus {
            name: BeaconName::new("b"),
            lifecycle: Lifecycle::Active,
            healthy: reasons.is_empty(),
            reasons: reasons.to_vec(),
            detail: String::new(),
            head: None,
            lag: 3,
            peers: None,
            version: None,
            execution: None,
            in_flight: 0,
            latency_us: 0,
            p50_us: None,
            p99_us: None,
            answered: 0,
            failed: 0,
            observed: None,
            since: UnixMs(0),
            told: Vec::new(),
            custody: None,
            drained: None,
        };
        FleetStatus { beacons: vec![beacon], ..FleetStatus::default() }
    }

    fn slot(answered: u32, failed: u32, status: &FleetStatus) -> Vec<Observation> {
        let mut probes = Probes::default();
        (0..answered)
            .for_each(|_| probes.take(BeaconName::new("b"), Probed::Answered(Facts::default(), 4.0)));
        (0..failed).for_each(|_| probes.take(BeaconName::new("b"), Probed::Failed));
        probes.lines(Slot(7), status)
    }

    fn one(answered: u32, failed: u32, reasons: &[Reason]) -> (bool, Option<u64>) {
        match slot(answered, failed, &status(reasons)).as_slice() {
            [Observation::Probe(probe)] => (probe.reachable, probe.head_lag),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_beacon_is_silent_if_half_its_probes_are_and_told_of_unless_it_is_out_by_order() {
        assert_eq!(one(2, 1, &[]), (true, Some(3)));
        assert_eq!(one(1, 1, &[]), (false, None));
        assert_eq!(one(3, 0, &[Reason::Hung]), (false, None));
        assert_eq!(one(3, 0, &[Reason::WrongChain]), (true, None), "another chain's head says nothing");
        assert_eq!(slot(0, 0, &status(&[])), [], "nothing was seen");
        let mut drained = status(&[]);
        drained.beacons[0].lifecycle = Lifecycle::Drained;
        assert_eq!(slot(0, 3, &drained), []);
    }
}
