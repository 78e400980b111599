//! `net.tcp_rcv_collapse`: received data squeezed together because a program does not read.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.tcp_rcv_collapse",
    class: Class::Network,
    needs: "/proc/PID/net/netstat",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "the kernel stops to squeeze a connection's queue while packets wait",
    cost: Cost { from_ms: 10, to_ms: 100 },
    remedy: Remedy::Raise("net.ipv4.tcp_rmem", "4096 131072 16777216"),
    apply: Apply::Safe,
    source: "Cloudflare, optimizing TCP for high throughput and low latency",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let moved = facts.moved(&facts.net_table("netstat"), |text| {
        ["PruneCalled", "RcvPruned", "TCPRcvCollapsed"]
            .iter()
            .map(|name| text::named(text, "TcpExt", name))
            .sum()
    })?;
    Ok(rules::mild(facts, moved, &limits::COLLAPSE_WARN))
}
