//! What is published is not on the chain.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.strong(Symptom::Missed) > 0.0).then(|| "what is published is not included".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Missed, 0.5), (Symptom::Late, 0.1)]);
        assert_eq!(why(&own).as_deref(), Some("what is published is not included"));
        assert_eq!(why(&beacon(&[(Symptom::Late, 0.1)])), None);
    }
}
