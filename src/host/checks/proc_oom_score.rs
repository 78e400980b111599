//! `proc.oom_score`: whom the kernel kills first when memory is short.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "proc.oom_score",
    class: Class::Process,
    needs: "/proc/PID/oom_score_adj",
    roles: Role::ALL,
    most: Most::Warn,
    why: "it is killed before others are",
    cost: Cost { from_ms: 12000, to_ms: 600_000 },
    remedy: Remedy::Commands("choom -p {pid} -n -900", "systemctl edit UNIT: OOMScoreAdjust=-900"),
    apply: Apply::Safe,
    source: "kernel; systemd.exec",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let value = facts.number(&format!("/proc/{}/oom_score_adj", facts.pid()?))?;
    let verdict = match value {
        _ if value > 0.0 => Verdict::Warn,
        _ if value > -1.0 => Verdict::Advice,
        _ => Verdict::Ok,
    };
    Ok(Judged::new(verdict, "below 0", value.to_string()))
}
