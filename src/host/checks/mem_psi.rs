//! `mem.psi`: how much of the time everybody waits for memory.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.psi",
    class: Class::Memory,
    needs: "/proc/pressure/memory",
    roles: Role::ALL,
    most: Most::Bad,
    why: "all programs wait while memory is freed",
    cost: Cost { from_ms: 50, to_ms: 2000 },
    remedy: Remedy::LookAt("who holds the memory: `ps aux --sort=-rss | head`"),
    apply: Apply::Investigate,
    source: "judgement; kernel, PSI",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let share = rules::pressure(facts, "memory", "full")?;
    Ok(rules::measured(facts, share, &limits::MEM_PSI_WARN, &limits::MEM_PSI_BAD))
}
