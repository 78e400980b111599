//! `net.tcp_buffer`: how large a connection's receive buffer may grow.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.tcp_buffer",
    class: Class::Network,
    needs: "/proc/sys/net/ipv4/tcp_rmem in the beacon's network namespace (CAP_SYS_ADMIN if it is another)",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Advice,
    why: "a window smaller than the path holds makes large messages wait for round trips",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Raise("net.ipv4.tcp_rmem", "4096 131072 {to}"),
    apply: Apply::Safe,
    source: "tuned network-throughput; Cloudflare 2022",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = "/proc/sys/net/ipv4/tcp_rmem";
    let limit = &limits::TCP_BUFFER_ADVICE;
    let judged = rules::at_least(facts, &facts.net_setting(path)?, path, limit, limit)?;
    let verdict = if judged.verdict == Verdict::Ok { Verdict::Ok } else { Verdict::Advice };
    Ok(Judged { verdict, ..judged })
}
