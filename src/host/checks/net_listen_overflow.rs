//! `net.listen_overflow`: connections refused because nobody accepted them in time.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.listen_overflow",
    class: Class::Network,
    needs: "/proc/PID/net/netstat",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a validator client's connect is sent again after 1 s, then 3 s",
    cost: Cost { from_ms: 1000, to_ms: 3000 },
    remedy: Remedy::Raise("net.core.somaxconn", "4096"),
    apply: Apply::Restart,
    source: "netdata tcp_listen.conf; the backlog is fixed when the program listens",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let moved =
        facts.moved(&facts.net_table("netstat"), |text| text::named(text, "TcpExt", "ListenOverflows"))?;
    Ok(rules::counter(facts, moved, &limits::LISTEN_WARN, &limits::LISTEN_BAD))
}
