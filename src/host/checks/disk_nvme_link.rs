//! `disk.nvme_link`: whether `NVMe` disks have all lanes at full speed.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.nvme_link",
    class: Class::Storage,
    needs: "/sys/class/nvme/D/device/{current,max}_link_{speed,width}",
    roles: Role::ALL,
    most: Most::Warn,
    why: "a badly seated disk has half of its bandwidth, or errors that are sent again",
    cost: Cost { from_ms: 1, to_ms: 50 },
    remedy: Remedy::LookAt("the slot of {on}: reseat the disk; `lspci -vv` for errors of the link"),
    apply: Apply::Investigate,
    source: "kernel; judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let folder = "/sys/class/nvme";
    disks::worst_of(&facts.names(folder)?, |disk| {
        let of = |name: &str| {
            facts.text(&format!("{folder}/{disk}/device/{name}")).map(|text| text.trim().to_owned())
        };
        let now = format!("{} x{}", of("current_link_speed")?, of("current_link_width")?);
        let most = format!("{} x{}", of("max_link_speed")?, of("max_link_width")?);
        let verdict = if now == most { Verdict::Ok } else { Verdict::Warn };
        Ok(Judged::new(verdict, most, now))
    })
}
