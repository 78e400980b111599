//! `time.stale`: whether the time daemon still follows its references.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.stale",
    class: Class::Time,
    needs: "chronyd's command port, ntpd-rs's observation socket, timesyncd on the system bus; any of them",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a clock that runs free drifts by a second a day, and chronyd goes on saying that all is normal",
    cost: Cost { from_ms: 10, to_ms: 1000 },
    remedy: Remedy::LookAt("`chronyc sources`: is UDP port 123 open to them, do their names resolve?"),
    apply: Apply::Investigate,
    source: "clock-bound: eight update intervals; reach register of all sources",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    clocks::found(facts, ClockAspect::Following, "references heard within eight polls")
}
