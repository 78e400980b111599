//! Blocks of Gloas through the router, by a client that signs what it is given: both forms of v4, with the payload and
//! without, and envelopes, which go to the beacon that made the block; and what becomes of payload attestations. Simulated
//! beacons over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use std::time::{Duration, Instant};

use beacondeck::control::{Answer, Request};
use beacondeck::model::{DutiesAsked, DutyFate, DutyTold, Slot, ValidatorIndex};
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

/// Payload attestations of a slot, as the router's ledger tells them.
async fn payload_attestations(rig: &Rig, slot: Slot) -> Vec<DutyTold> {
    let asked = DutiesAsked { slot: Some(slot), limit: 10_000, ..DutiesAsked::default() };
    match rig.ask(Request::Duties(asked)).await {
        Answer::Duties(list) => list.into_iter().filter(|duty| duty.kind == "payload attestations").collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_payload_attestations_is_told_by_the_next_block() {
    let network = SimNetwork::start(SimConfig {
        beacons: 3,
        slot_ms: 2_000,
        slots_per_epoch: 8,
        past_epochs: 3,
        auto_blocks_ms: Some(100),
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let rig = Rig::start(&network, "").await;
    assert!(wait_for(Duration::from_secs(20), || (0..3).all(|id| rig.beacon(id).healthy)).await);
    let client = Proposer { http: Client::new(), url: rig.url() };
    let slot = Slot(network.slot().unwrap().0 + 2);
    let all: Vec<String> = (0..network.chain().validators).map(|index| index.to_string()).collect();
    let path = format!("/eth/v1/validator/duties/ptc/{}", slot.0 / 8);
    let told = client.ask(Method::POST, &path, Some(&json!(all)), None).await;
    let told: Value = told.error_for_status().unwrap().json().await.unwrap();
    let ours = told["data"].as_array().unwrap().iter().filter(|duty| duty["slot"] == slot.to_string());
    let members: Vec<ValidatorIndex> =
        ours.map(|duty| ValidatorIndex(duty["validator_index"].as_str().unwrap().parse().unwrap())).collect();
    let [.., other, silent] = members[..] else { panic!("a committee of some: {told}") };
    let agreed = &members[..members.len() - 2];
    assert!(agreed.len() > 1, "most of them: {members:?}");

    network.until_slot(slot).await;
    assert!(wait_for(Duration::from_secs(5), || network.head().0 == slot).await, "{:?}", network.head());
    let data = loop {
        let path = format!("/eth/v1/validator/payload_attestation_data?slot={slot}");
        let answer = client.ask(Method::GET, &path, None, None).await;
        if answer.status() == 200 {
            break answer.json::<Value>().await.unwrap()["data"].clone();
        }
        assert!(network.slot().unwrap() == slot, "{} in time", answer.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let message = |validator: ValidatorIndex, present: bool| {
        let mut data = data.clone();
        data["payload_present"] = present.into();
        json!({
            "validator_index": validator.to_string(), "data": data, "signature": format!("0x{}", "11".repeat(96)),
        })
    };
    let mut sent: Vec<Value> = agreed.iter().map(|validator| message(*validator, false)).collect();
    sent.push(message(other, true));
    let path = "/eth/v1/beacon/pool/payload_attestations";
    let taken = client.ask(Method::POST, path, Some(&json!(sent)), None).await;
    assert_eq!(taken.status(), 200, "{}", taken.text().await.unwrap());

    let began = Instant::now();
    let rows = loop {
        let rows = payload_attestations(&rig, slot).await;
        if !rows.is_empty() && rows.iter().all(|duty| duty.fate != DutyFate::Unknown) {
            break rows;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(rows.len(), members.len(), "{rows:#?}");
    for duty in &rows {
        let expected = match duty.validator {
            validator if validator == silent => (DutyFate::Missed, None, false),
            validator if validator == other => (DutyFate::Included, Some(false), true),
            _ => (DutyFate::Included, Some(true), true),
        };
        assert_eq!((duty.fate, duty.payload_right, duty.published_ms.is_some()), expected, "{duty:#?}");
        assert!(duty.duties_by.is_some() && duty.client.is_some(), "{duty:#?}");
    }
    rig.stop().await;
    network.stop().await;
}
