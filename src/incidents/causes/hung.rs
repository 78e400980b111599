//! Probes and requests are not answered, or nothing is there to ask.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    if case.of_beacons(Symptom::Unreachable) <= 0.3 {
        return None;
    }
    let there = case.hung || case.of_beacons(Symptom::Unanswered) > 0.3;
    Some(if there { "does not answer" } else { "cannot be reached" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Unreachable, 0.9), (Symptom::Unanswered, 0.9)]);
        assert_eq!(why(&own).as_deref(), Some("does not answer"));
        let routed_around = beacon(&[(Symptom::Unreachable, 0.9)]);
        assert_eq!(why(&routed_around).as_deref(), Some("cannot be reached"));
        assert_eq!(why(&Case { hung: true, ..routed_around }).as_deref(), Some("does not answer"));
        assert_eq!(why(&beacon(&[(Symptom::Unanswered, 0.9)])), None);
    }
}
