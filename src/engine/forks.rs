//! Which forks are coming, as the specs of all beacons say, and which beacon is not ready for one. Pure.
//!
//! A release that does not know a fork answers happily until the fork, and is lost from then on. To add something a ready
//! beacon must have, add it to [`readiness`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::chain::{FAR_FUTURE_EPOCH, SlotClock, Spec};
use crate::model::{BeaconName, ComingFork, Epoch, Readiness, UnixMs};

/// Keys of a fork named as missing at most; who lacks one lacks them all.
const KEYS: usize = 3;
/// On-call is told of a beacon that will be lost so long before the fork and after it.
const ALERT_MS: i64 = 24 * 3_600_000;

/// A beacon as far as forks go.
pub struct Member<'a> {
    /// Its name.
    pub name: &'a BeaconName,
    /// Its spec; none before it told.
    pub spec: Option<&'a Spec>,
    /// Why it is refused, if it is.
    pub refused: Option<String>,
}

/// Forks that are coming, the next first, and those that came and not all know.
pub fn coming(members: &[Member<'_>], clock: &SlotClock, now: UnixMs) -> Vec<ComingFork> {
    let mut votes: BTreeMap<String, BTreeMap<Epoch, usize>> = BTreeMap::new();
    for spec in members.iter().filter(|member| member.refused.is_none()).filter_map(|member| member.spec) {
        for (name, epoch) in scheduled(spec) {
            *votes.entry(name).or_default().entry(epoch).or_default() += 1;
        }
    }
    // The epoch most beacons say, of equally many the first.
    let most = |epochs: BTreeMap<Epoch, usize>| {
        epochs.into_iter().rev().max_by_key(|(_, voices)| *voices).map(|(epoch, _)| epoch)
    };
    let mut forks: Vec<ComingFork> = votes
        .into_iter()
        .filter_map(|(name, epochs)| {
            let epoch = most(epochs)?;
            let beacons = members.iter().map(|member| readiness(member, members, &name, epoch));
            let at = clock.start_of(clock.first_slot(epoch));
            Some(ComingFork { epoch, at, beacons: beacons.collect(), name })
        })
        .filter(|fork| {
            let lags = fork.beacons.iter().any(|of| of.lost) && now.since(fork.at) <= ALERT_MS;
            !fork.has_begun(now) || fork.epoch.0 > 0 && lags
        })
        .collect();
    forks.sort_by(|a, b| (a.epoch, &a.name).cmp(&(b.epoch, &b.name)));
    forks
}

/// Forks a spec has an epoch for.
fn scheduled(spec: &Spec) -> BTreeMap<String, Epoch> {
    let named = spec.iter().filter_map(|(key, _)| {
        let epoch = Epoch(spec.get_u64(key)?);
        let name = key.strip_suffix("_FORK_EPOCH")?.to_lowercase();
        (epoch != FAR_FUTURE_EPOCH).then_some((name, epoch))
    });
    named.chain(blobs(spec)).collect()
}

/// Forks of blob parameters only (EIP-7892).
fn blobs(spec: &Spec) -> impl Iterator<Item = (String, Epoch)> {
    let list = spec.get("BLOB_SCHEDULE").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let number = |entry: &Value, key: &str| match entry.get(key)? {
        Value::String(text) => text.parse::<u64>().ok(),
        value => value.as_u64(),
    };
    list.iter().filter_map(move |entry| {
        let most = number(entry, "MAX_BLOBS_PER_BLOCK")?;
        Some((format!("blobs-{most}"), Epoch(number(entry, "EPOCH")?)))
    })
}

/// What a beacon lacks for a fork that begins with this epoch.
fn readiness(member: &Member<'_>, all: &[Member<'_>], fork: &str, epoch: Epoch) -> Readiness {
    let told = |missing: Vec<String>, lost| Readiness { beacon: member.name.clone(), missing, lost };
    if let Some(why) = &member.refused {
        return told(vec![format!("it is refused: {why}")], false);
    }
    let Some(spec) = member.spec else { return told(vec!["it has not told its spec yet".to_owned()], false) };
    match scheduled(spec).get(fork) {
        Some(own) if *own == epoch => told(keys(spec, all, fork), false),
        Some(own) => told(vec![format!("it has it at epoch {own}")], true),
        None => {
            let known = fork.starts_with("blobs-")
                || spec.get(&format!("{}_FORK_EPOCH", fork.to_uppercase())).is_some();
            let lacks = if known {
                "it has no epoch of it: upgrade it, or give it the network's present config"
            } else {
                "its release does not know it: upgrade it"
            };
            told(vec![lacks.to_owned()], true)
        }
    }
}

