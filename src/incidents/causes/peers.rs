//! There are few peers. It comes before the head that trails: who hears nothing knows of no head.

use super::{Case, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    (case.of_beacons(Symptom::Peers) > 0.3).then(|| "has few peers".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::cause;
    use crate::incidents::causes::tests::beacon;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = beacon(&[(Symptom::Peers, 0.9), (Symptom::Late, 0.4)]);
        assert_eq!(why(&own).as_deref(), Some("has few peers"));
        let cut_off = beacon(&[(Symptom::Peers, 0.9), (Symptom::Behind, 0.9)]);
        assert_eq!(cause(&cut_off), "has few peers");
        assert_eq!(why(&beacon(&[(Symptom::Late, 0.4)])), None);
    }
}
