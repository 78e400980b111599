//! `net.syn_backlog`: how many connections may be half open.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.syn_backlog",
    class: Class::Network,
    needs: "/proc/sys/net/ipv4/tcp_max_syn_backlog in the beacon's network namespace (CAP_SYS_ADMIN if it is another)",
    roles: Role::ALL,
    most: Most::Warn,
    why: "peers and validator clients that connect in a burst come back after 1 s",
    cost: Cost { from_ms: 1000, to_ms: 3000 },
    remedy: Remedy::Raise("net.ipv4.tcp_max_syn_backlog", "{to}"),
    apply: Apply::Safe,
    source: "redpanda rpk, perftune: 4096",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = "/proc/sys/net/ipv4/tcp_max_syn_backlog";
    rules::at_least(
        facts,
        &facts.net_setting(path)?,
        path,
        &limits::SYN_BACKLOG_ADVICE,
        &limits::SYN_BACKLOG_WARN,
    )
}
