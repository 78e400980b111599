//! `time.daemon`: whether one program, and a good one, disciplines the clock.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::clocks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable, unknown};
use crate::host::remedy::{Remedy, SAME};

/// See the module.
pub const CHECK: Check = Check {
    id: "time.daemon",
    class: Class::Time,
    needs: "/proc/*/comm, adjtimex",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a clock that nobody watches drifts by a second a day, and two programs pull it to and fro",
    cost: Cost { from_ms: 10, to_ms: 4000 },
    remedy: Remedy::Commands("systemctl disable --now systemd-timesyncd; apt-get install chrony", SAME),
    apply: Apply::Restart,
    source: "chrony FAQ; judgement",
    judge,
};

/// Follows one server, which it cannot tell to be wrong.
const SIMPLE: &str = "systemd-timesyn";

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let expected = "one of chrony, ntpd-rs, ntpsec, ptp4l with phc2sys";
    let daemons = clocks::daemons(facts)?;
    let kernel = clocks::kernel(facts)?;
    let (verdict, actual) = match daemons.as_slice() {
        [] => match kernel {
            Some(kernel) if !kernel.synchronised => (
                Verdict::Bad,
                "no program disciplines the clock, and the kernel says that nobody does".to_owned(),
            ),
            Some(_) => {
                return unknown(
                    "the kernel is told that the clock is right, by a program that is not seen from here",
                );
            }
            None => {
                return not_applicable(
                    "no program that disciplines the clock is seen, and the kernel was not asked",
                );
            }
        },
        [one] if one == SIMPLE => {
            (Verdict::Warn, "timesyncd alone: it follows one server and cannot tell a wrong one".to_owned())
        }
        [one] => (Verdict::Ok, one.clone()),
        several => (Verdict::Bad, format!("{}, against each other", several.join(" and "))),
    };
    Ok(Judged::new(verdict, expected, actual))
}
