//! `cpu.thermal_throttle`: whether processors were slowed down for heat.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::{Facts, Moved};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "cpu.thermal_throttle",
    class: Class::Cpu,
    needs: "/sys/devices/system/cpu/cpu*/thermal_throttle/core_throttle_count",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a throttled processor imports blocks 30 to 60 % slower",
    cost: Cost { from_ms: 100, to_ms: 2000 },
    remedy: Remedy::LookAt("fans, dust, room temperature, power limits of the firmware"),
    apply: Apply::Investigate,
    source: "kernel: a counter",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    facts.bare_metal("the temperature of a processor")?;
    let folder = "/sys/devices/system/cpu";
    let mut cpus = facts.names(folder)?;
    cpus.retain(|name| name.strip_prefix("cpu").is_some_and(|rest| rest.parse::<u32>().is_ok()));
    disks::worst_of(&cpus, |cpu| {
        let path = format!("{folder}/{cpu}/thermal_throttle/core_throttle_count");
        let moved = facts.moved(&path, |text| text.trim().parse().ok())?;
        let verdict = match moved {
            Moved { count: 0, .. } => Verdict::Ok,
            Moved { since_boot: true, .. } => Verdict::Warn,
            _ => Verdict::Bad,
        };
        Ok(Judged::new(verdict, "never", moved.words()))
    })
}
