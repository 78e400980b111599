//! Answers take far longer than usual.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    let slow = case.of_beacons(Symptom::Slow) > 0.2
        || [Symptom::ProbeSlow, Symptom::TakenSlowly].iter().any(|symptom| case.of_beacons(*symptom) > 0.3);
    slow.then(|| "answers slowly".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Slow, 0.4), (Symptom::Late, 0.4)]);
        assert_eq!(why(&own).as_deref(), Some("answers slowly"));
        assert!(why(&beacon(&[(Symptom::TakenSlowly, 0.6)])).is_some());
        assert_eq!(why(&beacon(&[(Symptom::Late, 0.4)])), None);
    }
}
