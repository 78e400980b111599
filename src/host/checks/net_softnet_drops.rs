//! `net.softnet_drops`: packets dropped before any socket saw them.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.softnet_drops",
    class: Class::Network,
    needs: "/proc/net/softnet_stat",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "a processor's queue of received packets was full: gossip is lost and asked for again",
    cost: Cost { from_ms: 100, to_ms: 1000 },
    remedy: Remedy::Raise("net.core.netdev_max_backlog", "{to}"),
    apply: Apply::Safe,
    source: "netdata softnet.conf; bpftune net-buffer",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let moved = facts.moved("/proc/net/softnet_stat", |text| text::softnet(text, 1))?;
    let backlog = facts.limit(&limits::BACKLOG_PER_GBIT).clamp(1000.0, 16_384.0);
    Ok(rules::counter(facts, moved, &limits::SOFTNET_WARN, &limits::SOFTNET_BAD).to(backlog))
}
