//! `time.sources`: whether there are time sources enough.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.sources",
    class: Class::Time,
    needs: "chronyd's command port, ntpd-rs's observation socket, timesyncd on the system bus; any of them",
    roles: Role::ALL,
    most: Most::Bad,
    why: "two cannot outvote a wrong one, and one is believed whatever it says",
    cost: Cost { from_ms: 0, to_ms: 4000 },
    remedy: Remedy::LookAt(
        "`pool 2.pool.ntp.org iburst maxsources 4` in /etc/chrony/chrony.conf, then restart chrony",
    ),
    apply: Apply::Restart,
    source: "chrony FAQ: how many sources",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    clocks::found(facts, ClockAspect::Sources, "three and more, none of them wrong")
}
