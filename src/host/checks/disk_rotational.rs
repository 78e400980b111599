//! `disk.rotational`: whether a disk has to seek.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.rotational",
    class: Class::Storage,
    needs: "/sys/block/D/queue/rotational",
    roles: Role::ALL,
    most: Most::Warn,
    why: "a seek is 10 ms: a chain's state cannot be read, nor signatures recorded, in time",
    cost: Cost { from_ms: 100, to_ms: 4000 },
    remedy: Remedy::LookAt("move what {on} holds for beacon, execution client or signer to NVMe"),
    apply: Apply::Investigate,
    source: "nimbus-eth2#5466",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    facts.bare_metal("what a disk is made of")?;
    disks::worst(facts, |disk| {
        let rotates = facts.number(&format!("/sys/block/{disk}/queue/rotational"))? > 0.5;
        let verdict = if rotates { Verdict::Warn } else { Verdict::Ok };
        Ok(Judged::new(verdict, "0: no moving parts", if rotates { "1" } else { "0" }))
    })
}
