//! `cpu.isolation_drift`: whether processors are kept for nobody.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.isolation_drift",
    class: Class::Cpu,
    needs: "/sys/devices/system/cpu/isolated, /proc/PID/status",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "isolated processors that nothing is pinned to are lost to the beacon",
    cost: Cost { from_ms: 10, to_ms: 500 },
    remedy: Remedy::Commands(
        "pin what they are kept for, or reboot without `isolcpus`",
        "remove `isolcpus` from the kernel's command line",
    ),
    apply: Apply::Reboot,
    source: "judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = "/sys/devices/system/cpu/isolated";
    let list = facts.text(path)?;
    let Some(isolated) = text::cpus(&list) else { return misunderstood(path) };
    if isolated.is_empty() {
        return Ok(Judged::new(Verdict::Ok, "none isolated, or the beacon on them", "none isolated"));
    }
    let status = facts.text(&format!("/proc/{}/status", facts.pid()?))?;
    let allowed =
        status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).and_then(text::cpus);
    let used = allowed.is_some_and(|allowed| allowed.iter().any(|cpu| isolated.contains(cpu)));
    let verdict = if used { Verdict::Ok } else { Verdict::Warn };
    Ok(Judged::new(
        verdict,
        "none isolated, or the beacon on them",
        format!("{} isolated, the beacon elsewhere", list.trim()),
    ))
}
