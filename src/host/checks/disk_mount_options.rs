//! `disk.mount_options`: options that make writes slow, or not durable.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.mount_options",
    class: Class::Storage,
    needs: "/proc/PID/mountinfo",
    roles: Role::ALL,
    most: Most::Warn,
    why: "without barriers a record of a signature may be gone after a power cut; with `sync` each write waits",
    cost: Cost { from_ms: 5, to_ms: 500 },
    remedy: Remedy::Commands("mount -o remount,barrier=1,noatime {on}", "take the option out of /etc/fstab"),
    apply: Apply::Transient,
    source: "redpanda rpk; kernel, ext4",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let mounts = disks::mounts(facts)?;
    disks::worst_of(&mounts, |mount| {
        let options = disks::options(facts, mount)?;
        let has = |names: &[&'static str]| {
            names.iter().find(|name| options.iter().any(|option| option == *name)).copied()
        };
        let (verdict, actual) = match (
            has(&["nobarrier", "barrier=0", "sync", "data=journal", "strictatime"]),
            has(&["discard"]),
        ) {
            (Some(option), _) => (Verdict::Warn, option),
            (None, Some(option)) => (Verdict::Advice, option),
            (None, None) => (Verdict::Ok, "nothing of that"),
        };
        Ok(Judged::new(verdict, "no nobarrier, sync, data=journal, strictatime, discard", actual))
    })
}
