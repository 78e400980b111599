//! What watching each beacon told in a slot. Pure.

use std::collections::BTreeMap;

use crate::model::{BeaconName, BeaconStatus, FleetStatus, Lifecycle, Observation, ProbeSeen, Reason, Slot};
use crate::pool::Facts;

/// One probe.
#[derive(Debug, Clone, Copy)]
pub enum Probed {
    /// It answered this, after so many milliseconds where that is known.
    Answered(Facts, Option<f64>),
    /// It did not.
    Failed,
}

/// Probes of one slot and beacon that are told: the first, the last, and those between them at even distances; more where
/// one failed or took so many times what the quickest took, and so many milliseconds.
const TOLD: (usize, usize) = (3, 8);
const ODD: (f64, f64) = (5.0, 50.0);

/// The probes of the present slot.
#[derive(Debug, Default)]
pub struct Probes(BTreeMap<BeaconName, Vec<Probed>>);

impl Probes {
    /// A beacon was probed.
    pub fn take(&mut self, beacon: BeaconName, probed: Probed) {
        self.0.entry(beacon).or_default().push(probed);
    }

    /// A slot is over: its lines. Beacons that are out by order are left out: what they do is somebody's doing.
    pub fn lines(&mut self, slot: Slot, status: &FleetStatus) -> Vec<Observation> {
        let probes = std::mem::take(&mut self.0);
        let used = status.beacons.iter().filter(|beacon| beacon.lifecycle == Lifecycle::Active);
        let of = |beacon: &BeaconStatus| {
            let all = probes.get(&beacon.name).map_or(&[][..], Vec::as_slice);
            told(all).map(|probed| line(slot, beacon, probed)).collect::<Vec<_>>()
        };
        used.flat_map(of).collect()
    }
}

fn told(all: &[Probed]) -> impl Iterator<Item = Probed> {
    let ms = |probed: &Probed| match probed {
        Probed::Answered(_, ms) => *ms,
        Probed::Failed => Some(f64::INFINITY),
    };
    let quickest = all.iter().filter_map(ms).fold(f64::INFINITY, f64::min);
    let odd = all.iter().filter_map(ms).any(|ms| ms.is_infinite() || ms > ODD.1 && ms > ODD.0 * quickest);
    let count = all.len().min(if odd { TOLD.1 } else { TOLD.0 });
    (0..count).map(move |turn| all[if count > 1 { turn * (all.len() - 1) / (count - 1) } else { 0 }])
}

fn line(slot: Slot, beacon: &BeaconStatus, probed: Probed) -> Observation {
    // Requests that are owed an answer say more than a probe that got one.
    let (facts, ms) = match probed {
        Probed::Answered(facts, ms) if !beacon.reasons.contains(&Reason::Hung) => (Some(facts), ms),
        _ => (None, None),
    };
    // Another network's head says nothing.
    let says_nothing = [Reason::WrongChain, Reason::ChainSplit];
    let ours = facts.is_some() && !says_nothing.iter().any(|reason| beacon.reasons.contains(reason));
    Observation::Probe(ProbeSeen {
        slot,
        beacon: beacon.name.to_string(),
        reachable: facts.is_some(),
        hung: facts.is_none() && beacon.reasons.contains(&Reason::Hung),
        head_lag: ours.then_some(beacon.lag),
        latency_ms: ms.map(|ms| (ms * 10.0).round() / 10.0),
        el_offline: facts.is_some_and(|facts| facts.el_offline),
        optimistic: facts.is_some_and(|facts| facts.optimistic),
        peers: facts.and_then(|facts| facts.peers).map(u64::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(reasons: &[Reason]) -> FleetStatus {
        let (healthy, reasons) = (reasons.is_empty(), reasons.to_vec());
        let beacon = BeaconStatus { healthy, reasons, lag: 3, ..BeaconStatus::bare("b") };
        FleetStatus { beacons: vec![beacon], ..FleetStatus::default() }
    }

    fn slot(answered: u32, failed: u32, status: &FleetStatus) -> Vec<Observation> {
        let mut probes = Probes::default();
        (0..answered)
            .for_each(|_| probes.take(BeaconName::new("b"), Probed::Answered(Facts::default(), Some(4.0))));
        (0..failed).for_each(|_| probes.take(BeaconName::new("b"), Probed::Failed));
        probes.lines(Slot(7), status)
    }

    fn one(reasons: &[Reason]) -> (bool, bool, Option<u64>) {
        match slot(1, 0, &status(reasons)).as_slice() {
            [Observation::Probe(probe)] => (probe.reachable, probe.hung, probe.head_lag),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_beacon_is_told_of_unless_it_is_out_by_order() {
        assert_eq!(one(&[]), (true, false, Some(3)));
        assert_eq!(one(&[Reason::Hung]), (false, true, None));
        assert_eq!(one(&[Reason::WrongChain]), (true, false, None), "another chain's head says nothing");
        assert_eq!(one(&[Reason::ChainSplit]), (true, false, None), "nor does that of another side");
        assert_eq!(slot(0, 0, &status(&[])), [], "nothing was seen");
        let mut drained = status(&[]);
        drained.beacons[0].lifecycle = Lifecycle::Drained;
        assert_eq!(slot(0, 3, &drained), []);
    }

    #[test]
    fn of_many_probes_some_are_told_all_over_the_slot() {
        let reachable = |answered, failed| -> Vec<bool> {
            let lines = slot(answered, failed, &status(&[]));
            lines.iter().map(|line| matches!(line, Observation::Probe(probe) if probe.reachable)).collect()
        };
        assert_eq!(reachable(1, 1), [true, false]);
        assert_eq!(reachable(12, 0), [true; 3]);
        assert_eq!(
            reachable(6, 6),
            [[true; 4], [false; 4]].concat(),
            "one that is not well is told of in more detail"
        );
        assert_eq!(reachable(0, 12), [false; 8]);
        let mut probes = Probes::default();
        for ms in [8.0, 9.0, 700.0, 8.0, 9.0] {
            probes.take(BeaconName::new("b"), Probed::Answered(Facts::default(), Some(ms)));
        }
        assert_eq!(probes.lines(Slot(7), &status(&[])).len(), 5);
        for _ in 0..5 {
            probes.take(BeaconName::new("b"), Probed::Answered(Facts::default(), None));
        }
        let lines = probes.lines(Slot(8), &status(&[]));
        let unknown = |line: &Observation| matches!(line, Observation::Probe(seen) if seen.reachable && seen.latency_ms.is_none());
        assert!(lines.len() == 3 && lines.iter().all(unknown), "{lines:?}");
    }
}
