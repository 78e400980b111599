//! `disk.saturation`: how many requests wait at a disk.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, unknown};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.saturation",
    class: Class::Storage,
    needs: "/proc/diskstats",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Bad,
    why: "pruning, snapshots and neighbours fill the queue that a block's reads stand in",
    cost: Cost { from_ms: 50, to_ms: 2000 },
    remedy: Remedy::Commands(
        "systemctl set-property --runtime UNIT IOWeight=10 (of whom writes so much to {on})",
        "systemctl edit UNIT: IOWeight=10",
    ),
    apply: Apply::Safe,
    source: "node-mixin: 10 in flight",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let seconds = facts.seconds();
    if seconds <= 0.0 {
        return unknown("/proc/uptime does not tell since when the disks count");
    }
    disks::worst(facts, |disk| {
        let waiting = disks::work(facts, disk)?.weighted as f64 / (seconds * 1000.0);
        Ok(rules::measured(facts, waiting, &limits::QUEUE_WARN, &limits::QUEUE_BAD))
    })
}
