//! `net.nic_ring`: whether the receive ring of the interface is as long as it can be.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, Moved};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::{Lasting, Remedy};

/// See the module.
pub const CHECK: Check = Check {
    id: "net.nic_ring",
    class: Class::Network,
    needs: "ethtool's ring parameters (SIOCETHTOOL), /sys/class/net/IF/statistics/{rx_missed_errors,rx_fifo_errors}",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "the burst at the start of a slot overruns a short ring, and what is lost is sent again 200 ms later",
    cost: Cost { from_ms: 0, to_ms: 1000 },
    remedy: Remedy::Write(
        "/@ethtool/{on}",
        "{to}",
        Lasting::ByHand(
            "RxBufferSize={to} in the [Link] section of the interface's .link file, see systemd.link(5)",
        ),
    ),
    apply: Apply::Resets,
    source: "tuned, plugin_net; linux/ethtool.h",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let interface = facts.interface()?;
    let name = format!("{interface}/rx-ring");
    let (is, most) = facts.nic(&name)?;
    let of = |name: &str| {
        facts.moved(&format!("/sys/class/net/{interface}/statistics/{name}"), |text| text.trim().parse().ok())
    };
    let (missed, fifo) = (of("rx_missed_errors")?, of("rx_fifo_errors")?);
    let lost = Moved {
        count: missed.count.saturating_add(fifo.count),
        total: missed.total.saturating_add(fifo.total),
        ..missed
    };
    let verdict = if is >= most {
        Verdict::Ok
    } else if lost.per_minute() > facts.limit(&limits::RING_WARN) {
        Verdict::Warn
    } else {
        Verdict::Advice
    };
    let actual = format!("{is}; {} overrun", lost.words());
    Ok(Judged::new(verdict, most.to_string(), actual).on(name).to(most))
}
