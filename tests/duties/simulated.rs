//! Duties of a simulated network: a leader for all, and a leader's death.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use beacondeck::model::Epoch;
use beacondeck::sim::{Fault, SimConfig, SimNetwork};

use crate::beacon::{ATTESTER, by};
use crate::common::{Rig, wait_for};
use crate::wire::{Reply, ask, post, until};

const PATIENCE: Duration = Duration::from_secs(30);

async fn about(at: SocketAddr, epoch: Epoch, of: std::ops::Range<u64>) -> Reply {
    let body = serde_json::to_vec(&of.map(|one| one.to_string()).collect::<Vec<_>>()).unwrap();
    ask(at, &post(&format!("{ATTESTER}{epoch}"), &body)).await.unwrap()
}

fn told(reply: &Reply) -> BTreeSet<String> {
    assert_eq!(reply.status, 200, "{reply:?}");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    body["data"].as_array().unwrap().iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_beacon_leads_and_when_it_dies_another_goes_on() {
    let config = SimConfig {
        beacons: 3,
        validators: 96,
        slot_ms: 1_000,
        slots_per_epoch: 32,
        past_epochs: 3,
        auto_blocks_ms: Some(50),
        ..SimConfig::default()
    };
    let network = SimNetwork::start(config).await.unwrap();
    let rig = Rig::start(&network, "").await;
    assert!(wait_for(PATIENCE, || rig.status().beacons.iter().all(|beacon| beacon.healthy)).await);
    let (door, epoch) = (rig.engine.doors[0], network.epoch());
    until("what is told is kept", async || {
        about(door, epoch, 0..1).await;
        by(&about(door, epoch, 0..1).await).0 == "cached"
    })
    .await;
    let mut leaders = BTreeSet::new();
    for part in 0..12 {
        leaders.insert(by(&about(door, epoch, part * 4..part * 4 + 4).await).1.to_owned());
    }
    assert_eq!(leaders.len(), 1, "{leaders:?}");
    let leader: usize = leaders.first().unwrap().trim_start_matches('b').parse().unwrap();
    network.beacon(leader).set(Fault::Refuse);
    let rest = about(door, epoch, 48..96).await;
    assert_ne!(by(&rest).1, format!("b{leader}"));
    let all = about(door, epoch, 0..96).await;
    assert_eq!(by(&all).0, "cached", "what the dead one told stands");
    let survivor = network.beacon((leader + 1) % 3).address();
    assert_eq!(told(&all), told(&about(survivor, epoch, 0..96).await), "as one beacon tells all of it");
    rig.stop().await;
    network.stop().await;
}
