//! `cpu.clocksource`: what the kernel reads the time from.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.clocksource",
    class: Class::Cpu,
    needs: "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    roles: Role::ALL,
    most: Most::Warn,
    why: "with a slow source each look at the clock is a system call and a device access; it tells that the fast one was found unstable",
    cost: Cost { from_ms: 1, to_ms: 20 },
    remedy: Remedy::Commands(
        "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource (if it is available there)",
        "firmware update; `dmesg | grep -i tsc` says why it was given up",
    ),
    apply: Apply::Safe,
    source: "redpanda rpk, seastar perftune",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let source = facts.text("/sys/devices/system/clocksource/clocksource0/current_clocksource")?;
    let good: &[&str] = if facts.is_virtual() {
        &["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"]
    } else {
        &["tsc", "arch_sys_counter"]
    };
    Ok(rules::one_of(&source, good, Verdict::Warn))
}
