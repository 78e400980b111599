//! Others have the block of a slot, and this one has it far later: import, disk or its links are slow.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.of_beacons(Symptom::HeadLate) > 0.3).then(|| "has blocks later than the others".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::cause;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::HeadLate, 0.9), (Symptom::WrongHead, 0.4)]);
        assert_eq!(why(&own).as_deref(), Some("has blocks later than the others"));
        let behind = beacon(&[(Symptom::HeadLate, 0.9), (Symptom::Trailing, 0.9)]);
        assert_eq!(cause(&behind), "its head is behind");
        assert_eq!(why(&beacon(&[(Symptom::WrongHead, 0.9)])), None);
    }
}
