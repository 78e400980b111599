//! `mem.available`: memory that programs can still get.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::facts::{Facts, misunderstood};
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::text;

/// See the module.
pub const CHECK: Check = Check {
    id: "mem.available",
    class: Class::Memory,
    needs: "/proc/meminfo",
    roles: Role::ALL,
    most: Most::Bad,
    why: "below it, each allocation waits for memory to be freed, and then programs are killed",
    cost: Cost { from_ms: 10, to_ms: 12000 },
    remedy: Remedy::LookAt(
        "who holds it: `ps aux --sort=-rss | head`; cache settings of beacon and execution client",
    ),
    apply: Apply::Investigate,
    source: "node-mixin: 90 % used",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let path = "/proc/meminfo";
    let text = facts.text(path)?;
    let (Some(free), Some(all @ 1..)) =
        (text::field(&text, "MemAvailable:"), text::field(&text, "MemTotal:"))
    else {
        return misunderstood(path);
    };
    let share = free as f64 * 100.0 / all as f64;
    let (warn, bad) = (facts.limit(&limits::AVAILABLE_WARN), facts.limit(&limits::AVAILABLE_BAD));
    let verdict = match share {
        _ if share < bad => Verdict::Bad,
        _ if share < warn => Verdict::Warn,
        _ => Verdict::Ok,
    };
    Ok(Judged::new(verdict, format!("at least {warn} %"), format!("{share:.1} % available")))
}
