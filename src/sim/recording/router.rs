//! Whom a request goes to, and what is done when no answer comes. A fleet that is not `routed` has one beacon for each
//! request, and what that one fails is lost; a routed one hedges, publishes twice and goes around the sick.

use super::beacon::{Answer, Beacon, Vote};
use super::dice::{Dice, Of};
use super::sky::Sky;
use crate::sim::scenario::{FleetPlan, Routing};

/// Beacons that one question is asked of at most.
const ASKED: usize = 3;
/// Beacons that a message is given to.
const GIVEN: usize = 2;
/// Slots a beacon has to be well before it is asked again.
const WELL: u8 = 2;
/// Share of requests that go elsewhere where routing is mixed.
const ELSEWHERE: f64 = 0.1;

/// One beacon's part in a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Try {
    /// Its place.
    pub(super) beacon: usize,
    /// When it answered; none: it failed.
    pub(super) told: Option<f64>,
    /// When it was asked.
    pub(super) asked: f64,
}

/// The router's view of the pool.
#[derive(Debug, Clone)]
pub(super) struct Router {
    routing: Routing,
    routed: bool,
    dice: Dice,
    /// How long after a question the next beacon is asked, and when a request is given up.
    hedge_ms: f64,
    timeout_ms: f64,
    /// Slots until each is asked again.
    out: Vec<u8>,
}

impl Router {
    pub(super) fn new(fleet: &FleetPlan, sky: &Sky, dice: Dice) -> Self {
        Self {
            routing: fleet.routing,
            routed: fleet.routed,
            dice,
            hedge_ms: sky.slot_ms / 24.0,
            timeout_ms: sky.slot_ms / 4.0,
            out: vec![0; fleet.beacons],
        }
    }

    /// Whether a beacon is asked at all.
    pub(super) fn uses(&self, beacon: usize) -> bool {
        self.out[beacon] == 0
    }

    /// The beacons to ask, best first. `key` is the request's own.
    pub(super) fn order(&self, home: usize, key: &[u64]) -> Vec<usize> {
        let all = self.out.len();
        let any = self.dice.word(Of::Order, key) as usize % all;
        let first = match self.routing {
            Routing::Spread => any,
            Routing::Mixed if self.dice.chance(ELSEWHERE, Of::Elsewhere, key) => any,
            Routing::Mixed | Routing::Sticky => home,
        };
        if !self.routed {
            return vec![first];
        }
        let others = (0..all).map(|step| (any + step) % all).filter(|beacon| *beacon != first);
        let order: Vec<usize> = std::iter::once(first).chain(others).collect();
        let fit: Vec<usize> = order.iter().copied().filter(|beacon| self.uses(*beacon)).collect();
        if fit.is_empty() { order } else { fit }
    }

    /// When a client is told of the block of a slot: by its beacon, or by the second beacon of the pool that has it.
    pub(super) fn heard(&self, home: usize, slot: u64, beacons: &[Beacon]) -> Option<f64> {
        if !self.routed {
            return beacons[home].has(slot);
        }
        let fit = beacons.iter().enumerate().filter(|(place, _)| self.uses(*place));
        let mut had: Vec<f64> = fit.filter_map(|(_, beacon)| beacon.has(slot)).collect();
        had.sort_by(f64::total_cmp);
        had.get(1).or(had.first()).copied()
    }

    /// Asks for data at a moment: what came first, from whom and when, and each beacon's part.
    pub(super) fn fetch(
        &self,
        order: &[usize],
        at: f64,
        key: &[u64],
        beacons: &[Beacon],
    ) -> (Option<(usize, f64, Vote)>, Vec<Try>) {
        let (mut asked, mut best, mut tries) = (at, None::<(usize, f64, Vote)>, Vec::new());
        for &beacon in order.iter().take(ASKED) {
            let answer = beacons[beacon].data(asked, &[key, &[beacon as u64]].concat());
            let (told, next) = match answer {
                // A router knows its network; a client alone does not look.
                Answer::Good(told, Vote::Foreign) if self.routed => (None, told),
                Answer::Good(told, vote) if told <= asked + self.timeout_ms => {
                    if best.is_none_or(|(_, first, _)| told < first) {
                        best = Some((beacon, told, vote));
                    }
                    (Some(told), told)
                }
                Answer::Failed(told) => (None, told),
                Answer::Good(..) | Answer::Never => (None, f64::INFINITY),
            };
            tries.push(Try { beacon, told, asked });
            let in_time = next <= asked + self.hedge_ms;
            if told.is_some() && in_time {
                break;
            }
            asked = next.min(asked + self.hedge_ms);
            if best.is_some_and(|(_, first, _)| first <= asked) {
                break;
            }
        }
        (best, tries)
    }

