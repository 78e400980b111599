//! `net.tcp_congestion_control`: how senders guess what the path can carry.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.tcp_congestion_control",
    class: Class::Network,
    needs: "/proc/sys/net/ipv4/tcp_congestion_control, tcp_available_congestion_control, /proc/net/snmp",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "control by loss halves the rate at each random loss; a lossy path carries blocks late",
    cost: Cost { from_ms: 10, to_ms: 100 },
    remedy: Remedy::Sysctl("net.ipv4.tcp_congestion_control", "bbr"),
    apply: Apply::Transient,
    source: "bpftune docs/tcp-conn: BBR above 1.5 % of loss",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let control = facts.net_setting("/proc/sys/net/ipv4/tcp_congestion_control")?;
    let control = control.trim().to_owned();
    let available = facts.net_setting("/proc/sys/net/ipv4/tcp_available_congestion_control")?;
    let has_bbr = available.split_whitespace().any(|word| word == "bbr");
    let snmp = facts.net_table("snmp");
    let sent = facts.moved(&snmp, |text| text::named(text, "Tcp", "OutSegs"))?;
    let again = facts.moved(&snmp, |text| text::named(text, "Tcp", "RetransSegs"))?;
    let enough = sent.count as f64 >= facts.limit(&limits::RETRANS_LEAST);
    let lost = if enough { again.count as f64 * 100.0 / sent.count as f64 } else { 0.0 };
    let lossy = lost >= facts.limit(&limits::RETRANS_WARN);
    let good = control == "bbr" || control == "cubic" && !(lossy && has_bbr);
    let verdict = if good { Verdict::Ok } else { Verdict::Warn };
    Ok(Judged::new(
        verdict,
        "bbr, or cubic on a path without loss",
        format!("{control}; {lost:.1} % sent again"),
    ))
}
