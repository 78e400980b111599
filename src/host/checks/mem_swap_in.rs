//! `mem.swap_in`: memory that had to be read back from disk.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.swap_in",
    class: Class::Memory,
    needs: "/proc/vmstat, /proc/meminfo",
    roles: Role::ALL,
    most: Most::Bad,
    why: "the program stands still for each page, on the way to a vote",
    cost: Cost { from_ms: 50, to_ms: 2000 },
    remedy: Remedy::Sysctl("vm.swappiness", "1"),
    apply: Apply::Safe,
    source: "tuned; judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    if !rules::has_swap(facts)? {
        return not_applicable("this machine has no swap");
    }
    let moved = facts.moved("/proc/vmstat", |text| text::field(text, "pswpin"))?;
    if moved.since_boot {
        return Ok(rules::mild(facts, moved, &limits::SWAPIN_BAD));
    }
    Ok(rules::counter(facts, moved, &limits::SWAPIN_WARN, &limits::SWAPIN_BAD))
}
