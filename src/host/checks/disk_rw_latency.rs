//! `disk.rw_latency`: how long a disk takes to read and to write.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.rw_latency",
    class: Class::Storage,
    needs: "/proc/diskstats",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "executing a block reads state at random: hundreds of reads, one after the other",
    cost: Cost { from_ms: 50, to_ms: 2000 },
    remedy: Remedy::LookAt(
        "who else uses {on} (`iostat -x 1`, `iotop -o`); whether it throttles for heat; its class",
    ),
    apply: Apply::Investigate,
    source: "judgement for NVMe; SATA is three times slower",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    disks::worst(facts, |disk| {
        let work = disks::work(facts, disk)?;
        match disks::each(work.reads) {
            Some(ms) => Ok(rules::measured(facts, ms, &limits::READ_WARN, &limits::READ_BAD)),
            None => not_applicable("nothing was read while it was looked at"),
        }
    })
}
