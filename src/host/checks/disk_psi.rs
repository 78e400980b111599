//! `disk.psi`: how much of the time everybody waits for disks.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.psi",
    class: Class::Storage,
    needs: "/proc/pressure/io",
    roles: Role::ALL,
    most: Most::Bad,
    why: "all programs wait for the disk at once: a block's import among them",
    cost: Cost { from_ms: 50, to_ms: 2000 },
    remedy: Remedy::LookAt("who reads and writes: `iotop -o`; give neighbours IOWeight=10"),
    apply: Apply::Investigate,
    source: "judgement; kernel, PSI",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let share = rules::pressure(facts, "io", "full")?;
    Ok(rules::measured(facts, share, &limits::IO_PSI_WARN, &limits::IO_PSI_BAD))
}
