//! What is signed comes late.

use super::{Case, Kind, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    if case.strong(Symptom::PublishedLate).max(case.strong(Symptom::SignedLate)) <= 0.2 {
        return None;
    }
    let signs = matches!(case.kind, Kind::Client | Kind::Signer);
    Some(if signs { "signs late" } else { "late publications" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::client;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = client(&[(Symptom::SignedLate, 0.6), (Symptom::Missed, 0.5)]);
        assert_eq!(why(&own).as_deref(), Some("signs late"));
        assert_eq!(why(&client(&[(Symptom::Missed, 0.5)])), None);
    }
}
