//! `disk.inodes`: how many more files a file system can hold.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.inodes",
    class: Class::Storage,
    needs: "statvfs of each file system on a disk",
    roles: Role::ALL,
    most: Most::Bad,
    why: "without inodes no file can be made, however much room there is",
    cost: Cost { from_ms: 0, to_ms: 600_000 },
    remedy: Remedy::LookAt("what fills {on}: `du --inodes -x {on} | sort -n | tail`"),
    apply: Apply::Investigate,
    source: "node-mixin",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let mounts = disks::mounts(facts)?;
    disks::worst_of(&mounts, |mount| {
        let space = disks::space(facts, mount)?;
        if space.files <= 0.0 {
            return not_applicable(format!("{mount} makes inodes as it needs them"));
        }
        Ok(disks::room(facts, space.free_files * 100.0 / space.files))
    })
}
