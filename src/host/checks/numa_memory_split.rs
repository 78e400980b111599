//! `numa.memory_split`: how a process's memory lies on nodes.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "numa.memory_split",
    class: Class::Process,
    needs: "/proc/PID/numa_maps (CAP_SYS_PTRACE), /sys/devices/system/node",
    roles: Role::ALL,
    most: Most::Warn,
    why: "memory of another node is read 1.5 to 2 times slower: blocks are imported 5 to 20 % slower",
    cost: Cost { from_ms: 5, to_ms: 100 },
    remedy: Remedy::Commands(
        "restart it under `numactl --preferred=NODE`",
        "systemctl edit UNIT: NUMAPolicy=preferred, NUMAMask=NODE",
    ),
    apply: Apply::Restart,
    source: "kernel; judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    rules::several_nodes(facts)?;
    let path = format!("/proc/{}/numa_maps", facts.pid()?);
    let nodes = text::numa_pages(&facts.text(&path)?);
    let all = nodes.values().fold(0_u64, |sum, kib| sum.saturating_add(*kib));
    let Some((node, most)) = nodes.iter().max_by_key(|(_, kib)| **kib).filter(|_| all > 0) else {
        return misunderstood(&path);
    };
    let share = *most as f64 * 100.0 / all as f64;
    let least = facts.limit(&limits::NUMA_WARN);
    let verdict = if share < least { Verdict::Warn } else { Verdict::Ok };
    Ok(Judged::new(
        verdict,
        format!("at least {least} % on one node"),
        format!("{share:.0} % on node {node}"),
    ))
}
