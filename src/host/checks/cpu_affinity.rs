//! `cpu.affinity`: which processors a process may run on.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.affinity",
    class: Class::Process,
    needs: "/proc/PID/status, /sys/devices/system/cpu/isolated",
    roles: Role::ALL,
    most: Most::Warn,
    why: "on an isolated set nothing balances threads: they pile up on one processor",
    cost: Cost { from_ms: 100, to_ms: 2000 },
    remedy: Remedy::Commands(
        "systemctl set-property --runtime UNIT AllowedCPUs=",
        "systemctl edit UNIT: no AllowedCPUs=, no CPUAffinity= below four processors",
    ),
    apply: Apply::Safe,
    source: "firedancer cpuset.c",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = format!("/proc/{}/status", facts.pid()?);
    let status = facts.text(&path)?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let Some(allowed) = list.and_then(text::cpus) else { return misunderstood(&path) };
    let isolated = facts.maybe("/sys/devices/system/cpu/isolated").and_then(|text| text::cpus(&text));
    let isolated = isolated.unwrap_or_default();
    let inside = !isolated.is_empty() && allowed.iter().all(|cpu| isolated.contains(cpu));
    let least = facts.limit(&limits::AFFINITY_WARN).min(facts.cores());
    let few = (allowed.len() as f64) < least;
    let verdict = if inside || few { Verdict::Warn } else { Verdict::Ok };
    let where_ = if inside { ", all isolated" } else { "" };
    Ok(Judged::new(
        verdict,
        format!("at least {least} processors, not isolated"),
        format!("{} processors{where_}", allowed.len()),
    ))
}
