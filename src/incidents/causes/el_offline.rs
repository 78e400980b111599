//! The execution client is offline.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.of_beacons(Symptom::ElOffline) > 0.3).then(|| "its execution client is offline".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::ElOffline, 0.9), (Symptom::Optimistic, 0.9)]);
        assert_eq!(why(&own).as_deref(), Some("its execution client is offline"));
        assert_eq!(why(&beacon(&[(Symptom::Optimistic, 0.9)])), None);
    }
}
