//! `mem.max_map_count`: how many pieces of memory a program may map.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.max_map_count",
    class: Class::Memory,
    needs: "/proc/sys/vm/max_map_count",
    roles: &[Role::Beacon, Role::Execution],
    most: Most::Advice,
    why: "at the limit a database that maps files fails, and the client with it",
    cost: Cost { from_ms: 0, to_ms: 12000 },
    remedy: Remedy::Raise("vm.max_map_count", "{to}"),
    apply: Apply::Safe,
    source: "firedancer, solana",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let value = facts.number("/proc/sys/vm/max_map_count")?;
    let least = facts.limit(&limits::MAPS_ADVICE);
    let verdict = if value < least { Verdict::Advice } else { Verdict::Ok };
    Ok(Judged::new(verdict, format!("at least {least}"), value.to_string()).to(least))
}
