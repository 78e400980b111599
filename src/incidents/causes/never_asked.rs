//! Nobody is asked for what a duty needs: a client is off, or a router lets nothing through.

use super::{Case, Kind, Symptom};

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    if case.of_fronts(Symptom::Unasked) <= 0.3 {
        return None;
    }
    let passes = *case.kind == Kind::Router;
    Some(if passes { "lets no question through" } else { "does not ask for its duties" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::client;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = client(&[(Symptom::Unasked, 0.98), (Symptom::Late, 0.1)]);
        assert_eq!(why(&own).as_deref(), Some("does not ask for its duties"));
        assert_eq!(why(&client(&[(Symptom::Missed, 0.98)])), None);
    }
}
