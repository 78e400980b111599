//! `cpu.psi`: how much of the time somebody waits for a processor.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.psi",
    class: Class::Cpu,
    needs: "/proc/pressure/cpu",
    roles: Role::ALL,
    most: Most::Bad,
    why: "what waits may be the beacon, at the moment it should vote",
    cost: Cost { from_ms: 10, to_ms: 500 },
    remedy: Remedy::LookAt("who runs: `top`; give the beacon CPUWeight=1000, neighbours less"),
    apply: Apply::Investigate,
    source: "judgement; kernel, PSI",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let share = rules::pressure(facts, "cpu", "some")?;
    Ok(rules::measured(facts, share, &limits::CPU_PSI_WARN, &limits::CPU_PSI_BAD))
}
