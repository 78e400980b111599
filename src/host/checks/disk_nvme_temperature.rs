//! `disk.nvme_temperature`: how hot `NVMe` disks are.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.nvme_temperature",
    class: Class::Storage,
    needs: "/sys/class/nvme/D/hwmon*/temp1_input",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a hot disk slows itself down, in the middle of an epoch",
    cost: Cost { from_ms: 50, to_ms: 2000 },
    remedy: Remedy::LookAt("airflow and heat sink of {on}; `nvme smart-log /dev/{on}`"),
    apply: Apply::Investigate,
    source: "netdata nvme.conf; judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let folder = "/sys/class/nvme";
    disks::worst_of(&facts.names(folder)?, |disk| {
        let names = facts.names(&format!("{folder}/{disk}"))?;
        let Some(sensor) = names.iter().find(|name| name.starts_with("hwmon")) else {
            return not_applicable(format!("{disk} tells no temperature"));
        };
        let degrees = facts.number(&format!("{folder}/{disk}/{sensor}/temp1_input"))? / 1000.0;
        Ok(rules::measured(facts, degrees, &limits::NVME_TEMPERATURE_WARN, &limits::NVME_TEMPERATURE_BAD))
    })
}