/// Constants of a fork that others serve and this one does not: the first few.
fn keys(spec: &Spec, all: &[Member<'_>], fork: &str) -> Vec<String> {
    let mark = fork.to_uppercase();
    let others = all.iter().filter(|other| other.refused.is_none()).filter_map(|other| other.spec);
    let keys: BTreeSet<&str> = others
        .flat_map(|other| other.iter().map(|(key, _)| key))
        .filter(|key| key.split('_').any(|word| word == mark) && spec.get(key).is_none())
        .collect();
    keys.into_iter().take(KEYS).map(|key| format!("its spec lacks {key}")).collect()
}

/// What on-call must know of forks, one sentence each.
pub fn alerts(forks: &[ComingFork], now: UnixMs) -> Vec<String> {
    let near = forks.iter().filter(|fork| fork.at.since(now) <= ALERT_MS);
    near.flat_map(|fork| {
        let ComingFork { name, epoch, .. } = fork;
        let when = if fork.has_begun(now) { "began" } else { "begins" };
        fork.beacons.iter().filter(|of| of.lost).map(move |of| {
            let (beacon, lacks) = (&of.beacon, of.missing.join(", "));
            format!("the fork {name} {when} with epoch {epoch} and {beacon} is not ready: {lacks}")
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chain::Genesis;
    use crate::model::Root;

    fn spec(pairs: &[(&str, Value)]) -> Spec {
        let base = [
            ("SECONDS_PER_SLOT", json!("12")),
            ("SLOTS_PER_EPOCH", json!("32")),
            ("FULU_FORK_EPOCH", json!("10")),
        ];
        base.iter().chain(pairs).map(|(key, value)| (*key, value.clone())).collect()
    }

    fn clock() -> SlotClock {
        let genesis = Genesis { time: 0, validators_root: Root::default(), fork_version: [0; 4] };
        SlotClock::new(&genesis, &spec(&[])).unwrap()
    }

    /// The middle of an epoch.
    fn within(epoch: u64) -> UnixMs {
        UnixMs((epoch * 32 + 16) * 12_000)
    }

    fn look(specs: &[Option<Spec>], now: UnixMs) -> Vec<ComingFork> {
        let names: Vec<BeaconName> = (0..specs.len()).map(|n| BeaconName::new(format!("b{n}"))).collect();
        let members: Vec<Member<'_>> = names
            .iter()
            .zip(specs)
            .map(|(name, spec)| Member { name, spec: spec.as_ref(), refused: None })
            .collect();
        coming(&members, &clock(), now)
    }

    fn lacks(fork: &ComingFork) -> Vec<String> {
        fork.beacons.iter().map(|of| of.missing.join(", ")).collect()
    }

    #[test]
    fn each_beacon_is_told_what_it_lacks() {
        let ready = || {
            spec(&[
                ("GLOAS_FORK_EPOCH", json!("20")),
                ("ATTESTATION_DUE_BPS_GLOAS", json!("2500")),
                ("MAX_BLOBS_PER_BLOCK_ELECTRA", json!("9")),
            ])
        };
        let specs = [
            Some(ready()),
            Some(ready()),
            Some(spec(&[("GLOAS_FORK_EPOCH", json!("18446744073709551615"))])),
            Some(spec(&[])),
            Some(spec(&[("GLOAS_FORK_EPOCH", json!("21"))])),
            Some(spec(&[("GLOAS_FORK_EPOCH", json!(20))])),
            None,
        ];
        let forks = look(&specs, within(15));
        let [gloas] = forks.as_slice() else { panic!("{forks:?}") };
        assert_eq!((gloas.name.as_str(), gloas.epoch), ("gloas", Epoch(20)));
        assert_eq!(gloas.at, UnixMs(20 * 32 * 12_000));
        assert_eq!(
            lacks(gloas),
            [
                "",
                "",
                "it has no epoch of it: upgrade it, or give it the network's present config",
                "its release does not know it: upgrade it",
                "it has it at epoch 21",
                "its spec lacks ATTESTATION_DUE_BPS_GLOAS",
                "it has not told its spec yet",
            ]
        );
        assert_eq!(gloas.count(), "2 of 7 ready");
    }

    #[test]
    fn a_fork_of_blobs_only_is_one_and_one_that_came_stays_while_a_beacon_does_not_know_it() {
        let schedule = |most: &[(&str, &str)]| {
            let list: Vec<Value> = most
                .iter()
                .map(|(epoch, most)| json!({"EPOCH": epoch, "MAX_BLOBS_PER_BLOCK": most}))
                .collect();
            Some(spec(&[("BLOB_SCHEDULE", json!(list))]))
        };
        let specs = [schedule(&[("12", "15"), ("20", "21")]), schedule(&[("12", "15")])];
        let names = |forks: &[ComingFork]| forks.iter().map(|fork| fork.name.clone()).collect::<Vec<_>>();
        let before = look(&specs, within(15));
        assert_eq!(names(&before), ["blobs-21"]);
        assert!(lacks(&before[0])[1].starts_with("it has no epoch of it"));
        let after = look(&specs, within(25));
        assert_eq!(names(&after), ["blobs-21"], "it came, and one does not know it");
        let silent = look(&[specs[0].clone(), None], within(25));
        assert_eq!(names(&silent), [""; 0], "one that told nothing yet may well know it");
    }

    #[test]
    fn on_call_is_told_a_day_before() {
        let specs = [Some(spec(&[("GLOAS_FORK_EPOCH", json!("500"))])), Some(spec(&[]))];
        assert_eq!(alerts(&look(&specs, within(200)), within(200)), [""; 0]);
        let told = alerts(&look(&specs, within(300)), within(300));
        assert_eq!(
            told,
            [
                "the fork gloas begins with epoch 500 and b1 is not ready: its release does not know it: upgrade it"
            ]
        );
        assert!(look(&specs, within(800)).is_empty(), "what it lost is seen otherwise by then");
        let late = alerts(&look(&specs, within(501)), within(501));
        assert!(late[0].starts_with("the fork gloas began with epoch 500"), "{late:?}");
    }

    #[test]
    fn a_stranger_has_no_voice() {
        let (name, other) = (BeaconName::new("b0"), BeaconName::new("b1"));
        let (own, strange) = (spec(&[]), spec(&[("GLOAS_FORK_EPOCH", json!("20"))]));
        let members = [
            Member { name: &name, spec: Some(&own), refused: None },
            Member { name: &other, spec: Some(&strange), refused: Some("another genesis".into()) },
        ];
        assert!(coming(&members, &clock(), within(15)).is_empty());
    }
}
