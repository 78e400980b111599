//! `proc.sched`: whether a process was told to stand back.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "proc.sched",
    class: Class::Process,
    needs: "/proc/PID/stat",
    roles: Role::ALL,
    most: Most::Warn,
    why: "what was made nice waits for every other program",
    cost: Cost { from_ms: 10, to_ms: 500 },
    remedy: Remedy::Commands(
        "renice -n 0 -p {pid}; chrt --other -p 0 {pid}",
        "systemctl edit UNIT: Nice=0, CPUSchedulingPolicy=other",
    ),
    apply: Apply::Safe,
    source: "judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = format!("/proc/{}/stat", facts.pid()?);
    let text = facts.text(&path)?;
    let of = |field: usize| text::stat(&text, field).map_or_else(|| misunderstood(&path), Ok);
    let (nice, policy) = (of(19)?, of(41)?);
    let batch = policy == 3 || policy == 5;
    let verdict = if nice > 0 || batch { Verdict::Warn } else { Verdict::Ok };
    let policy = if batch { ", batch or idle policy" } else { "" };
    Ok(Judged::new(verdict, "at most 0, usual policy", format!("nice {nice}{policy}")))
}
