//! `proc.major_faults`: how often a process waits for a page from disk.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "proc.major_faults",
    class: Class::Process,
    needs: "/proc/PID/stat",
    roles: Role::ALL,
    most: Most::Warn,
    why: "the database does not fit into memory: each miss is a read of the disk",
    cost: Cost { from_ms: 10, to_ms: 500 },
    remedy: Remedy::LookAt("more memory, or smaller caches of its neighbours"),
    apply: Apply::Investigate,
    source: "node-mixin; judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = format!("/proc/{}/stat", facts.pid()?);
    let moved = facts.moved(&path, |text| text::stat(text, 12)?.try_into().ok())?;
    Ok(rules::mild(facts, moved, &limits::FAULTS_WARN))
}
