//! `net.tcp_notsent_lowat`: how much of a connection's data waits in the kernel.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.tcp_notsent_lowat",
    class: Class::Network,
    needs: "/proc/sys/net/ipv4/tcp_notsent_lowat in the beacon's network namespace (CAP_SYS_ADMIN if it is another)",
    roles: &[Role::Beacon],
    most: Most::Advice,
    why: "old gossip that waits in the kernel goes out before the attestation",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Sysctl("net.ipv4.tcp_notsent_lowat", "{to}"),
    apply: Apply::Safe,
    source: "tuned network-throughput",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = "/proc/sys/net/ipv4/tcp_notsent_lowat";
    let text = facts.net_setting(path)?;
    let Some(value) = text::number(&text) else { return misunderstood(path) };
    let most = facts.limit(&limits::NOTSENT_LOWAT);
    let verdict = if value <= most { Verdict::Ok } else { Verdict::Advice };
    Ok(Judged::new(verdict, format!("at most {most} bytes"), text).to(most))
}
