//! Data was given, and nothing that is signed came back.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.of_fronts(Symptom::Unsigned) > 0.1).then(|| "does not sign what it is given".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::client;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = client(&[(Symptom::Unsigned, 0.3), (Symptom::Missed, 0.1)]);
        assert_eq!(why(&own).as_deref(), Some("does not sign what it is given"));
        assert_eq!(why(&client(&[(Symptom::Missed, 0.3)])), None);
    }
}
