//! `disk.flush_latency`: how long a disk takes to make written data durable.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.flush_latency",
    class: Class::Storage,
    needs: "/proc/diskstats, kernel 5.5",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a signature is given out after its record is durable: each flush stands in front of one",
    cost: Cost { from_ms: 10, to_ms: 500 },
    remedy: Remedy::LookAt(
        "who else writes to {on} (`iostat -x 1`); whether it has power-loss protection; move the signing database to a disk that has",
    ),
    apply: Apply::Investigate,
    source: "etcd: 10 ms; OpenShift: 20 ms",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    disks::worst(facts, |disk| {
        let work = disks::work(facts, disk)?;
        let Some(flushes) = work.flushes else {
            return not_applicable("this kernel does not count flushes");
        };
        match disks::each(flushes) {
            Some(ms) => Ok(rules::measured(facts, ms, &limits::FLUSH_WARN, &limits::FLUSH_BAD)),
            None => not_applicable("nothing was flushed while it was looked at"),
        }
    })
}
