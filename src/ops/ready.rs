//! Whether a beacon is fit to be used again after its process was replaced. Pure.

use crate::model::{BeaconStatus, Reason, UnixMs};

/// What is still missing, in words; none when it is fit. Only what was observed after `after` counts: what the old process
/// said is no word of the new one.
pub fn missing(beacon: &BeaconStatus, after: UnixMs) -> Option<String> {
    if beacon.observed.is_none_or(|observed| observed <= after) {
        return Some("it has not answered since".to_owned());
    }
    // A drained beacon is out by order, and one that warms up does so in use. It is told what it lost when it is resumed:
    // until then nobody wants a seed held by it.
    let bad = beacon.reasons_but(&[Reason::Drained, Reason::WarmingUp, Reason::Slow, Reason::Unseeded]);
    if bad.is_empty() {
        return None;
    }
    Some(format!("it is {}", bad.join(", ")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::ops::flow::tests::beacon;

    #[rstest]
    #[case::unobserved(&[Reason::Drained], None, Some("not answered"))]
    #[case::before(&[Reason::Drained], Some(100), Some("not answered"))]
    #[case::fit(&[Reason::Drained], Some(101), None)]
    #[case::warming(&[Reason::Drained, Reason::WarmingUp], Some(101), None)]
    #[case::restarted(&[Reason::Drained, Reason::Unseeded], Some(101), None)]
    #[case::stale(&[Reason::Drained, Reason::StaleHead], Some(101), Some("stale head"))]
    #[case::el(&[Reason::Drained, Reason::ElOffline, Reason::Syncing], Some(101), Some("EL offline, syncing"))]
    fn a_beacon_is_fit_when_nothing_but_the_order_keeps_it_out(
        #[case] reasons: &[Reason],
        #[case] observed: Option<u64>,
        #[case] says: Option<&str>,
    ) {
        let mut beacon = beacon("b1", reasons);
        beacon.observed = observed.map(UnixMs);
        let missing = missing(&beacon, UnixMs(100));
        match says {
            None => assert_eq!(missing, None),
            Some(says) => assert!(missing.as_ref().is_some_and(|text| text.contains(says)), "{missing:?}"),
        }
    }
}
