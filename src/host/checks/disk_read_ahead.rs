//! `disk.read_ahead`: how much more is read than was asked for.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::{Lasting, Remedy};

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.read_ahead",
    class: Class::Storage,
    needs: "/sys/block/D/queue/read_ahead_kb",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Advice,
    why: "reads at random carry data nobody wants",
    cost: Cost { from_ms: 1, to_ms: 10 },
    remedy: Remedy::Write(
        "/sys/block/{on}/queue/read_ahead_kb",
        "128",
        Lasting::Udev("ACTION==\"add|change\", KERNEL==\"{on}\", ATTR{queue/read_ahead_kb}=\"128\""),
    ),
    apply: Apply::Safe,
    source: "judgement; tuned raises it for streams",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    disks::worst(facts, |disk| {
        let ahead = facts.number(&format!("/sys/block/{disk}/queue/read_ahead_kb"))?;
        let most = facts.limit(&limits::READ_AHEAD_ADVICE);
        let verdict = if ahead > most { Verdict::Advice } else { Verdict::Ok };
        Ok(Judged::new(verdict, format!("at most {most} KiB"), ahead.to_string()))
    })
}
