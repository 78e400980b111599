//! `cpu.steal`: time the hypervisor gave to others.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.steal",
    class: Class::Cpu,
    needs: "/proc/stat",
    roles: Role::ALL,
    most: Most::Bad,
    why: "the beacon stands still while another machine runs on its processor",
    cost: Cost { from_ms: 10, to_ms: 1000 },
    remedy: Remedy::LookAt(
        "the hypervisor: too many virtual processors on one host, or burst credit used up; ask for dedicated ones, or move",
    ),
    apply: Apply::Investigate,
    source: "judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    if !facts.is_virtual() {
        return not_applicable("bare metal: there is no hypervisor to take time");
    }
    let of = |at: usize| {
        facts.moved("/proc/stat", |text| {
            let line = text::cpu_line(text, "cpu")?;
            if at == 7 {
                line.get(7).copied()
            } else {
                Some(line.iter().take(8).fold(0, |sum: u64, n| sum.saturating_add(*n)))
            }
        })
    };
    let share = of(7)?.count as f64 * 100.0 / of(0)?.count.max(1) as f64;
    Ok(rules::measured(facts, share, &limits::STEAL_WARN, &limits::STEAL_BAD))
}
