//! `net.somaxconn`: how many connections may wait to be accepted.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.somaxconn",
    class: Class::Network,
    needs: "/proc/sys/net/core/somaxconn in the beacon's network namespace (CAP_SYS_ADMIN if it is another)",
    roles: Role::ALL,
    most: Most::Warn,
    why: "a burst of validator clients at the slot's start is refused and comes back after 1 s",
    cost: Cost { from_ms: 1000, to_ms: 3000 },
    remedy: Remedy::Raise("net.core.somaxconn", "{to}"),
    apply: Apply::Restart,
    source: "redpanda rpk, perftune: 4096",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = "/proc/sys/net/core/somaxconn";
    rules::at_least(
        facts,
        &facts.net_setting(path)?,
        path,
        &limits::SOMAXCONN_ADVICE,
        &limits::SOMAXCONN_WARN,
    )
}
