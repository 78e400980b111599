//! A check of the host found what costs duties.

use super::Case;

/// What a check that is bad means; the first that begins so.
const MEANS: &[(&str, &str)] = &[
    ("disk.free", "its disk is full, or nearly so"),
    ("disk.inodes", "its disk is full, or nearly so"),
    ("disk.raid", "its disks stand by one alone"),
    ("disk.", "its disk is slow"),
    ("net.", "its network loses packets"),
    ("mem.", "it is short of memory"),
    ("cpu.", "its processors are short"),
    ("proc.nofile", "a process of it may open no more files"),
    ("proc.gc_pause", "a process of it stands still to collect garbage"),
];

/// The rule.
pub(super) fn why(case: &Case<'_>) -> Option<String> {
    let check = case.bad_finding(|_| true)?;
    let means = MEANS.iter().find(|(beginning, _)| check.starts_with(beginning));
    let what = means.map_or("a check of the host is bad", |(_, what)| what);
    Some(format!("{what} ({check})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CulpritKind as Kind, HostLevel};

    fn said(check: &'static str, level: HostLevel) -> Option<String> {
        why(&Case { finding: Some((check, level)), ..Case::of(&Kind::Host) })
    }

    #[test]
    fn it_says_so_of_its_own_case_only() {
        for (check, what) in [
            ("disk.flush_latency", "its disk is slow (disk.flush_latency)"),
            ("disk.free", "its disk is full, or nearly so (disk.free)"),
            ("mem.psi", "it is short of memory (mem.psi)"),
            ("numa.zone_reclaim", "a check of the host is bad (numa.zone_reclaim)"),
        ] {
            assert_eq!(said(check, HostLevel::Bad).as_deref(), Some(what));
        }
        assert_eq!(said("cpu.governor", HostLevel::Warn), None);
    }
}
