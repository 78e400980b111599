//! `net.tcp_slow_start_after_idle`: whether an idle connection forgets how fast it may send.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.tcp_slow_start_after_idle",
    class: Class::Network,
    needs: "/proc/sys/net/ipv4/tcp_slow_start_after_idle in the beacon's network namespace (CAP_SYS_ADMIN if it is another)",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "gossip is a burst a slot on idle connections: each burst starts again at ten segments, and a block needs 3 to 7 more round trips",
    cost: Cost { from_ms: 20, to_ms: 160 },
    remedy: Remedy::Sysctl("net.ipv4.tcp_slow_start_after_idle", "0"),
    apply: Apply::Safe,
    source: "nim-libp2p#850; tuned network-throughput",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let text = facts.net_setting("/proc/sys/net/ipv4/tcp_slow_start_after_idle")?;
    Ok(rules::one_of(&text, &["0"], Verdict::Warn))
}
