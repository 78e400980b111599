//! What is published is on the chain later than it could be.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.strong(Symptom::Late) > 0.0).then(|| "what is published is included late".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Late, 0.5)]);
        assert_eq!(why(&own).as_deref(), Some("what is published is included late"));
        assert_eq!(why(&beacon(&[])), None);
    }
}
