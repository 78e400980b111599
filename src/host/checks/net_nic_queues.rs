//! `net.nic_queues`: whether a fast interface receives by one queue only, though it has more.

use super::net_softirq_skew::share;
use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::limits;
use crate::host::remedy::{Lasting, Remedy};

/// See the module.
pub const CHECK: Check = Check {
    id: "net.nic_queues",
    class: Class::Network,
    needs: "ethtool's channels (SIOCETHTOOL), /proc/softirqs, /sys/class/net/IF/speed",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Warn,
    why: "one processor receives for all, and the beacon's threads on it wait meanwhile",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Write(
        "/@ethtool/{on}",
        "{to}",
        Lasting::ByHand(
            "CombinedChannels={to} (or RxChannels={to}) in the [Link] section of the interface's .link file, see systemd.link(5)",
        ),
    ),
    apply: Apply::Resets,
    source: "seastar, perftune.py; linux/ethtool.h",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let interface = facts.interface()?;
    let combined = format!("{interface}/combined-channels");
    let (name, (is, most)) = match facts.nic(&combined) {
        Ok(channels) => (combined, channels),
        Err(Cannot::NotApplicable(_)) => {
            let name = format!("{interface}/rx-channels");
            let channels = facts.nic(&name)?;
            (name, channels)
        }
        Err(unknown) => return Err(unknown),
    };
    let (at, of_all) = share(facts)?;
    // All is read before a limit decides: a record is judged again by other limits.
    let (cores, least) = (facts.cores(), facts.limit(&limits::QUEUES_CORES));
    if cores < least {
        return not_applicable(format!("there are fewer than {least} processors"));
    }
    if most < 2 {
        return not_applicable(format!("{interface} has one queue only"));
    }
    let wanted = most.min(cores as u64);
    let fast = facts.link_mbit().is_some_and(|mbit| mbit >= facts.limit(&limits::QUEUES_SPEED));
    let verdict = match is {
        2.. => Verdict::Ok,
        _ if fast && of_all > facts.limit(&limits::SOFTIRQ_SHARE) => Verdict::Warn,
        _ => Verdict::Advice,
    };
    let actual = format!("{is} of {most} queues; processor {at} receives {of_all:.0} %");
    Ok(Judged::new(verdict, "at least 2 queues", actual).on(name).to(wanted))
}
