//! Votes are for another head than the chain's.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.strong(Symptom::WrongHead) > case.strong(Symptom::Missed))
        .then(|| "votes for another head".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::WrongHead, 0.6), (Symptom::Missed, 0.1)]);
        assert_eq!(why(&own).as_deref(), Some("votes for another head"));
        assert_eq!(why(&beacon(&[(Symptom::WrongHead, 0.1), (Symptom::Missed, 0.6)])), None);
    }
}
