//! `net.wmem_max`: how much a socket may hold that was not sent yet.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.wmem_max",
    class: Class::Network,
    needs: "/proc/sys/net/core/wmem_max",
    roles: &[Role::Beacon],
    most: Most::Warn,
    why: "QUIC asks for 7 MB and is given less: a burst waits in the beacon",
    cost: Cost { from_ms: 10, to_ms: 100 },
    remedy: Remedy::Raise("net.core.wmem_max", "{to}"),
    apply: Apply::Restart,
    source: "quic-go wiki, UDP-Buffer-Sizes",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = "/proc/sys/net/core/wmem_max";
    let limit = &limits::SOCKET_BUFFER_WARN;
    rules::at_least(facts, &facts.text(path)?, path, limit, limit)
}
