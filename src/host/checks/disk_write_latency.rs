//! `disk.write_latency`: how long a disk takes to write.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.write_latency",
    class: Class::Storage,
    needs: "/proc/diskstats",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a database that waits for its log to be written imports the block late",
    cost: Cost { from_ms: 50, to_ms: 2000 },
    remedy: Remedy::LookAt(
        "who else writes to {on} (`iostat -x 1`, `iotop -o`); whether it throttles for heat; its class",
    ),
    apply: Apply::Investigate,
    source: "judgement for NVMe",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    disks::worst(facts, |disk| match disks::each(disks::work(facts, disk)?.writes) {
        Some(ms) => Ok(rules::measured(facts, ms, &limits::READ_WARN, &limits::READ_BAD)),
        None => not_applicable("nothing was written while it was looked at"),
    })
}
