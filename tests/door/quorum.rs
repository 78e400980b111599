//! Checkpoint quorum: source and target of attestation data that other beacons must stand by.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use beacondeck::model::{Epoch, Reason};
use beacondeck::sim::{Fault, SimConfig, SimNetwork};

use crate::common::{Rig, wait_for};
use crate::house::House;
use crate::stub::{SLOT_MS, Script, Stub, json};
use crate::wire::{read, until};

const PATH: &str = "/eth/v1/validator/attestation_data";
/// Of every stub's chain.
const GENESIS: Duration = Duration::from_secs(1_600_000_000);

fn slot() -> u64 {
    let chain = SystemTime::now().duration_since(UNIX_EPOCH + GENESIS).unwrap();
    chain.as_millis() as u64 / SLOT_MS
}

/// The next slot's question stays open: each asks anew while no beacon's head is the answer's.
fn target() -> String {
    format!("{PATH}?slot={}&committee_index=3", slot() + 1)
}

/// A beacon on whose chain this is the target's block.
fn at(target: u8) -> Script {
    Arc::new(move |seen| {
        let asked = seen.target.strip_prefix(PATH).and_then(|query| query.strip_prefix("?slot="));
        let Some(asked) = asked else { return vec![json(r#"{"data":"ok"}"#)] };
        let slot: u64 = asked.split('&').next().unwrap().parse().unwrap();
        let (root, epoch) = (|n: u8| format!("0x{}", format!("{n:02x}").repeat(32)), slot / 32);
        vec![json(&format!(
            r#"{{"data":{{"slot":"{slot}","index":"3","beacon_block_root":"{}","source":{{"epoch":"{}","root":"{}"}},"target":{{"epoch":"{epoch}","root":"{}"}}}}}}"#,
            root(0x11),
            epoch - 1,
            root(0x22),
            root(target)
        ))]
    })
}

async fn house(targets: &[u8], quorum: &str) -> House {
    let mut stubs = Vec::new();
    for target in targets {
        stubs.push(Stub::start(at(*target)).await);
    }
    House::with(stubs, &format!("routing: {{quorum: {quorum}}}\n")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_most_stand_by_is_given_and_asked_for_once_an_epoch() {
    let house = house(&[0x99, 0x33, 0x33], "{confirm: majority}").await;
    let reply = read(house.door, &target()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.text().contains(&"33".repeat(32)), "{}", reply.text());
    assert_ne!(reply.header("x-beacondeck-beacon"), "b0");
    let before: usize = house.stubs[1..].iter().map(|stub| stub.notes.of(PATH).len()).sum();
    let odd = house.stubs[0].notes.of(PATH).len();
    assert_eq!(odd, 1, "it was its turn");
    let again = read(house.door, &target()).await;
    assert!(again.text().contains(&"33".repeat(32)), "{}", again.text());
    assert!(before >= 2, "both were asked");
    let told = house.rig.status().alerts.iter().any(|alert| alert.contains("checkpoints"));
    assert!(!told, "{:?}", house.rig.status().alerts);
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beacons_that_agree_are_asked_once_an_epoch_only() {
    let house = house(&[0x33, 0x33, 0x33], "{confirm: 2}").await;
    let asked = || house.stubs.iter().map(|stub| stub.notes.of(PATH).len()).sum::<usize>();
    assert_eq!(read(house.door, &target()).await.status, 200);
    let first = asked();
    assert!(first >= 2, "another one confirmed it");
    for _ in 0..5 {
        assert_eq!(read(house.door, &target()).await.status, 200);
    }
    // One read each, unless an epoch began meanwhile.
    let more = asked() - first;
    assert!((5..=7).contains(&more), "{more} reads");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_they_do_not_agree_the_fleet_file_decides_and_on_call_is_told() {
    for (policy, status) in [("follow-best", 200), ("halt", 503)] {
        let house = house(&[0x33, 0x44], &format!("{{confirm: majority, when-impossible: {policy}}}")).await;
        let reply = read(house.door, &target()).await;
        assert_eq!(reply.status, status, "{policy}: {reply:?}");
        if status == 200 {
            assert_eq!(reply.header("x-beacondeck-beacon"), "b0");
        } else {
            assert!(
                reply.message().contains("only 1 of the 2 beacons that must stand by one"),
                "{}",
                reply.message()
            );
        }
        until("the alert", async || {
            house.rig.status().alerts.iter().any(|alert| alert.starts_with("checkpoints are not confirmed"))
        })
        .await;
        house.is_well().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_unless_asked_for_and_follows_the_best_by_default() {
    for quorum in ["off", "{confirm: 3}"] {
        let house = house(&[0x99, 0x33, 0x33], quorum).await;
        let reply = read(house.door, &target()).await;
        assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b0"), "{quorum}");
        house.is_well().await;
    }
}

/// A quorum, what clients get while half of the fleet is across a split, and whom on-call hears is missing.
const OVER_A_SPLIT: [(&str, u16, Option<&str>); 5] = [
    ("{confirm: majority, by: beacon}", 200, Some("only 3 of the 4 beacons")),
    ("{confirm: majority, by: beacon, when-impossible: halt}", 503, Some("only 3 of the 4 beacons")),
    ("{confirm: majority, by: family}", 200, Some("only 1 of the 2 clients")),
    ("{confirm: majority, by: family, when-impossible: halt}", 503, Some("only 1 of the 2 clients")),
    // As many as one side has are asked for: it stands by itself.
    ("{confirm: 3, by: beacon, when-impossible: halt}", 200, None),
];

#[tokio::test(flavor = "multi_thread")]
async fn one_side_of_a_chain_split_confirms_nothing_for_both() {
    let clients = ["Lighthouse/v8.0.1", "Teku/v25.11.0"];
    let network = SimNetwork::start(SimConfig {
        beacons: 6,
        clients: 0,
        validators: 64,
        slot_ms: 1_200,
        slots_per_epoch: 4,
        past_epochs: 3,
        versions: (0..6).map(|place| clients[place / 3].to_owned()).collect(),
        auto_blocks_ms: Some(20),
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let mut rigs = Vec::new();
    for (quorum, ..) in OVER_A_SPLIT {
        rigs.push(Rig::start(&network, &format!("routing: {{quorum: {quorum}}}\n")).await);
    }
    let long = Duration::from_secs(60);
    let healthy = |rig: &Rig| (0..6).all(|place| rig.beacon(place).healthy);
    assert!(wait_for(long, || rigs.iter().all(healthy)).await, "not all beacons are well");
    (3..6).for_each(|place| network.beacon(place).set(Fault::Fork));
    let across = |rig: &Rig| {
        let out = (0..6).filter(|place| rig.beacon(*place).reasons.contains(&Reason::ChainSplit));
        out.map(|place| place / 3).collect::<Vec<_>>()
    };
    let parted = |rig: &Rig| [vec![0; 3], vec![1; 3]].contains(&across(rig));
    assert!(wait_for(long, || rigs.iter().all(parted)).await, "{:?}", rigs[0].status().beacons);
    // With the epoch that begins now the sides have other targets.
    network.until_end_of(Epoch(network.epoch().0)).await;
    for (rig, (quorum, status, missing)) in rigs.iter().zip(OVER_A_SPLIT) {
        let ask = async || {
            let slot = network.slot().unwrap();
            read(rig.engine.doors[0], &format!("{PATH}?slot={slot}&committee_index=0")).await
        };
        let began = Instant::now();
        let mut reply = ask().await;
        // Who comes too late on a busy machine is missing, and it is asked anew; what was confirmed once would stay so.
        while reply.status != status && began.elapsed() < long {
            reply = ask().await;
        }
        assert_eq!(reply.status, status, "{quorum}: {}", reply.text());
        let ours = 1 - across(rig)[0];
        let by = reply.header("x-beacondeck-beacon");
        let is_ours = by.strip_prefix('b').is_some_and(|place| place.parse::<usize>().unwrap() / 3 == ours);
        assert!(is_ours || status == 503, "{quorum}: {by} is across the split");
        let page =
            || rig.status().alerts.iter().find(|alert| alert.starts_with("checkpoints are not")).cloned();
        match missing {
            Some(missing) => {
                assert!(wait_for(long, || page().is_some()).await, "{quorum}: nobody was paged");
                assert!(page().unwrap().contains(missing), "{quorum}: {:?}", page());
            }
            None => assert!(wait_for(long, || page().is_none()).await, "{quorum}: {:?}", page()),
        }
    }
    for rig in rigs {
        rig.stop().await;
    }
    network.stop().await;
}
