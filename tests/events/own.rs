//! Simulated networks: a stream crosses the death of a beacon, and nobody is told of a head that it then cannot get.

use std::time::Duration;

use beacondeck::model::Slot;
use beacondeck::sim::{Fault, SimConfig, SimNetwork};

use crate::common::{Rig, wait_for};
use crate::reader::Reader;
use crate::wire::read;

fn config() -> SimConfig {
    SimConfig { beacons: 3, clients: 2, slot_ms: 500, past_epochs: 3, gossip_ms: 60, ..SimConfig::default() }
}

async fn ready(network: &SimNetwork) -> Rig {
    let rig = Rig::start(network, "").await;
    assert!(wait_for(Duration::from_secs(20), || (0..3).all(|id| rig.beacon(id).healthy)).await);
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_crosses_kill_and_restart_of_any_beacon() {
    let mut network = SimNetwork::start(config()).await.unwrap();
    let rig = ready(&network).await;
    network.start_clients(&rig.url());
    let routed = Reader::open(rig.engine.doors[0], "head").await;
    for killed in [0, 1] {
        // The one that is left in peace tells what there was to tell.
        let direct = Reader::open(network.beacon(2).address(), "head").await;
        let begin = network.slot().unwrap().0 + 2;
        network.until_slot(Slot(begin + 2)).await;
        network.beacon(killed).set(Fault::Restart);
        network.until_slot(Slot(begin + 8)).await;
        network.beacon(killed).heal();
        network.until_slot(Slot(begin + 14)).await;
        let within = |heads: Vec<(u64, String)>| -> Vec<(u64, String)> {
            heads.into_iter().filter(|(slot, _)| (begin..begin + 13).contains(slot)).collect()
        };
        let (told, there) = (within(routed.heads()), within(direct.heads()));
        assert!(there.len() >= 8, "there were heads: {there:?}");
        assert_eq!(told, there, "beacon {killed} was killed");
    }
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_of_a_head_gets_data_of_that_head() {
    let mut network = SimNetwork::start(SimConfig { gossip_ms: 100, ..config() }).await.unwrap();
    let rig = ready(&network).await;
    network.start_clients(&rig.url());
    let door = rig.engine.doors[0];
    let reader = Reader::open(door, "head").await;
    let mut asked = 0;
    let end = network.slot().unwrap().0 + 24;
    while network.slot().unwrap().0 < end {
        assert!(wait_for(Duration::from_secs(10), || reader.heads().len() > asked).await, "heads go on");
        asked = reader.heads().len();
        let (slot, block) = reader.heads()[asked - 1].clone();
        let path = format!("/eth/v1/validator/attestation_data?slot={slot}&committee_index=0");
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let path = path.clone();
            all.spawn(async move { read(door, &path).await });
        }
        let answers = all.join_all().await;
        // Once a newer one is out it may be of that.
        if reader.heads().len() == asked {
            for answer in answers {
                let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                assert_eq!(body["data"]["beacon_block_root"], block, "{} {}", answer.status, answer.text());
            }
        }
    }
    assert!(asked > 12, "{asked} heads");
    rig.stop().await;
    network.stop().await;
}
