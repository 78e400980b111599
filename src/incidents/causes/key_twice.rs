//! A key signs at two of our clients.

use super::Case;
use crate::model::KeyHow;

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    let seen = case.key.filter(|seen| seen.how == KeyHow::Twice)?;
    let who = super::validators(seen);
    Some(match (seen.slashable, seen.clients.len()) {
        (0, 1) => format!("two processes behind its name sign for {who}"),
        (0, _) => format!("both sign for {who}"),
        (some, _) => format!("both sign for {who}, different votes or blocks for {some}: slashable"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::causes::tests::key;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let (mut seen, other) = (key(KeyHow::Twice, 1), key(KeyHow::Elsewhere, 1));
        let of = |seen: &_| why(&Case { key: Some(seen), ..Case::of(&crate::model::CulpritKind::Key) });
        assert_eq!(of(&seen).as_deref(), Some("both sign for validator 17"));
        assert_eq!(of(&other), None);
        seen.slashable = 1;
        let said = of(&seen).unwrap();
        assert_eq!(said, "both sign for validator 17, different votes or blocks for 1: slashable");
    }
}
