//! `numa.balancing`: whether the kernel moves memory between nodes by itself.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "numa.balancing",
    class: Class::Memory,
    needs: "/proc/sys/kernel/numa_balancing, /sys/devices/system/node",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Advice,
    why: "to find out who uses a page, it is made to fault",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Sysctl("kernel.numa_balancing", "0"),
    apply: Apply::Safe,
    source: "tuned network-latency; firedancer",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    rules::several_nodes(facts)?;
    let text = facts.text("/proc/sys/kernel/numa_balancing")?;
    Ok(rules::one_of(&text, &["0"], Verdict::Advice))
}
