//! A check of the host found what costs duties.

use super::Case;

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    let check = case.bad_finding(|_| true)?;
    let what = match check.split('.').next() {
        Some("net") => "its network loses packets",
        Some("disk") => "its disk is slow",
        Some("memory") => "it is short of memory",
        Some("cpu") => "its processors are short",
        _ => "a check of the host is bad",
    };
    Some(format!("{what} ({check})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CulpritKind as Kind, HostLevel};

    #[test]
    fn it_says_so_of_its_own_case_only() {
        let own = Case { finding: Some(("disk.latency", HostLevel::Bad)), ..Case::of(&Kind::Host) };
        assert_eq!(why(&own).as_deref(), Some("its disk is slow (disk.latency)"));
        assert_eq!(
            why(&Case { finding: Some(("cpu.governor", HostLevel::Warn)), ..Case::of(&Kind::Host) }),
            None
        );
    }
}
