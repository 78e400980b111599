//! `proc.gc_pause`: how long a client stands still while its runtime collects garbage.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::disks;
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict, not_applicable, unknown};
use crate::host::limits;
use crate::host::pauses::{self, Pauses};
use crate::host::remedy::Remedy;
use crate::host::rules;
use crate::host::source::Unread;

/// See the module.
pub const CHECK: Check = Check {
    id: "proc.gc_pause",
    class: Class::Process,
    needs: "the client's metrics, twice: `audit --metrics URL`, `beacons[].metrics`",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a client that stands still when an attestation is due answers too late; nothing else of it looks wrong",
    cost: Cost { from_ms: 100, to_ms: 4000 },
    remedy: Remedy::LookAt(
        "room in the heap of {on}, in its unit or compose file: JVM `-Xmx` and `-XX:+UseG1GC`, Go `GOMEMLIMIT`, Node `--max-old-space-size`, .NET `DOTNET_GCHeapHardLimit`",
    ),
    apply: Apply::Restart,
    source: "lodestar#4789, lodestar#6929; judgement",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let whose = pauses::whose();
    let Ok(names) = facts.read(whose.kind, &whose.path) else {
        return not_applicable(
            "nobody said where the client's metrics are: `audit --metrics URL`, `beacons[].metrics`",
        );
    };
    let names: Vec<String> = names.lines().map(str::to_owned).collect();
    disks::worst_of(&names, |name| one(facts, name))
}

fn one(facts: &Facts<'_>, name: &str) -> Result<Judged, Cannot> {
    let ask = pauses::of(name);
    let now = match facts.read(ask.kind, &ask.path) {
        Ok(text) => text,
        Err(Unread::Failed(reason)) => return unknown(format!("{name}: {reason}")),
        Err(Unread::Denied | Unread::Absent) => return unknown(format!("{name}: its metrics were not read")),
    };
    let before = facts.read_before(ask.kind, &ask.path).unwrap_or_default();
    let Some(pauses) = pauses::between(&before, &now) else {
        return not_applicable(format!("the metrics of {name} were looked at once only"));
    };
    if pauses.runtime.is_empty() {
        return not_applicable(format!("the metrics of {name} tell of no pauses; its runtime may have none"));
    }
    let limit = |of| facts.limit(of);
    let of_pauses =
        rules::rising(milliseconds(pauses.longest), limit(&limits::GC_WARN), limit(&limits::GC_BAD));
    let of_lag = pauses.lag.map_or(Verdict::Ok, |lag| {
        rules::rising(milliseconds(lag), limit(&limits::LAG_WARN), limit(&limits::LAG_BAD))
    });
    let expected = format!("pauses of at most {} ms", limit(&limits::GC_WARN));
    let judged = |verdict| Judged::new(verdict, expected.clone(), words(&pauses));
    Ok(judged(of_pauses).or_worse(judged(of_lag)))
}

/// Seconds in whole microseconds, so that what is at a limit is not beyond it.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e3
}

/// `JVM: 3 pauses in 60 s, 620 ms together, one of at least 300 ms; loop late by 20 ms at 99 in 100`.
fn words(pauses: &Pauses) -> String {
    let Pauses { runtime, within, count, together, longest, lag } = pauses;
    let lag =
        lag.map(|lag| format!("; loop late by {:.0} ms at 99 in 100", lag * 1_000.0)).unwrap_or_default();
    if *count < 1.0 {
        return format!("{runtime}: no pause in {within:.0} s{lag}");
    }
    let (together, longest) = (together * 1_000.0, longest * 1_000.0);
    let plural = if *count < 2.0 { "" } else { "s" };
    format!(
        "{runtime}: {count:.0} pause{plural} in {within:.0} s, {together:.0} ms together, one of at least {longest:.0} ms{lag}"
    )
}
