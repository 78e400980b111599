//! `time.freq`: how wrong the oscillator runs.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clock::ClockAspect;
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged};
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "time.freq",
    class: Class::Time,
    needs: "chronyd's command port, ntpd-rs's observation socket, timesyncd on the system bus; any of them",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a daemon corrects 500 ppm at most; beyond that the clock runs away",
    cost: Cost { from_ms: 0, to_ms: 1000 },
    remedy: Remedy::LookAt("the board's oscillator, or the hypervisor's clock; `chronyc tracking`"),
    apply: Apply::Investigate,
    source: "chrony: 500 ppm is the most it corrects",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    clocks::found(facts, ClockAspect::Frequency, "100 ppm at most")
}
