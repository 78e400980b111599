//! It is there and fails requests.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.of_beacons(Symptom::Unanswered) > 0.1).then(|| "fails requests".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Unanswered, 0.4), (Symptom::Slow, 0.4)]);
        assert_eq!(why(&own).as_deref(), Some("fails requests"));
        assert_eq!(why(&beacon(&[(Symptom::Slow, 0.4)])), None);
    }
}
