//! `proc.nofile`: how many files and connections a process may have.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "proc.nofile",
    class: Class::Process,
    needs: "/proc/PID/limits, /proc/PID/fd (CAP_SYS_PTRACE)",
    roles: Role::ALL,
    most: Most::Bad,
    why: "at the limit, peers and validator clients are refused",
    cost: Cost { from_ms: 1000, to_ms: 12000 },
    remedy: Remedy::Commands(
        "prlimit --pid {pid} --nofile=1048576",
        "systemctl edit UNIT: LimitNOFILE=1048576",
    ),
    apply: Apply::Safe,
    source: "node-mixin; firedancer",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let pid = facts.pid()?;
    let path = format!("/proc/{pid}/limits");
    let text = facts.text(&path)?;
    let Some(soft) =
        text.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next())
    else {
        return misunderstood(&path);
    };
    if soft == "unlimited" {
        return Ok(Judged::new(Verdict::Ok, "enough", "no limit"));
    }
    let Some(soft) = text::number(soft) else { return misunderstood(&path) };
    let used = facts.names(&format!("/proc/{pid}/fd")).ok().map(|names| names.len());
    let share = used.map_or(0.0, |used| used as f64 * 100.0 / soft.max(1.0));
    let least = facts.limit(&limits::FILES_WARN);
    let verdict = match soft {
        _ if share > facts.limit(&limits::FILES_BAD) => Verdict::Bad,
        soft if soft < least => Verdict::Warn,
        _ => Verdict::Ok,
    };
    let used = used.map_or_else(|| "an unknown number".to_owned(), |used| used.to_string());
    Ok(Judged::new(verdict, format!("at least {least}, most of them free"), format!("{soft}; {used} used")))
}
