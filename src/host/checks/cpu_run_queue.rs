//! `cpu.run_queue`: how many tasks want to run, over the last minute.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.run_queue",
    class: Class::Cpu,
    needs: "/proc/loadavg",
    roles: Role::ALL,
    most: Most::Bad,
    why: "more tasks than processors: everyone waits for a turn",
    cost: Cost { from_ms: 10, to_ms: 500 },
    remedy: Remedy::LookAt("who runs: `top`, `ps -eo stat,pid,comm | grep '^[RD]'`"),
    apply: Apply::Investigate,
    source: "judgement, by the number of processors",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let load: procfs::LoadAverage = facts.parsed("/proc/loadavg")?;
    Ok(rules::measured(facts, f64::from(load.one), &limits::RUN_QUEUE_WARN, &limits::RUN_QUEUE_BAD))
}
