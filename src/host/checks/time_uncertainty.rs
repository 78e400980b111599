//! `time.uncertainty`: how far the offset may be off.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.uncertainty",
    class: Class::Time,
    needs: "chronyd's command port, ntpd-rs's observation socket, timesyncd on the system bus; any of them",
    roles: Role::ALL,
    most: Most::Bad,
    why: "the clock may be off by anything within",
    cost: Cost { from_ms: 50, to_ms: 500 },
    remedy: Remedy::LookAt(
        "nearer time sources, and more of them, in /etc/chrony/chrony.conf; `chronyc sources -v`",
    ),
    apply: Apply::Restart,
    source: "clock-bound: root delay / 2 + root dispersion; a fifth and half of the disparity",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    clocks::found(facts, ClockAspect::Uncertainty, "less than a fifth of the spec's disparity")
}
