//! `net.link_speed`: what the link agreed on with the switch.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable, unknown};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::source::Kind;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.link_speed",
    class: Class::Network,
    needs: "/sys/class/net/IF/{speed,duplex}",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "a link that fell back to 100 Mbit/s carries a slot's blobs in seconds",
    cost: Cost { from_ms: 100, to_ms: 3000 },
    remedy: Remedy::LookAt("cable and switch port of {on}; never force the speed on one side only"),
    apply: Apply::Investigate,
    source: "kernel; measured by the link itself",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let interface = facts.interface()?;
    facts.bare_metal("the speed of a link")?;
    if facts.read(Kind::Link, &format!("/sys/class/net/{interface}/device")).is_err() {
        return not_applicable(format!(
            "{interface} is no device of its own (a bridge, a tunnel, a container's)"
        ));
    }
    let speed = facts.number(&format!("/sys/class/net/{interface}/speed"))?;
    if speed <= 0.0 {
        return unknown(format!("{interface} does not tell its speed: its link is down"));
    }
    let duplex = facts.text(&format!("/sys/class/net/{interface}/duplex"))?;
    let least = facts.limit(&limits::LINK_SPEED_BAD);
    let good = speed >= least && duplex.trim() != "half";
    let verdict = if good { Verdict::Ok } else { Verdict::Bad };
    let actual = format!("{interface}: {speed} Mbit/s, {} duplex", duplex.trim());
    Ok(Judged::new(verdict, format!("at least {least} Mbit/s, full duplex"), actual).on(interface))
}
