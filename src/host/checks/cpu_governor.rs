//! `cpu.governor`: whether processors may be at full speed at once.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::remedy::{Lasting, Remedy};

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.governor",
    class: Class::Cpu,
    needs: "/sys/devices/system/cpu/cpufreq/policy*/{scaling_driver,scaling_governor,energy_performance_preference}",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "the first milliseconds of a burst are computed at a low clock",
    cost: Cost { from_ms: 1, to_ms: 20 },
    remedy: Remedy::Write(
        "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
        "performance",
        Lasting::Tmpfiles,
    ),
    apply: Apply::Safe,
    source: "tuned latency-performance; redpanda rpk",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let folder = "/sys/devices/system/cpu/cpufreq";
    let mut policies = facts.names(folder)?;
    policies.retain(|name| name.starts_with("policy"));
    if policies.is_empty() {
        return not_applicable("the machine does not let Linux choose the clock");
    }
    disks::worst_of(&policies, |policy| {
        let of = |name: &str| facts.text(&format!("{folder}/{policy}/{name}"));
        let (governor, driver) = (of("scaling_governor")?, of("scaling_driver").unwrap_or_default());
        let preference = of("energy_performance_preference").unwrap_or_default();
        let active = ["intel_pstate", "amd-pstate-epp"].contains(&driver.trim());
        let verdict = match governor.trim() {
            "performance" => Verdict::Ok,
            "powersave" if active && preference.trim() == "performance" => Verdict::Ok,
            "powersave" if active => Verdict::Advice,
            "powersave" | "conservative" => Verdict::Warn,
            _ => Verdict::Advice,
        };
        Ok(Judged::new(verdict, "performance", format!("{} {}", governor.trim(), preference.trim()).trim()))
    })
}
