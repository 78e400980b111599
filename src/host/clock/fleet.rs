//! The clocks of a whole fleet beside each other, measured by one: the asking console or router.
//!
//! Owns the four-timestamp exchange and what the hosts' majority says. The asking clock has no vote: it cancels out
//! between two hosts, and if the hosts agree among themselves and not with it, it is the one that is wrong.

use serde::{Deserialize, Serialize};

use super::interval::Interval;
use super::limits::{Grade, Limits};
use super::select::{Selection, select};

/// Hosts that make a majority mean something.
const FEWEST: usize = 2;

/// How hosts were measured. Measurements of one means are compared with each other only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// Four timestamps with an agent.
    Agent,
    /// `Date` of HTTP answers: an estimate.
    Date,
}

/// Four timestamps: sent and received by the asking clock, came and left by the host's. Microseconds since the Unix epoch.
///
/// Where the host's clock less the asking one lies: whatever delays whom, the host's stamps lie between ours. Nothing if
/// they cannot.
pub fn exchange(sent: i64, came: i64, left: i64, received: i64) -> Option<Interval> {
    let (round, inside) = (received.checked_sub(sent)?, left.checked_sub(came)?);
    if inside < 0 || round < inside {
        return None;
    }
    Interval::new(left.checked_sub(received)?, came.checked_sub(sent)?)
}

/// What the fleet's clocks say of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetClock {
    /// The majority's clock less the asking one; nothing if there is none.
    pub majority: Option<Interval>,
    /// Each host less the majority, in the order given; the asking clock is not in it.
    pub hosts: Vec<Option<Interval>>,
    /// Hosts that contradict the majority: place and how bad.
    pub apart: Vec<(usize, Grade)>,
}

/// Compares hosts measured by one clock and one means; `measured` are hosts less that clock.
pub fn compare(measured: &[Interval], limits: Limits) -> FleetClock {
    let none = FleetClock { majority: None, hosts: vec![None; measured.len()], apart: Vec::new() };
    if measured.len() < FEWEST {
        return none;
    }
    let Some(Selection::Agreed { interval: majority, outvoted, .. }) = select(measured) else { return none };
    let less: Vec<Interval> = measured.iter().map(|host| host.less(majority)).collect();
    let grade = |place: usize| limits.offset(less[place].middle()).max(Grade::Warn);
    let apart = outvoted.into_iter().map(|place| (place, grade(place))).collect();
    FleetClock { majority: Some(majority), hosts: less.into_iter().map(Some).collect(), apart }
}

/// What to say of the asking clock itself, if the hosts agree that it is off by as much as would be worth a warning of a
/// host: one sentence for a banner. No host is to be blamed for it.
pub fn banner(fleet: &FleetClock, means: Means, limits: Limits) -> Option<String> {
    let own = fleet.majority?.reversed();
    let least = if own.contains(0) { 0 } else { own.low().unsigned_abs().min(own.high().unsigned_abs()) };
    // By the least it must be off: an uncertain way is no wrong clock.
    if limits.offset(i64::try_from(least).ok()?) < Grade::Warn {
        return None;
    }
    let agree = fleet.hosts.len() - fleet.apart.len();
    let how = match means {
        Means::Agent => "",
        Means::Date => " (an estimate)",
    };
    Some(format!(
        "this console's own clock is off by {own}{how}: {agree} hosts agree with each other and not with it"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(middle: i64, half: u64) -> Interval {
        Interval::around(middle * 1_000, half * 1_000)
    }

    fn said(measured: &[Interval], means: Means) -> Option<String> {
        banner(&compare(measured, Limits::default()), means, Limits::default())
    }

    #[test]
    fn a_host_that_is_off_is_named_and_the_console_is_not() {
        let measured = [ms(1, 5), ms(-2, 5), ms(-300, 5), ms(90, 5), ms(0, 9)];
        let fleet = compare(&measured, Limits::default());
        assert_eq!(fleet.majority, measured[0].meet(measured[1]));
        assert_eq!(fleet.apart, [(2, Grade::Bad), (3, Grade::Warn)]);
        assert_eq!(banner(&fleet, Means::Agent, Limits::default()), None);
    }

    #[test]
    fn a_console_that_is_off_gets_the_banner_and_no_host_is_blamed() {
        let measured = [ms(2_000, 5), ms(2_003, 5), ms(1_998, 5)];
        let fleet = compare(&measured, Limits::default());
        assert_eq!(fleet.apart, []);
        assert!(fleet.hosts.iter().all(|host| host.is_some_and(|host| host.contains(0))));
        assert_eq!(
            said(&measured, Means::Date).unwrap(),
            "this console's own clock is off by -2000.5 ms ±2.5 ms (an estimate): 3 hosts agree with each other and not with it"
        );
    }

    #[test]
    fn what_may_be_the_way_is_no_wrong_clock() {
        assert_eq!(said(&[ms(60, 20), ms(60, 20)], Means::Agent), None, "it may be 40 ms");
        assert!(said(&[ms(75, 20), ms(75, 20)], Means::Agent).is_some(), "it is 55 ms at least");
    }

    #[test]
    fn without_a_majority_nobody_is_blamed() {
        for measured in [&[][..], &[ms(900, 1)][..], &[ms(900, 1), ms(0, 1)][..]] {
            let fleet = compare(measured, Limits::default());
            assert_eq!((fleet.majority, fleet.apart.len()), (None, 0));
            assert_eq!(banner(&fleet, Means::Agent, Limits::default()), None);
        }
    }

    #[test]
    fn stamps_that_cannot_be_are_refused() {
        assert_eq!(exchange(0, 10, 9, 100), None, "left before it came");
        assert_eq!(exchange(0, 10, 200, 100), None, "longer inside than the whole took");
        assert_eq!(exchange(i64::MIN, 0, 0, i64::MAX), None);
    }

    proptest! {
        #[test]
        fn an_exchange_holds_the_truth_whatever_delays_whom(
            ahead in -9_000_000i64..9_000_000,
            there in 0i64..400_000,
            inside in 0i64..400_000,
            back in 0i64..400_000,
        ) {
            let interval = exchange(0, there + ahead, there + inside + ahead, there + inside + back).unwrap();
            prop_assert!(interval.contains(ahead));
            prop_assert_eq!(interval.half(), ((there + back) as u64).div_ceil(2));
        }

        /// However wrong the asking clock, hosts that are right stay unblamed.
        #[test]
        fn the_asking_clock_cancels(off in -5_000i64..5_000, ways in prop::collection::vec(0u64..50, 2..9)) {
            let measured: Vec<Interval> = ways.iter().map(|way| ms(off, *way)).collect();
            let fleet = compare(&measured, Limits::default());
            prop_assert_eq!(fleet.apart.len(), 0);
            let (low, high) = fleet.majority.unwrap().into();
            let surely_off = low >= 50_000 || high <= -50_000;
            prop_assert_eq!(banner(&fleet, Means::Agent, Limits::default()).is_some(), surely_off);
        }
    }
}
