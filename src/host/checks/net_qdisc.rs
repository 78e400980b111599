//! `net.qdisc`: the queue of packets that interfaces get unless told otherwise.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.qdisc",
    class: Class::Network,
    needs: "/proc/sys/net/core/default_qdisc",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Advice,
    why: "one long queue makes an attestation wait behind a block's columns",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Sysctl("net.core.default_qdisc", "fq"),
    apply: Apply::Transient,
    source: "kernel 218af599fa63: BBR needs no fq; tuned",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let text = facts.text("/proc/sys/net/core/default_qdisc")?;
    Ok(rules::one_of(&text, &["fq", "fq_codel", "cake", "mq", "noqueue"], Verdict::Advice))
}
