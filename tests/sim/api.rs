//! What the API promises: shapes, errors, votes, blocks.

use std::time::Duration;

use beacondeck::model::{Slot, ValidatorIndex};
use beacondeck::sim::{Fault, SimConfig, SimNetwork};
use hyper::HeaderMap;
use serde_json::{Value, json};

use crate::help::{Http, eventually, get, http, post, running, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_says_its_status_in_its_body() {
    let net = running().await;
    let (http, url) = (http(), net.beacon(0).url());
    for (path, expected) in [
        ("/eth/v1/nothing", 404),
        ("/eth/v2/beacon/blocks", 405),
        ("/eth/v1/beacon/headers/999999", 404),
        ("/eth/v1/beacon/headers/0xzz", 400),
        ("/eth/v1/validator/attestation_data?slot=x", 400),
        ("/eth/v1/validator/duties/proposer/999999", 400),
        ("/eth/v1/events?topics=head_v2", 400),
    ] {
        let (status, body) = get(&http, format!("{url}{path}")).await;
        assert_eq!((status.as_u16(), &body["code"]), (expected, &json!(expected)), "{path}: {body}");
        assert!(body["message"].is_string(), "{path}");
    }
    net.beacon(0).set(Fault::Errors(503));
    let (status, body) = get(&http, format!("{url}/eth/v1/beacon/genesis")).await;
    assert_eq!((status.as_u16(), &body["code"]), (503, &json!(503)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_agree_with_each_other() {
    let net = running().await;
    let (http, url) = (http(), net.beacon(0).url());
    let (_, spec) = get(&http, format!("{url}/eth/v1/config/spec")).await;
    assert_eq!(spec["data"]["SLOT_DURATION_MS"], "2000");
    assert_eq!(spec["data"]["FULU_FORK_EPOCH"], "0");
    assert_eq!(spec["data"]["GLOAS_FORK_EPOCH"], u64::MAX.to_string());
    for path in [
        "/eth/v1/config/fork_schedule",
        "/eth/v1/config/deposit_contract",
        "/eth/v1/node/version",
        "/eth/v2/node/version",
        "/eth/v1/node/identity",
        "/eth/v1/node/peer_count",
        "/eth/v1/beacon/headers",
        "/eth/v1/beacon/states/head/fork",
        "/eth/v1/beacon/states/head/validators?id=1,2&status=active",
        "/eth/v1/beacon/states/head/committees",
        "/eth/v2/validator/duties/proposer/3",
    ] {
        let (status, body) = get(&http, format!("{url}{path}")).await;
        assert!(status == 200 && !body["data"].is_null(), "{path}: {status} {body}");
    }
    let (_, header) = get(&http, format!("{url}/eth/v1/beacon/headers/head")).await;
    let root = header["data"]["root"].as_str().unwrap();
    let slot = header["data"]["header"]["message"]["slot"].as_str().unwrap();
    for id in [root, slot] {
        let (_, answer) = get(&http, format!("{url}/eth/v1/beacon/blocks/{id}/root")).await;
        assert_eq!(answer["data"]["root"], root);
        let (_, block) = get(&http, format!("{url}/eth/v2/beacon/blocks/{id}")).await;
        assert_eq!(block["data"]["message"]["slot"], slot);
    }
    let (_, one) = get(&http, format!("{url}/eth/v1/beacon/states/head/validators/7")).await;
    let key = one["data"]["validator"]["pubkey"].as_str().unwrap();
    let (_, same) = get(&http, format!("{url}/eth/v1/beacon/states/head/validators/{key}")).await;
    assert_eq!(same, one);
    let (_, points) = get(&http, format!("{url}/eth/v1/beacon/states/head/finality_checkpoints")).await;
    let epoch = |key: &str| points["data"][key]["epoch"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(epoch("finalized") > 0 && epoch("finalized") < epoch("current_justified"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attestation_data_is_the_same_in_json_and_ssz() {
    let net = running().await;
    let (http, url) = (http(), net.beacon(0).url());
    let slot = net.slot().unwrap();
    let path = format!("{url}/eth/v1/validator/attestation_data?slot={}", slot.0 - 1);
    let (_, json) = get(&http, path.clone()).await;
    let accept = [("accept", "application/octet-stream;q=1,application/json;q=0.9")];
    let (status, headers, ssz) = send(&http, "GET", path, &accept, "").await.unwrap();
    assert_eq!((status.as_u16(), ssz.len()), (200, 128));
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["eth-consensus-version"], "fulu");
    let number = |at: usize| u64::from_le_bytes(ssz[at..at + 8].try_into().unwrap()).to_string();
    let root =
        |at: usize| ssz[at..at + 32].iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    let data = &json["data"];
    assert_eq!(data["slot"], number(0));
    assert_eq!(data["index"], number(8));
    assert_eq!(data["beacon_block_root"], root(16));
    for (point, at) in [("source", 48), ("target", 88)] {
        assert_eq!(data[point]["epoch"], number(at));
        assert_eq!(data[point]["root"], root(at + 8));
    }
}

/// A validator of the present slot's first committee, and its attestation.
async fn vote(http: &Http, net: &SimNetwork, url: &str) -> (u64, Value) {
    let slot = net.slot().unwrap().0;
    let (_, committees) = get(
        http,
        format!("{url}/eth/v1/beacon/states/head/committees?slot={slot}&index=0&epoch={}", net.epoch()),
    )
    .await;
    let member = committees["data"][0]["validators"][0].clone();
    let (_, data) = get(http, format!("{url}/eth/v1/validator/attestation_data?slot={slot}")).await;
    let vote = json!({
        "committee_index": "0", "attester_index": member, "data": data["data"],
        "signature": format!("0x{}", "00".repeat(96)),
    });
    (slot, vote)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_reach_connected_beacons_and_only_those() {
    let net = running().await;
    let (http, urls) = (http(), net.urls());
    let (_, ballot) = vote(&http, &net, &urls[0]).await;
    let voter = ballot["attester_index"].clone();
    let epoch = net.epoch();
    let live = async |url: &str| {
        let (_, body) =
            post(&http, format!("{url}/eth/v1/validator/liveness/{epoch}"), &json!([voter])).await;
        body["data"][0]["is_live"] == true
    };
    net.beacon(1).set(Fault::StaleHead);
    let path = "/eth/v2/beacon/pool/attestations";
    let (status, body) = post(&http, format!("{}{path}", urls[0]), &json!([ballot, {"x": 1}])).await;
    assert_eq!(status, 400, "a list that does not parse is refused as a whole: {body}");
    let mut unknown = ballot.clone();
    unknown["data"]["beacon_block_root"] = json!(format!("0x{}", "77".repeat(32)));
    let (status, body) = post(&http, format!("{}{path}", urls[0]), &json!([ballot, unknown])).await;
    assert_eq!((status.as_u16(), &body["failures"][0]["index"]), (400, &json!(1)), "{body}");
    assert!(live(&urls[0]).await);
    assert!(!live(&urls[1]).await);
    net.beacon(1).heal();
    eventually("the healed beacon catches up", async || live(&urls[1]).await).await;
    net.beacon(1).restart(Duration::from_millis(1)).await;
    assert!(!live(&urls[1]).await, "what it saw is forgotten");
}

/// A block of the present slot with its proposer's registration told to the first beacon.
async fn produce(http: &Http, net: &SimNetwork, url: &str) -> (HeaderMap, Value) {
    let slot = net.slot().unwrap().0;
    let path = format!("{url}/eth/v3/validator/blocks/{slot}?randao_reveal=0x00");
    let (status, headers, body) = send(http, "GET", path, &[], "").await.unwrap();
    assert_eq!(status, 200);
    (headers, serde_json::from_slice(&body).unwrap())
}

async fn chain_without_blocks(builder: bool) -> SimNetwork {
    let config = SimConfig { beacons: 2, slot_ms: 5000, past_epochs: 2, builder, ..SimConfig::default() };
    SimNetwork::start(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_exists_once_published_and_a_second_one_is_an_equivocation() {
    let net = chain_without_blocks(false).await;
    net.until_slot(Slot(net.slot().unwrap().0 + 1)).await;
    let (http, urls) = (http(), net.urls());
    let before = net.head();
    let (headers, answer) = produce(&http, &net, &urls[0]).await;
    assert_eq!(headers["eth-execution-payload-blinded"], "false");
    let signed = |answer: &Value| {
        json!({
            "signed_block": {"message": answer["data"]["block"], "signature": format!("0x{}", "00".repeat(96))},
            "kzg_proofs": [], "blobs": [],
        })
    };
    assert_eq!(net.head(), before);
    // Full blocks go to any beacon, the same one twice too.
    for url in [&urls[1], &urls[0], &urls[1]] {
        let (status, body) = post(&http, format!("{url}/eth/v2/beacon/blocks"), &signed(&answer)).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(net.head().0, net.slot().unwrap());
    eventually("gossip brings it to all", async || {
        net.beacons().iter().all(|beacon| beacon.head() == net.head())
    })
    .await;
    let (_, other) = produce(&http, &net, &urls[1]).await;
    assert_ne!(other["data"]["block"]["state_root"], answer["data"]["block"]["state_root"]);
    let (status, body) = post(&http, format!("{}/eth/v2/beacon/blocks", urls[1]), &signed(&other)).await;
    assert_eq!((status.as_u16(), &body["code"]), (400, &json!(400)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_producer_can_publish_a_blinded_block() {
    let net = chain_without_blocks(true).await;
    let (http, urls) = (http(), net.urls());
    let keys: Vec<Value> = (0..64)
        .map(|index| {
            let key = net.chain().pubkey(ValidatorIndex(index));
            let key = key.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"));
            json!({"message": {"pubkey": key}})
        })
        .collect();
    let (status, _) =
        post(&http, format!("{}/eth/v1/validator/register_validator", urls[0]), &json!(keys)).await;
    assert_eq!(status, 200);
    net.until_slot(Slot(net.slot().unwrap().0 + 1)).await;
    let (headers, answer) = produce(&http, &net, &urls[0]).await;
    assert_eq!(headers["eth-execution-payload-blinded"], "true");
    let (unregistered, _) = produce(&http, &net, &urls[1]).await;
    assert_eq!(unregistered["eth-execution-payload-blinded"], "false");
    let signed = json!({"message": answer["data"], "signature": format!("0x{}", "00".repeat(96))});
    let path = "/eth/v2/beacon/blinded_blocks";
    let (status, body) = post(&http, format!("{}{path}", urls[1]), &signed).await;
    assert_eq!((status.as_u16(), &body["code"]), (500, &json!(500)));
    let (status, body) = post(&http, format!("{}{path}", urls[0]), &signed).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(net.blinded_blocks(), 1);
}
