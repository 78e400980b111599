//! `mem.ecc`: errors of memory modules.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.ecc",
    class: Class::Memory,
    needs: "/sys/devices/system/edac/mc/mc*/{ce_count,ue_count}",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a module that corrects errors will soon not",
    cost: Cost { from_ms: 0, to_ms: 600_000 },
    remedy: Remedy::LookAt("which module: `edac-util -v`; replace it"),
    apply: Apply::Investigate,
    source: "kernel, EDAC",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let folder = "/sys/devices/system/edac/mc";
    let mut controllers = facts.names(folder)?;
    controllers.retain(|name| name.starts_with("mc"));
    disks::worst_of(&controllers, |controller| {
        let of = |name: &str| {
            facts.moved(&format!("{folder}/{controller}/{name}"), |text| text.trim().parse().ok())
        };
        let (lost, corrected) = (of("ue_count")?, of("ce_count")?);
        let verdict = match (lost.total, corrected.count) {
            (0, 0) => Verdict::Ok,
            (0, _) => Verdict::Warn,
            _ => Verdict::Bad,
        };
        Ok(Judged::new(verdict, "none", format!("{} lost, corrected {}", lost.total, corrected.words())))
    })
}
