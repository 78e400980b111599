//! `disk.nvme_apst`: whether `NVMe` disks may doze.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::remedy::{Lasting, Remedy};

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.nvme_apst",
    class: Class::Storage,
    needs: "/sys/module/nvme_core/parameters/default_ps_max_latency_us",
    roles: Role::ALL,
    most: Most::Advice,
    why: "a disk that dozes between slots may need 100 ms to wake up",
    cost: Cost { from_ms: 1, to_ms: 100 },
    remedy: Remedy::Write(
        "/sys/class/nvme/nvme*/power/pm_qos_latency_tolerance_us",
        "0",
        Lasting::ByHand(
            "kernel command line, by the distribution's own tool: nvme_core.default_ps_max_latency_us=0",
        ),
    ),
    apply: Apply::Safe,
    source: "kernel c5552fde, 9947d6a0",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let folder = "/sys/class/nvme";
    if facts.names(folder)?.is_empty() {
        return not_applicable("this machine has no NVMe");
    }
    let value = facts.number("/sys/module/nvme_core/parameters/default_ps_max_latency_us")?;
    let verdict = if value > 0.0 { Verdict::Advice } else { Verdict::Ok };
    Ok(Judged::new(verdict, "0", format!("{value} µs")))
}
