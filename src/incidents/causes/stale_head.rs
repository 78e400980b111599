//! The head stands or trails.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    // One block late now and then is what slow imports and pauses come to: they say so themselves.
    let behind = case.of_beacons(Symptom::Behind) > 0.3 || case.of_beacons(Symptom::Trailing) > 0.6;
    behind.then(|| "its head is behind".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Behind, 0.9), (Symptom::WrongHead, 0.9)]);
        assert_eq!(why(&own).as_deref(), Some("its head is behind"));
        assert!(why(&beacon(&[(Symptom::Trailing, 0.9)])).is_some());
        assert_eq!(why(&beacon(&[(Symptom::Trailing, 0.5)])), None);
        assert_eq!(why(&beacon(&[(Symptom::WrongHead, 0.9)])), None);
    }
}
