//! `net.udp_rcvbuf_errors`: packets dropped because a program did not read them in time, of the whole namespace.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.udp_rcvbuf_errors",
    class: Class::Network,
    needs: "/proc/PID/net/snmp",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "discovery and QUIC lose packets in front of the program and send them again",
    cost: Cost { from_ms: 100, to_ms: 1000 },
    remedy: Remedy::Raise("net.core.rmem_default", "7500000"),
    apply: Apply::Restart,
    source: "netdata udp_errors.conf",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let moved = facts.moved(&facts.net_table("snmp"), |text| text::named(text, "Udp", "RcvbufErrors"))?;
    Ok(rules::counter(facts, moved, &limits::UDP_ERRORS_WARN, &limits::UDP_ERRORS_BAD))
}
