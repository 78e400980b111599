//! `numa.zone_reclaim`: whether memory of the own node is freed before that of others is used.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "numa.zone_reclaim",
    class: Class::Memory,
    needs: "/proc/sys/vm/zone_reclaim_mode, /sys/devices/system/node",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "the program waits for memory to be freed while another node has some",
    cost: Cost { from_ms: 10, to_ms: 100 },
    remedy: Remedy::Sysctl("vm.zone_reclaim_mode", "0"),
    apply: Apply::Safe,
    source: "kernel, sysctl/vm",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    rules::several_nodes(facts)?;
    let text = facts.text("/proc/sys/vm/zone_reclaim_mode")?;
    Ok(rules::one_of(&text, &["0"], Verdict::Warn))
}
