//! Reads whose answers nobody is given: canaries at one more healthy beacon, shadow reads at an excluded one.

use beacondeck::model::{CanarySeen, CulpritKind, Explanation, Observation, ShadowSeen};
use beacondeck::sim::Fault;

use super::common::{Rig, wait_for};
use super::{BOUND, blames, calm_with, live};

/// What was recorded, as far as it is written.
fn recorded(rig: &Rig) -> Vec<Observation> {
    let files = std::fs::read_dir(rig.fleet.state.join("recording")).unwrap();
    let mut text = Vec::new();
    for file in files {
        let mut from = zstd::Decoder::new(std::fs::File::open(file.unwrap().path()).unwrap()).unwrap();
        // The file that is being written breaks off.
        let _ = std::io::copy(&mut from, &mut text);
    }
    let lines = String::from_utf8(text).unwrap();
    lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// One more beacon's answers.
fn canaries(rig: &Rig) -> Vec<CanarySeen> {
    let lines = recorded(rig).into_iter();
    lines.filter_map(|line| if let Observation::Canary(seen) = line { Some(seen) } else { None }).collect()
}

/// Excluded beacons' answers.
fn shadows(rig: &Rig) -> Vec<ShadowSeen> {
    let lines = recorded(rig).into_iter();
    lines.filter_map(|line| if let Observation::Shadow(seen) = line { Some(seen) } else { None }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_excluded_beacon_says_to_repeated_reads_is_told_until_it_is_well() {
    let probing = "probing: {interval: 200ms, timeout: 300ms, shadow: 100%}\n";
    let (network, rig) = calm_with(probing).await;
    network.beacon(1).set(Fault::StaleHead);
    let stale = || shadows(&rig).iter().any(|seen| seen.wrong_head > 0);
    assert!(wait_for(BOUND, stale).await, "{:#?}", shadows(&rig));
    for seen in shadows(&rig) {
        assert!(seen.beacon == "b1" || seen.wrong_head == 0, "the others are well: {seen:?}");
        assert!(seen.n > 0 && seen.failed <= seen.n && seen.wrong_head <= seen.heads, "{seen:?}");
        assert!(seen.heads <= seen.n && seen.as_of.0 >= seen.slot.0 + 2, "{seen:?}");
    }
    assert!(blames(&live(&rig), &CulpritKind::Beacon, "b1"), "{:#?}", live(&rig));
    network.beacon(1).heal();
    assert!(wait_for(BOUND, || live(&rig).is_empty()).await, "{:#?}", live(&rig));
    assert_eq!(rig.status().incidents.len(), 1, "{:#?}", rig.status().incidents);
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_read_is_one_more_beacons_answer_that_nobody_is_given() {
    let probing = "probing: {interval: 200ms, timeout: 300ms, canary: 100%}\n";
    let (network, rig) = calm_with(probing).await;
    assert!(wait_for(BOUND, || canaries(&rig).len() >= 8).await, "{:#?}", canaries(&rig));
    let told = rig.explain(10_000).await;
    for seen in canaries(&rig) {
        let fetched = |one: &&Explanation| {
            one.endpoint == "produceAttestationData"
                && (one.slot, &one.client) == (seen.slot, &seen.client)
                && one.shared.is_none()
        };
        let by_others = told.iter().filter(fetched).any(|one| one.served_by != seen.beacon);
        assert!(by_others, "of a question that another one answered: {seen:?}");
        assert!(seen.n > 0 && seen.failed == 0 && seen.took_ms.is_some(), "{seen:?}");
        assert!(seen.as_of.0 >= seen.slot.0 + 2, "the chain has told: {seen:?}");
    }
    assert_eq!(live(&rig), [], "nothing is wrong");
    rig.stop().await;
    network.stop().await;
}
