//! `mem.thp`: whether programs wait while the kernel makes large pages.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::{Lasting, Remedy};
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.thp",
    class: Class::Memory,
    needs: "/sys/kernel/mm/transparent_hugepage/defrag",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Advice,
    why: "the program that touches new memory waits while memory is compacted",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Write("/sys/kernel/mm/transparent_hugepage/defrag", "defer+madvise", Lasting::Tmpfiles),
    apply: Apply::Safe,
    source: "peers disagree on large pages; none wants programs to wait for them",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = "/sys/kernel/mm/transparent_hugepage/defrag";
    let text = facts.text(path)?;
    match text::chosen(&text) {
        Some(chosen) => {
            Ok(rules::one_of(chosen, &["defer+madvise", "defer", "madvise", "never"], Verdict::Advice))
        }
        None => misunderstood(path),
    }
}
