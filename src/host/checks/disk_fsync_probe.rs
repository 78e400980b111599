//! `disk.fsync_probe`: how long the disk of the signing records takes to make a small write durable.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::durable::{Durable, Spread, measured};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, Verdict};
use crate::host::limits;
use crate::host::remedy::Remedy;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.fsync_probe",
    class: Class::Storage,
    needs: "64 writes of 4 KiB in the directory of the signing records, if one was named",
    roles: Role::ALL,
    most: Most::Bad,
    why: "a signature is given out after its record is durable: one such write, or several, stand in front of each",
    cost: Cost { from_ms: 10, to_ms: 4000 },
    remedy: Remedy::LookAt(
        "who else writes to the disk of {on} (`iostat -x 1`); move the signing records to an NVMe disk with power-loss protection",
    ),
    apply: Apply::Investigate,
    source: "etcd: 10 ms; OpenShift: 20 ms; nimbus-eth2#5466",
    judge,
};

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let told = measured(facts)?;
    if let Some(what) = &told.unfit {
        return Ok(Judged::new(Verdict::Warn, "a disk of this machine", what.as_str()).on(told.dir));
    }
    let all = told.spread()?;
    let limit = |of| facts.limit(of);
    let verdict = match () {
        () if all.p99 > limit(&limits::FSYNC_BAD) || all.worst > limit(&limits::FSYNC_WORST) => Verdict::Bad,
        () if all.p99 > limit(&limits::FSYNC_WARN) => Verdict::Warn,
        () if all.p50 < limit(&limits::FSYNC_FAST) => Verdict::Advice,
        () => Verdict::Ok,
    };
    let doubt = if verdict == Verdict::Advice {
        "; suspiciously fast: something between here and the disk may say so too early"
    } else {
        ""
    };
    let expected = format!("99 of 100 within {} ms", limit(&limits::FSYNC_WARN));
    Ok(Judged::new(verdict, expected, format!("{}{doubt}; {}", words(&told), told.dir)).on(told.dir))
}

/// `p50 0.21, p99 0.90, worst 1.20 ms when votes are signed`, and so on.
fn words(told: &Durable) -> String {
    let each = told.writes.iter().filter_map(|writes| {
        let Spread { p50, p99, worst } = Spread::of(writes.us.iter().copied())?;
        let when = writes.when.words();
        Some(format!("p50 {p50:.2}, p99 {p99:.2}, worst {worst:.2} ms of {} {when}", writes.us.len()))
    });
    let stopped = told.stopped.iter().map(|why| format!("stopped as {why}"));
    each.chain(stopped).collect::<Vec<_>>().join("; ")
}
