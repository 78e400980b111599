//! `net.tcp_retrans`: how much had to be sent again.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.tcp_retrans",
    class: Class::Network,
    needs: "/proc/PID/net/snmp",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "a lost segment is sent again after 200 ms or more",
    cost: Cost { from_ms: 200, to_ms: 1000 },
    remedy: Remedy::LookAt("the interface's errors, the switch, the path to peers"),
    apply: Apply::Investigate,
    source: "bpftune: 1.5 %",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = facts.net_table("snmp");
    let sent = facts.moved(&path, |text| text::named(text, "Tcp", "OutSegs"))?;
    let again = facts.moved(&path, |text| text::named(text, "Tcp", "RetransSegs"))?;
    let least = facts.limit(&limits::RETRANS_LEAST);
    if (sent.count as f64) < least {
        return not_applicable(format!("{} segments sent, {least} needed to judge", sent.count));
    }
    let share = again.count as f64 * 100.0 / sent.count as f64;
    Ok(rules::measured(facts, share, &limits::RETRANS_WARN, &limits::RETRANS_BAD))
}
