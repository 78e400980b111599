//! `cpu.cgroup_throttle`: time a quota held a process back.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable, unknown};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::scope;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.cgroup_throttle",
    class: Class::Process,
    needs: "/proc/PID/cgroup, cpu.stat of the cgroup",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a quota freezes the program for up to 90 of each 100 ms, and no load shows it",
    cost: Cost { from_ms: 90, to_ms: 2000 },
    remedy: Remedy::Commands(
        "systemctl set-property --runtime UNIT CPUQuota= (a container: docker update --cpus 0 NAME)",
        "systemctl edit UNIT: no CPUQuota=",
    ),
    apply: Apply::Safe,
    source: "kernel, cgroup-v2",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = scope::cpu_stat(facts, facts.pid()?)?;
    let spent = facts.moved(&path, |text| {
        // The second version counts microseconds, the first nanoseconds.
        text::field(text, "throttled_usec")
            .or_else(|| text::field(text, "throttled_time").map(|ns| ns / 1000))
    });
    let Ok(spent) = spent else {
        facts.text(&path)?;
        return not_applicable(format!("{path} counts no throttling: no quota can be set there"));
    };
    if spent.seconds <= 0.0 {
        return unknown("/proc/uptime does not tell since when the cgroup counts");
    }
    let share = spent.count as f64 / (spent.seconds * 10_000.0);
    let judged = rules::measured(facts, share, &limits::CPU_THROTTLE_WARN, &limits::CPU_THROTTLE_BAD);
    let actual = format!("{share:.2} % of time, {} ms in all", spent.total / 1000);
    Ok(Judged { actual, ..judged })
}
