//! `net.udp_socket_drops`: packets dropped at the sockets of the beacon's namespace, by port.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, Moved};
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.udp_socket_drops",
    class: Class::Network,
    needs: "/proc/PID/net/{udp,udp6}",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "discovery and QUIC packets are lost in front of this one program",
    cost: Cost { from_ms: 100, to_ms: 1000 },
    remedy: Remedy::Raise("net.core.rmem_default", "7500000"),
    apply: Apply::Restart,
    source: "kernel: the last column counts exactly",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let pid = facts.pid()?;
    let mut worst: Option<(u16, Moved)> = None;
    let mut read = 0;
    for name in ["udp", "udp6"] {
        let path = format!("/proc/{pid}/net/{name}");
        let text = match facts.text(&path) {
            Ok(text) => text,
            Err(Cannot::NotApplicable(_)) => continue,
            Err(cannot) => return Err(cannot),
        };
        read += 1;
        let before = text::udp_drops(&facts.text_before(&path)?);
        for (port, drops) in text::udp_drops(&text) {
            let was = before.iter().find(|(known, _)| *known == port).map(|(_, drops)| *drops);
            let moved = facts.between(was, drops);
            if worst.is_none_or(|(_, most)| moved.count > most.count) {
                worst = Some((port, moved));
            }
        }
    }
    if read == 0 {
        return not_applicable(format!("process {pid} has no UDP"));
    }
    let Some((port, moved)) = worst else {
        return not_applicable(format!("process {pid} has no UDP socket in its namespace"));
    };
    let judged = rules::counter(facts, moved, &limits::UDP_DROPS_WARN, &limits::UDP_DROPS_BAD);
    let actual = format!("port {port} in the namespace of process {pid}: {}", moved.words());
    Ok(Judged { actual, ..judged })
}
