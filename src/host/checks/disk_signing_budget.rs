//! `disk.signing_budget`: how long the signing records of a slot take to be durable, for this fleet.

use crate::host::check::{Apply, Check, Class, Cost, Most, Role};
use crate::host::durable::{Durable, Spread, measured};
use crate::host::facts::Facts;
use crate::host::finding::{Cannot, Judged, not_applicable, unknown};
use crate::host::limits;
use crate::host::remedy::Remedy;
use crate::host::rules;

/// See the module.
pub const CHECK: Check = Check {
    id: "disk.signing_budget",
    class: Class::Storage,
    needs: "the probe of disk.fsync_probe, the number of validators",
    roles: Role::ALL,
    most: Most::Bad,
    why: "the last signature of a slot waits until the records of all before it are durable",
    cost: Cost { from_ms: 100, to_ms: 4000 },
    remedy: Remedy::LookAt(
        "a release of the signer that records a slot's signatures at once (Lighthouse 8.1, Nimbus since 2023); a faster disk for {on}; fewer validators a signer",
    ),
    apply: Apply::Investigate,
    source: "lighthouse#8516; nimbus-eth2#5604; syncs counted by strace of SQLite and Teku's SyncDataAccessor",
    judge,
};

/// Slots among which a signer's attestations are spread (phase0, `SLOTS_PER_EPOCH`).
const SLOTS: f64 = 32.0;

/// How a signer records what it signs; the most laborious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Keeps {
    /// Each signature in a transaction of its own.
    Each,
    /// Each in a file of its validator's, written anew.
    InFiles,
    /// All of a slot in one transaction.
    Together,
}

/// Signers that are known to do it in another way than most, by program.
const SIGNERS: &[(&str, Keeps)] = &[("teku", Keeps::InFiles), ("nimbus_validator_client", Keeps::Together)];

fn judge(facts: &Facts<'_>) -> Result<Judged, Cannot> {
    let told = measured(facts)?;
    if told.unfit.is_some() {
        return not_applicable(format!("nothing is durable in {}", told.dir));
    }
    let Some(validators) = told.validators.filter(|count| *count > 0) else {
        return not_applicable(
            "it is not known how many validators sign here: `audit --validators N`, `host.validators`",
        );
    };
    let keeps = keeps(facts);
    let (one, syncs) = one(&told, keeps, facts.limit(&limits::SIGNING_SYNCS))?;
    let signatures = (f64::from(validators) / SLOTS).ceil();
    let times = if keeps == Keeps::Together { 1.0 } else { signatures };
    let total = rules::measured(facts, times * syncs * one, &limits::SIGNING_WARN, &limits::SIGNING_BAD);
    let at_once = if keeps == Keeps::Together { " at once" } else { "" };
    let actual = format!(
        "{}: {signatures} signatures{at_once}, {syncs} x {one:.2} ms each; {}",
        total.actual, told.dir
    );
    Ok(Judged { actual, ..total }.on(told.dir))
}

/// As the most laborious signer of this machine does; as most do, if it is not known here.
fn keeps(facts: &Facts<'_>) -> Keeps {
    let signers = facts.processes().unwrap_or_default().into_iter().filter(|of| of.role == Role::Validator);
    let each = signers.map(|signer| {
        SIGNERS
            .iter()
            .find(|(program, _)| *program == signer.program)
            .map_or(Keeps::Each, |(_, keeps)| *keeps)
    });
    each.min().unwrap_or(Keeps::Each)
}

/// Milliseconds of one sync, and syncs of a record.
fn one(told: &Durable, keeps: Keeps, syncs: f64) -> Result<(f64, f64), Cannot> {
    if keeps != Keeps::InFiles {
        return told.spread().map(|all| (all.p50, syncs));
    }
    match Spread::of(told.renames_us.iter().copied()) {
        Some(renames) => Ok((renames.p50, 1.0)),
        None => unknown(format!("no file was renamed in {}", told.dir)),
    }
}
