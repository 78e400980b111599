//! `net.link_flaps`: how often the link went and came back.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "net.link_flaps",
    class: Class::Network,
    needs: "/sys/class/net/IF/carrier_changes",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "each time, packets are lost for seconds and peers leave",
    cost: Cost { from_ms: 1000, to_ms: 12000 },
    remedy: Remedy::LookAt("cable, transceiver and switch port of {on}; `journalctl -k -g {on}`"),
    apply: Apply::Investigate,
    source: "judgement: 3 an hour",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let interface = facts.interface()?;
    let path = format!("/sys/class/net/{interface}/carrier_changes");
    let moved = facts.moved(&path, |text| text.trim().parse().ok())?;
    if moved.since_boot {
        let verdict = rules::rising(moved.per_minute(), facts.limit(&limits::FLAPS_BAD), f64::INFINITY);
        return Ok(Judged::new(verdict, "a link that stays", format!("{interface}: {}", moved.words()))
            .on(interface));
    }
    Ok(rules::counter(facts, moved, &limits::FLAPS_WARN, &limits::FLAPS_BAD).on(interface))
}
