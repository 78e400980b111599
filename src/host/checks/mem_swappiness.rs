//! `mem.swappiness`: how readily memory is put on disk.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.swappiness",
    class: Class::Memory,
    needs: "/proc/sys/vm/swappiness, /proc/meminfo",
    roles: Role::ALL,
    most: Most::Advice,
    why: "pages of a database that rests between slots are put away, and read back when it should vote",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Sysctl("vm.swappiness", "{to}"),
    apply: Apply::Safe,
    source: "tuned latency-performance: 10",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    if !rules::has_swap(facts)? {
        return not_applicable("this machine has no swap");
    }
    let value = facts.number("/proc/sys/vm/swappiness")?;
    let most = facts.limit(&limits::SWAPPINESS_ADVICE);
    let verdict = if value > most { Verdict::Advice } else { Verdict::Ok };
    Ok(Judged::new(verdict, format!("at most {most}"), value.to_string()).to(most))
}