    /// Gives a message to beacons at a moment: when it is in gossip, if ever, and each beacon's part.
    pub(super) fn publish(
        &self,
        order: &[usize],
        (start, at): (f64, f64),
        vote: Vote,
        key: &[u64],
        beacons: &[Beacon],
    ) -> (Option<f64>, Vec<Try>) {
        let (mut gossip, mut tries) = (None::<f64>, Vec::new());
        for &beacon in order.iter().take(GIVEN) {
            let told = match beacons[beacon].publish(start, at, vote, &[key, &[beacon as u64]].concat()) {
                Answer::Good(told, reached) if told <= at + self.timeout_ms => {
                    gossip = match (gossip, reached) {
                        (Some(a), Some(b)) => Some(a.min(b)),
                        (a, b) => a.or(b),
                    };
                    Some(told)
                }
                _ => None,
            };
            tries.push(Try { beacon, told, asked: at });
        }
        (gossip, tries)
    }

    /// A slot is over: whether a beacon was well in it.
    pub(super) fn judge(&mut self, beacon: usize, well: bool) {
        if self.routed {
            self.out[beacon] = if well { self.out[beacon].saturating_sub(1) } else { WELL };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::effects::Effects;
    use super::*;
    use crate::sim::gate::Door;
    use crate::sim::scenario::Scenario;

    fn stage(routed: bool) -> (Sky, Vec<Beacon>, Router) {
        let text = format!("story: s\nfleet: {{ beacons: 3, routed: {routed}, routing: sticky }}");
        let scenario = Scenario::parse("x", &text).unwrap();
        let sky = Sky::new(&scenario, Dice(1));
        let mut beacons: Vec<Beacon> = (0..3).map(|place| Beacon::new(place, Dice(1))).collect();
        for (place, beacon) in beacons.iter_mut().enumerate() {
            let door = if place == 0 { Door::Stuck } else { Door::Open };
            beacon.begin(0, &sky, Effects { door, ..Effects::NONE });
        }
        let router = Router::new(&scenario.fleet, &sky, Dice(1));
        (sky, beacons, router)
    }

    #[test]
    fn a_hung_beacon_is_hedged_only_where_there_is_a_router() {
        let (_, beacons, router) = stage(true);
        let (best, tries) = router.fetch(&router.order(0, &[0, 1]), 4_000.0, &[0, 1], &beacons);
        let (from, told, _) = best.unwrap();
        assert!(from != 0 && (4_500.0..4_700.0).contains(&told), "{from} {told}");
        assert_eq!((tries[0].beacon, tries[0].told, tries.len()), (0, None, 2));
        let (_, beacons, alone) = stage(false);
        let (best, tries) = alone.fetch(&alone.order(0, &[0, 1]), 4_000.0, &[0, 1], &beacons);
        assert_eq!((best, tries.len()), (None, 1));
    }

    #[test]
    fn the_sick_are_gone_around_until_they_have_been_well_for_two_slots() {
        let (_, _, mut router) = stage(true);
        router.judge(0, false);
        assert!(!router.order(0, &[1, 1]).contains(&0));
        router.judge(0, true);
        assert!(!router.uses(0));
        router.judge(0, true);
        assert_eq!(router.order(0, &[2, 1])[0], 0);
        for beacon in 0..3 {
            router.judge(beacon, false);
        }
        assert_eq!(router.order(0, &[3, 1]).len(), 3, "the best of the bad");
    }
}
