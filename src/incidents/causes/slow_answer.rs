//! Answers take far longer than usual.

use super::{Case, Kind, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    let slow = case.of_beacons(Symptom::Slow) > 0.2
        || [Symptom::ProbeSlow, Symptom::TakenSlowly].iter().any(|symptom| case.of_beacons(*symptom) > 0.3);
    // What is slow with the router's own questions is slow between it and the beacons.
    let own = *case.kind == Kind::Router && case.strong(Symptom::ProbeSlow) > 0.05;
    if own {
        return Some("all beacons seem slow to it: its own machine or network".to_owned());
    }
    slow.then(|| "answers slowly".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::{beacon, with};

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Slow, 0.4), (Symptom::Late, 0.4)]);
        assert_eq!(why(&own).as_deref(), Some("answers slowly"));
        assert!(why(&beacon(&[(Symptom::TakenSlowly, 0.6)])).is_some());
        assert_eq!(why(&beacon(&[(Symptom::Late, 0.4)])), None);
        let slow = [(Symptom::ProbeSlow, 0.3)];
        assert_eq!(why(&beacon(&slow)), None);
        assert!(why(&with(&Kind::Router, &slow)).unwrap().ends_with("its own machine or network"));
    }
}
