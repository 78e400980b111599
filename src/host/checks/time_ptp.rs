//! `time.ptp`: whether a hardware clock that is disciplined disciplines the system's.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.ptp",
    class: Class::Time,
    needs: "/sys/class/ptp, /proc/*/comm",
    roles: Role::ALL,
    most: Most::Warn,
    why: "ptp4l disciplines the network card's clock only; beacons read the system's",
    cost: Cost { from_ms: 0, to_ms: 4000 },
    remedy: Remedy::LookAt("`phc2sys -a -r`, or `refclock PHC /dev/ptp0` in /etc/chrony/chrony.conf"),
    apply: Apply::Restart,
    source: "linuxptp: phc2sys(8)",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let clocks = facts.names("/sys/class/ptp")?;
    if clocks.is_empty() {
        return not_applicable("this machine has no hardware clock for PTP");
    }
    let running = clocks::running(facts)?;
    let runs = |name: &str| running.iter().any(|program| program == name);
    if !runs("ptp4l") {
        return not_applicable(format!("{} is there, and no ptp4l disciplines it", clocks.join(", ")));
    }
    let follower = ["phc2sys", "chronyd"].into_iter().find(|name| runs(name));
    let expected = "ptp4l, and phc2sys or chronyd";
    Ok(match follower {
        Some(name) => Judged::new(Verdict::Ok, expected, format!("ptp4l and {name}")),
        None => Judged::new(Verdict::Warn, expected, "ptp4l alone: the system's clock follows nobody"),
    })
}
