//! A host's clock is off.

use super::Case;

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    case.bad_finding(|check| check.starts_with("time."))
        .map(|check| format!("the clock of the host ({check})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CulpritKind as Kind, HostLevel};

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = Case { finding: Some(("time.offset", HostLevel::Bad)), ..Case::of(&Kind::Host) };
        assert_eq!(why(&own).as_deref(), Some("the clock of the host (time.offset)"));
        assert_eq!(
            why(&Case { finding: Some(("net.drops", HostLevel::Bad)), ..Case::of(&Kind::Host) }),
            None
        );
    }
}
