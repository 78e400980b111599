//! `net.softnet_squeeze`: how often the kernel stopped receiving because its time was up.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.softnet_squeeze",
    class: Class::Network,
    needs: "/proc/net/softnet_stat",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "packets wait for the next round; more budget takes time from programs",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Raise("net.core.netdev_budget", "600"),
    apply: Apply::Safe,
    source: "netdata softnet.conf; bpftune",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let moved = facts.moved("/proc/net/softnet_stat", |text| text::softnet(text, 2))?;
    Ok(rules::mild(facts, moved, &limits::SQUEEZE_WARN))
}
