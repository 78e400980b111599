//! `time.offset`: how far the clock is off.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.offset",
    class: Class::Time,
    needs: "chronyd's command port, ntpd-rs's observation socket, timesyncd on the system bus; any of them",
    roles: Role::ALL,
    most: Most::Bad,
    why: "votes of a clock that is ahead come before the block, of one behind too late, and honest blocks look as if from the future",
    cost: Cost { from_ms: 50, to_ms: 4000 },
    remedy: Remedy::Commands(
        "chronyc makestep   # steps the clock: only between duties",
        "see to it that the time sources in /etc/chrony/chrony.conf are right and near",
    ),
    apply: Apply::Transient,
    source: "consensus spec, MAXIMUM_GOSSIP_CLOCK_DISPARITY: warn at a tenth, bad at half",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    clocks::found(facts, ClockAspect::Offset, "less than a tenth of the spec's disparity")
}
