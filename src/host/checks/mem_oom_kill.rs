//! `mem.oom_kill`: programs killed for want of memory.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, Moved};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.oom_kill",
    class: Class::Memory,
    needs: "/proc/vmstat",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a killed beacon misses duties until it has started again",
    cost: Cost { from_ms: 12000, to_ms: 600_000 },
    remedy: Remedy::LookAt("`journalctl -k -g 'Out of memory'`: who was killed, who held the memory"),
    apply: Apply::Investigate,
    source: "node-mixin",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let moved = facts.moved("/proc/vmstat", |text| text::field(text, "oom_kill"))?;
    let verdict = match moved {
        Moved { count: 0, .. } => Verdict::Ok,
        Moved { since_boot: true, .. } => Verdict::Warn,
        _ => Verdict::Bad,
    };
    Ok(Judged::new(verdict, "none", moved.words()))
}
