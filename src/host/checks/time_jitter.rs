//! `time.jitter`: how much the measurements spread.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.jitter",
    class: Class::Time,
    needs: "chronyd's command port, ntpd-rs's observation socket, timesyncd on the system bus; any of them",
    roles: Role::ALL,
    most: Most::Bad,
    why: "the way to the time source is noisy or lopsided, and the clock follows the noise",
    cost: Cost { from_ms: 5, to_ms: 100 },
    remedy: Remedy::LookAt("nearer time sources; `minpoll 4 maxpoll 6` in /etc/chrony/chrony.conf"),
    apply: Apply::Restart,
    source: "judgement: 10 and 50 ms of 500",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    clocks::found(facts, ClockAspect::Jitter, "less than a fiftieth of the spec's disparity")
}
