//! A key signs where this router does not see it, while the client that had it is idle.

use super::Case;
use crate::model::KeyHow;

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    let seen = case.key.filter(|seen| seen.how == KeyHow::Elsewhere)?;
    Some(format!("somebody else signs for {} while the client is idle", super::validators(seen)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::key;
    use crate::model::CulpritKind as Kind;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let (own, other) = (key(KeyHow::Elsewhere, 40), key(KeyHow::Twice, 40));
        let said = why(&Case { key: Some(&own), ..Case::of(&Kind::Key) });
        assert_eq!(
            said.as_deref(),
            Some("somebody else signs for validators 17, 18, 19 and 37 more while the client is idle")
        );
        assert_eq!(why(&Case { key: Some(&other), ..Case::of(&Kind::Key) }), None);
    }
}
