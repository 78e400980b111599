//! `net.conntrack`: how full the table of tracked connections is.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.conntrack",
    class: Class::Network,
    needs: "/proc/sys/net/netfilter/nf_conntrack_{count,max}, /proc/net/stat/nf_conntrack",
    roles: Role::ALL,
    most: Most::Bad,
    why: "when it is full, new connections of peers are dropped without a word",
    cost: Cost { from_ms: 1000, to_ms: 12000 },
    remedy: Remedy::Raise("net.netfilter.nf_conntrack_max", "{to}"),
    apply: Apply::Safe,
    source: "node-mixin: 75 %",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let count = facts.number("/proc/sys/net/netfilter/nf_conntrack_count")?;
    let most = facts.number("/proc/sys/net/netfilter/nf_conntrack_max")?;
    let used = count * 100.0 / most.max(1.0);
    let full = rules::measured(facts, used, &limits::CONNTRACK_WARN, &limits::CONNTRACK_BAD);
    let dropped = facts
        .moved("/proc/net/stat/nf_conntrack", |text| text::stat_columns(text, &["drop", "early_drop"]))
        .ok()
        .filter(|moved| moved.count > 0 && !moved.since_boot);
    let actual = format!("{count} of {most}");
    let judged = match dropped {
        Some(moved) => {
            Judged::new(Verdict::Bad, "none dropped", format!("{actual}; dropped: {}", moved.words()))
        }
        None => Judged { actual, ..full },
    };
    Ok(judged.to(most * 2.0))
}
