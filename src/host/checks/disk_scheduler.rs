//! `disk.scheduler`: how requests to a disk are put in order.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::{Lasting, Remedy};
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.scheduler",
    class: Class::Storage,
    needs: "/sys/block/D/queue/{scheduler,rotational}",
    roles: Role::ALL,
    most: Most::Warn,
    why: "sorting requests costs locks on a disk that needs no order; bfq holds one program's back for another",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Write(
        "/sys/block/{on}/queue/scheduler",
        "none",
        Lasting::Udev("ACTION==\"add|change\", KERNEL==\"{on}\", ATTR{queue/scheduler}=\"none\""),
    ),
    apply: Apply::Safe,
    source: "redpanda rpk, seastar perftune",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    disks::worst(facts, |disk| {
        let path = format!("/sys/block/{disk}/queue/scheduler");
        let text = facts.text(&path)?;
        let Some(scheduler) = text::chosen(&text).or_else(|| (text.trim() == "none").then_some("none"))
        else {
            return misunderstood(&path);
        };
        let verdict = match scheduler {
            "none" => Verdict::Ok,
            "bfq" => Verdict::Warn,
            _ if disk.starts_with("nvme") => Verdict::Advice,
            _ => Verdict::Ok,
        };
        Ok(Judged::new(verdict, "none on NVMe, anything but bfq elsewhere", scheduler))
    })
}
