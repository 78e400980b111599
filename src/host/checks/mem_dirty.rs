//! `mem.dirty`: how much written data may wait in memory.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.dirty",
    class: Class::Memory,
    needs: "/proc/sys/vm/{dirty_background_bytes,dirty_background_ratio}, /proc/meminfo",
    roles: Role::ALL,
    most: Most::Advice,
    why: "gigabytes that are written out at once stand in front of a flush",
    cost: Cost { from_ms: 1, to_ms: 100 },
    remedy: Remedy::Commands(
        "sysctl -w vm.dirty_background_bytes=268435456 vm.dirty_bytes=1073741824",
        "the same two lines in /etc/sysctl.d/90-beacondeck.conf",
    ),
    apply: Apply::Safe,
    source: "tuned latency-performance; judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let bytes = facts.number("/proc/sys/vm/dirty_background_bytes")?;
    let ratio = facts.number("/proc/sys/vm/dirty_background_ratio")?;
    let held = if bytes > 0.0 { bytes } else { facts.ram() * ratio / 100.0 };
    let most = facts.limit(&limits::DIRTY_WARN);
    let verdict = if held > most { Verdict::Advice } else { Verdict::Ok };
    let mib = |bytes: f64| format!("{:.0} MiB", bytes / 1_048_576.0);
    Ok(Judged::new(verdict, format!("at most {}", mib(most)), mib(held)))
}
