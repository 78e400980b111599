//! The head is not verified by the execution client.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.of_beacons(Symptom::Optimistic) > 0.3)
        .then(|| "follows the head without its execution client's word".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Optimistic, 0.9), (Symptom::Unanswered, 0.9)]);
        assert_eq!(why(&own).as_deref(), Some("follows the head without its execution client's word"));
        assert_eq!(why(&beacon(&[(Symptom::Unanswered, 0.9)])), None);
    }
}
