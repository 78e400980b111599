//! It follows another network's chain.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.of_beacons(Symptom::Foreign) > 0.3).then(|| "is on another chain".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Foreign, 0.9), (Symptom::Missed, 0.9)]);
        assert_eq!(why(&own).as_deref(), Some("is on another chain"));
        assert_eq!(why(&beacon(&[(Symptom::Behind, 0.9)])), None);
    }
}
