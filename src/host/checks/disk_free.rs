//! `disk.free`: room on file systems.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.free",
    class: Class::Storage,
    needs: "statvfs of each file system on a disk",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a full disk stops the database, and the client with it",
    cost: Cost { from_ms: 0, to_ms: 600_000 },
    remedy: Remedy::LookAt("what fills {on}: `du -xh {on} | sort -h | tail`; the client's prune command"),
    apply: Apply::Investigate,
    source: "node-mixin: 15 %, 5 %",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let mounts = disks::mounts(facts)?;
    disks::worst_of(&mounts, |mount| {
        let space = disks::space(facts, mount)?;
        if space.blocks <= 0.0 {
            return not_applicable(format!("{mount} tells no size"));
        }
        Ok(disks::room(facts, space.free * 100.0 / space.blocks))
    })
}
