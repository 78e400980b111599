//! `time.kernel_unsync`: whether the kernel is told that the clock follows a reference.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.kernel_unsync",
    class: Class::Time,
    needs: "adjtimex",
    roles: Role::ALL,
    most: Most::Bad,
    why: "nobody watches over the clock",
    cost: Cost { from_ms: 10, to_ms: 1000 },
    remedy: Remedy::LookAt(
        "a time daemon; `rtcsync` in /etc/chrony/chrony.conf makes chronyd tell the kernel",
    ),
    apply: Apply::Restart,
    source: "adjtimex(2), STA_UNSYNC; chrony sys_timex.c: without rtcsync the flag is never cleared",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let verdict = clocks::verdict(facts)?;
    match verdict.about(ClockAspect::Kernel) {
        Some(finding) => Ok(clocks::judged(finding, "told, or a daemon that follows its references")),
        None => not_applicable("the kernel cannot be asked from here"),
    }
}
