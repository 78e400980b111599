//! `net.qdisc`: what packets of the interface wait in, and whether it drops them.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;

/// Disciplines that hold packets back by design.
const SHAPERS: &[&str] = &["tbf", "htb", "hfsc", "netem"];

/// See the module.
pub const CHECK: Check = Check {
    id: "net.qdisc",
    class: Class::Network,
    needs: "the interface's queueing disciplines (netlink, RTM_GETQDISC)",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "a shaper that was left behind, or one long queue, makes an attestation wait behind a block's columns",
    cost: Cost { from_ms: 10, to_ms: 1000 },
    remedy: Remedy::Commands(
        "tc -s qdisc show dev {on}; if nobody needs what is there: tc qdisc replace dev {on} root fq_codel",
        "net.core.default_qdisc = fq in a file of /etc/sysctl.d; take out whatever sets another (`tc` in network scripts)",
    ),
    apply: Apply::Transient,
    source: "kernel 218af599fa63: BBR needs no fq; tuned; tc(8)",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let interface = facts.interface()?;
    let (kind, moved) = facts.qdisc(&interface)?;
    let drops = moved.per_minute() > facts.limit(&limits::QDISC_DROPS);
    let verdict = match kind.as_str() {
        shaper if SHAPERS.contains(&shaper) && drops => Verdict::Bad,
        _ if drops => Verdict::Warn,
        shaper if SHAPERS.contains(&shaper) => Verdict::Advice,
        "pfifo_fast" => Verdict::Advice,
        _ => Verdict::Ok,
    };
    let actual = format!("{kind}; {} dropped", moved.words());
    Ok(Judged::new(verdict, "no shaper, no drops", actual).on(interface))
}
