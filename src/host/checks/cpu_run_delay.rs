//! `cpu.run_delay`: how much of the time it could run a process waits for a processor.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.run_delay",
    class: Class::Process,
    needs: "/proc/PID/task/*/schedstat",
    roles: Role::ALL,
    most: Most::Bad,
    why: "measured for this process alone: each wait delays what it was about to do",
    cost: Cost { from_ms: 10, to_ms: 500 },
    remedy: Remedy::Commands(
        "systemctl set-property --runtime UNIT CPUWeight=1000",
        "systemctl edit UNIT: CPUWeight=1000; fewer neighbours",
    ),
    apply: Apply::Safe,
    source: "measured; judgement",
    judge,
};

/// Most threads that are looked at.
const THREADS: usize = 1024;

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let folder = format!("/proc/{}/task", facts.pid()?);
    let (mut ran, mut waited) = (0_u64, 0_u64);
    for thread in facts.names(&folder)?.iter().take(THREADS) {
        let path = format!("{folder}/{thread}/schedstat");
        let of = |at: usize| facts.moved(&path, |text| text.split_whitespace().nth(at)?.parse().ok());
        match (of(0), of(1)) {
            (Ok(run), Ok(wait)) => {
                ran = ran.saturating_add(run.count);
                waited = waited.saturating_add(wait.count);
            }
            // A thread may end between the two looks.
            (Err(Cannot::NotApplicable(_)), _) => {}
            (Err(cannot), _) | (_, Err(cannot)) => return Err(cannot),
        }
    }
    let wanted = ran.saturating_add(waited);
    if wanted == 0 {
        return not_applicable("it did not want to run while it was looked at");
    }
    let share = waited as f64 * 100.0 / wanted as f64;
    Ok(rules::measured(facts, share, &limits::RUN_DELAY_WARN, &limits::RUN_DELAY_BAD))
}
