//! `disk.raid`: arrays that lost a disk, or rebuild.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.raid",
    class: Class::Storage,
    needs: "/proc/mdstat",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a rebuild takes the disks' time; one more lost disk takes the data",
    cost: Cost { from_ms: 20, to_ms: 600_000 },
    remedy: Remedy::LookAt(
        "`mdadm --detail /dev/{on}`: replace the lost disk; limit the rebuild by dev.raid.speed_limit_max",
    ),
    apply: Apply::Investigate,
    source: "node-mixin",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let text = facts.text("/proc/mdstat")?;
    let arrays: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with("md"))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    if arrays.is_empty() {
        return not_applicable("this machine has no array");
    }
    disks::worst_of(&arrays, |array| {
        let own = text.lines().skip_while(|line| line.split_whitespace().next() != Some(array));
        let own: Vec<&str> = own
            .enumerate()
            .take_while(|(at, line)| *at == 0 || line.starts_with(' '))
            .map(|(_, line)| line)
            .collect();
        let lost = own.iter().any(|line| line.rsplit_once('[').is_some_and(|(_, state)| state.contains('_')));
        let busy = own.iter().any(|line| line.contains("resync") || line.contains("recovery"));
        let (verdict, actual) = match (lost, busy) {
            (true, _) => (Verdict::Bad, "degraded"),
            (false, true) => (Verdict::Warn, "rebuilds"),
            (false, false) => (Verdict::Ok, "whole"),
        };
        Ok(Judged::new(verdict, "whole", actual))
    })
}
