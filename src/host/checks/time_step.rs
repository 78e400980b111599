//! `time.step`: whether the clock jumped while it was looked at.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.step",
    class: Class::Time,
    needs: "both clocks, twice",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a step within a slot skips duties or does them twice",
    cost: Cost { from_ms: 1, to_ms: 12000 },
    remedy: Remedy::LookAt(
        "`makestep 1.0 3` in /etc/chrony/chrony.conf: steps in the first three updates only",
    ),
    apply: Apply::Restart,
    source: "clock_gettime(2): only a step moves the wall clock against the monotonic one; 1 ms and a fifth of the disparity",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let expected = "no step";
    match clocks::glances(facts)? {
        (Some(before), Some(now)) if before != now => {}
        _ => return not_applicable("the clock was looked at once only"),
    }
    let verdict = clocks::verdict(facts)?;
    let step = verdict.about(ClockAspect::Steps).map(|finding| clocks::judged(finding, expected));
    Ok(step.unwrap_or_else(|| Judged::new(Verdict::Ok, expected, "no step between the two looks")))
}
