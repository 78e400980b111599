//! `mem.reclaim_stall`: allocations that had to free memory first.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.reclaim_stall",
    class: Class::Memory,
    needs: "/proc/vmstat",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "the program itself frees memory, in the middle of its work",
    cost: Cost { from_ms: 10, to_ms: 100 },
    remedy: Remedy::Raise("vm.min_free_kbytes", "{to}"),
    apply: Apply::Safe,
    source: "kernel; judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let moved = facts.moved("/proc/vmstat", |text| {
        let counts: Vec<u64> = ["allocstall_normal", "allocstall_movable", "allocstall_dma32"]
            .iter()
            .filter_map(|name| text::field(text, name))
            .collect();
        (!counts.is_empty()).then(|| counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count)))
    })?;
    let reserve = (facts.ram() / 1024.0 * 0.005).clamp(65_536.0, 1_048_576.0).round();
    Ok(rules::mild(facts, moved, &limits::STALL_WARN).to(reserve))
}
