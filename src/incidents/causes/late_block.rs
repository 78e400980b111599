//! Blocks of the network come late or not at all: nobody here can help it.

use super::Case;
use crate::incidents::network::StormKind;

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    matches!(case.storm, Some(StormKind::Blocks)).then(|| "late and missing blocks of the network".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CulpritKind as Kind;

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = Case { storm: Some(StormKind::Blocks), ..Case::of(&Kind::Network) };
        assert_eq!(why(&own).as_deref(), Some("late and missing blocks of the network"));
        assert_eq!(why(&Case { storm: Some(StormKind::Losses), ..Case::of(&Kind::Network) }), None);
    }
}
