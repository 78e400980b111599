//! `cpu.cstates`: how deep processors sleep.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.cstates",
    class: Class::Cpu,
    needs: "/sys/devices/system/cpu/cpu0/cpuidle/state*/{latency,disable}",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Advice,
    why: "a core that sleeps deeply needs that long to begin; it is no cure for late duties",
    cost: Cost { from_ms: 0, to_ms: 1 },
    remedy: Remedy::Commands(
        "hold /dev/cpu_dma_latency open with 0 (cpupower idle-set -D 100)",
        "tuned: force_latency",
    ),
    apply: Apply::Transient,
    source: "tuned latency-performance",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let folder = "/sys/devices/system/cpu/cpu0/cpuidle";
    let mut deepest: f64 = 0.0;
    for state in facts.names(folder)?.iter().filter(|name| name.starts_with("state")) {
        let latency = facts.number(&format!("{folder}/{state}/latency"))?;
        if facts.number(&format!("{folder}/{state}/disable")).unwrap_or(0.0) < 0.5 {
            deepest = deepest.max(latency);
        }
    }
    let most = facts.limit(&limits::IDLE_EXIT_ADVICE);
    let verdict = if deepest > most { Verdict::Advice } else { Verdict::Ok };
    Ok(Judged::new(verdict, format!("at most {most} µs to wake up"), format!("{deepest} µs")))
}
