//! Blocks of Gloas through the router, by a client that signs what it is given: both forms of v4, with the payload and
//! without, and envelopes, which go to the beacon that made the block. Simulated beacons over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use std::time::Duration;

use beacondeck::model::Slot;
use beacondeck::sim::{SimConfig, SimNetwork};
use common::{Rig, wait_for};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

/// A client at the router.
struct Proposer {
    http: Client,
    url: String,
}

impl Proposer {
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>, blobs: Option<bool>) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        request = request.header("accept", "application/json").header("eth-consensus-version", "gloas");
        if let Some(blobs) = blobs {
            request = request.header("eth-blob-data-included", blobs.to_string());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    /// Asks for the block of a slot; who made it, and its answer.
    async fn block(&self, slot: Slot, post: bool, with_payload: bool) -> (String, Value) {
        let reveal = format!("0x{}", format!("{:02x}", slot.0 % 256).repeat(96));
        let path =
            format!("/eth/v4/validator/blocks/{slot}?randao_reveal={reveal}&include_payload={with_payload}");
        let config = json!({"min_bid": "0", "builder_boost_factor": "100", "builders": []});
        let answer = if post {
            self.ask(Method::POST, &path, Some(&config), None).await
        } else {
            self.ask(Method::GET, &path, None, None).await
        };
        let (by, told) =
            (by(answer.headers()), answer.headers().get("eth-execution-payload-included").cloned());
        let body: Value = answer.error_for_status().unwrap().json().await.unwrap();
        assert_eq!(told.unwrap(), with_payload.to_string().as_str());
        (by, body["data"].clone())
    }

    async fn publish(&self, path: &str, message: &Value, blobs: Option<bool>) -> Response {
        let signed = json!({"message": message, "signature": format!("0x{}", "11".repeat(96))});
        self.ask(Method::POST, path, Some(&signed), blobs).await
    }
}

fn by(headers: &HeaderMap) -> String {
    headers["x-beacondeck-beacon"].to_str().unwrap().to_owned()
}

const BLOCKS: &str = "/eth/v2/beacon/blocks";
const ENVELOPES: &str = "/eth/v1/beacon/execution_payload_envelopes";

#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_its_payload_go_out_in_every_form() {
    let network = SimNetwork::start(SimConfig {
        beacons: 3,
        slot_ms: 1_000,
        slots_per_epoch: 8,
        past_epochs: 3,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let rig = Rig::start(&network, "").await;
    assert!(wait_for(Duration::from_secs(20), || (0..3).all(|id| rig.beacon(id).healthy)).await);
    let client = Proposer { http: Client::new(), url: rig.url() };
    for (post, with_payload) in [(false, false), (true, false), (false, true), (true, true)] {
        let slot = Slot(network.slot().unwrap().0 + 1);
        network.until_slot(slot).await;
        let (maker, data) = client.block(slot, post, with_payload).await;
        let again = client.block(slot, post, with_payload).await;
        assert_eq!(again, (maker.clone(), data.clone()), "the same to the same question");
        let block = if with_payload { &data["block"] } else { &data };
        let published = client.publish(BLOCKS, block, None).await;
        assert_eq!(published.status(), 200, "{}", published.text().await.unwrap());
        assert!(
            wait_for(Duration::from_secs(5), || network.head().0 == slot).await,
            "the block of slot {slot} is on the chain: {:?}",
            network.head()
        );
        let root = network.head().1;
        let envelope = if with_payload {
            data["execution_payload_envelope"].clone()
        } else {
            let path = format!("/eth/v1/validator/execution_payload_envelopes/{slot}/{root}");
            let answer = client.ask(Method::GET, &path, None, None).await;
            assert_eq!(by(answer.headers()), maker, "its maker alone has it");
            answer.error_for_status().unwrap().json::<Value>().await.unwrap()["data"].clone()
        };
        assert_eq!(envelope["beacon_block_root"], root.to_string());
        let sent = client.publish(ENVELOPES, &envelope, Some(with_payload)).await;
        let by = by(sent.headers());
        assert_eq!(sent.status(), 200, "{}", sent.text().await.unwrap());
        assert!(with_payload || by == maker, "it went to {by}, {maker} made the block");
        let revealed = network.payload_by(slot).expect("the payload is out");
        assert!(with_payload || format!("b{revealed}") == maker);
    }
    rig.stop().await;
    network.stop().await;
}
