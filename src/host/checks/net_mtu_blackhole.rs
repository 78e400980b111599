//! `net.mtu_blackhole`: whether a path that swallows large packets is noticed.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.mtu_blackhole",
    class: Class::Network,
    needs: "/proc/sys/net/ipv4/tcp_mtu_probing in the beacon's network namespace, /sys/class/net/IF/mtu",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "on a tunnel or with large frames, blocks stall while small messages pass",
    cost: Cost { from_ms: 200, to_ms: 4000 },
    remedy: Remedy::Sysctl("net.ipv4.tcp_mtu_probing", "1"),
    apply: Apply::Safe,
    source: "kernel, ip-sysctl",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let probing = facts.net_setting("/proc/sys/net/ipv4/tcp_mtu_probing")?;
    let interface = facts.interface()?;
    let mtu = facts.number(&format!("/sys/class/net/{interface}/mtu"))?;
    let usual = (mtu - 1500.0).abs() < 0.5;
    let verdict = if usual || probing.trim() != "0" { Verdict::Ok } else { Verdict::Warn };
    let actual = format!("{}; {interface} has an MTU of {mtu}", probing.trim());
    Ok(Judged::new(verdict, "1 or 2, where the MTU is not 1500", actual).on(interface))
}
