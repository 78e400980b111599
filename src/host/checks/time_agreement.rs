//! `time.agreement`: whether those who measure the clock agree.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.agreement",
    class: Class::Time,
    needs: "chronyd's command port, ntpd-rs's observation socket, timesyncd on the system bus; any of them",
    roles: Role::ALL,
    most: Most::Bad,
    why: "one of them is wrong, and the clock may follow that one",
    cost: Cost { from_ms: 50, to_ms: 4000 },
    remedy: Remedy::LookAt("`chronyc sources -v` and the other one's state: remove the source that is wrong"),
    apply: Apply::Investigate,
    source: "RFC 5905, section 11.2.1 (Marzullo): no average of sources that disagree",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    clocks::found(facts, ClockAspect::Agreement, "all agree")
}
