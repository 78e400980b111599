//! `net.nic_errors`: packets the interface itself lost.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, Moved};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.nic_errors",
    class: Class::Network,
    needs: "/sys/class/net/IF/statistics/{rx_crc_errors,rx_fifo_errors,rx_missed_errors,rx_packets}",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "a bad cable, a worn transceiver or a full ring loses packets of every peer",
    cost: Cost { from_ms: 200, to_ms: 1000 },
    remedy: Remedy::LookAt(
        "cable, transceiver and switch port; `ethtool -S {on}`; the receive ring (`ethtool -g {on}`)",
    ),
    apply: Apply::Investigate,
    source: "netdata net.conf; node-mixin: 1 %",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let interface = facts.interface()?;
    let of = |name: &str| {
        facts.moved(&format!("/sys/class/net/{interface}/statistics/{name}"), |text| text.trim().parse().ok())
    };
    let packets = of("rx_packets")?;
    let (mut lost, mut total) = (0_u64, 0_u64);
    for name in ["rx_crc_errors", "rx_fifo_errors", "rx_missed_errors"] {
        let moved = of(name)?;
        lost = lost.saturating_add(moved.count);
        total = total.saturating_add(moved.total);
    }
    let lost = Moved { count: lost, total, ..packets };
    let share = lost.count as f64 * 100.0 / (packets.count.saturating_add(lost.count).max(1)) as f64;
    let bad = share >= facts.limit(&limits::NIC_ERRORS_BAD);
    let judged = rules::mild(facts, lost, &limits::NIC_ERRORS_WARN);
    let verdict = if bad { Verdict::Bad } else { judged.verdict.clone() };
    let actual = format!("{interface}: {} ({share:.2} % of packets)", lost.words());
    Ok(Judged { verdict, actual, ..judged }.on(interface))
}
