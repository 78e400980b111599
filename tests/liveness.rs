//! Liveness over real sockets: whose silence counts, after restarts of beacons and of the router itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod common;

use std::time::Duration;

use beacondeck::model::{Epoch, Reason};
use beacondeck::sim::{Fault, SimConfig, SimNetwork};
use common::{Rig, wait_for};
use serde_json::{Value, json};

/// Nothing here takes so long on a machine that is not stuck.
const PATIENCE: Duration = Duration::from_secs(60);
const KNOBS: &str = "probing: {interval: 200ms, timeout: 400ms}\nhealth: {rise: 1, warm-up-slots: 0}\n";

/// Two epochs are long enough to be seen from within.
fn config() -> SimConfig {
    SimConfig {
        beacons: 3,
        clients: 2,
        validators: 48,
        slot_ms: 600,
        slots_per_epoch: 8,
        past_epochs: 3,
        ..SimConfig::default()
    }
}

async fn asked(url: &str, epoch: Epoch) -> (u16, Value) {
    let answer = reqwest::Client::new()
        .post(format!("{url}/eth/v1/validator/liveness/{epoch}"))
        .json(&json!(["0", "1"]))
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn healthy(rig: &Rig) {
    let all = wait_for(PATIENCE, || rig.status().beacons.iter().all(|beacon| beacon.healthy)).await;
    assert!(all, "{:?}", rig.status());
}

/// Asks until the answer is a success, and says when that was.
async fn until_answered(network: &SimNetwork, rig: &Rig) -> Value {
    let began = std::time::Instant::now();
    loop {
        let (status, body) = asked(&rig.url(), network.epoch()).await;
        match status {
            200 => return body,
            503 if began.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => panic!("{status} {body}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_beacons_that_are_up_for_two_epochs_are_evidence_and_a_restart_of_ours_blinds_nobody() {
    let mut network = SimNetwork::start(config()).await.unwrap();
    let rig = Rig::start(&network, KNOBS).await;
    healthy(&rig).await;
    let first = network.epoch();
    let (status, body) = asked(&rig.url(), first).await;
    let message = body["message"].as_str().unwrap();
    assert_eq!((status, &body["code"]), (503, &json!(503)), "{body}");
    assert!(
        message.starts_with("only 0 of 3 healthy beacons are known to be up for two epochs"),
        "{message}"
    );
    assert!(
        ["b0", "b1", "b2"].iter().all(|name| message.contains(&format!("{name} (known for "))),
        "{message}"
    );

    network.start_clients(&rig.url());
    until_answered(&network, &rig).await;
    assert!(network.epoch().0 >= first.0 + 2, "nobody was up for two epochs before");

    // The router comes back at another port; its clients are gone, and what they did stands.
    let live = network.epoch();
    network.until_end_of(live).await;
    let attested = network.report(live);
    assert!(attested.due > 0 && attested.missed == 0, "{attested:?}");
    let rig = Rig::again(rig.stop_for_now().await).await;
    healthy(&rig).await;
    let (status, body) = asked(&rig.url(), live).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["data"][0], json!({"index": "0", "is_live": true}), "{body}");

    // One that has forgotten whom it saw is not asked; the others remember.
    network.beacon(0).restart(Duration::from_millis(700)).await;
    healthy(&rig).await;
    let (status, body) = asked(&rig.url(), live).await;
    assert_eq!((status, &body["data"][1]["is_live"]), (200, &json!(true)), "{body}");

    // Of two that have, one is too few.
    network.beacon(1).restart(Duration::from_millis(700)).await;
    healthy(&rig).await;
    let (status, body) = asked(&rig.url(), network.epoch()).await;
    let message = body["message"].as_str().unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(message.starts_with("only 1 of 3"), "{message}");
    assert!(message.contains("b0 (") && message.contains("b1 (") && !message.contains("b2"), "{message}");

    // A restart of ours forgets no restart of theirs.
    let rig = Rig::again(rig.stop_for_now().await).await;
    healthy(&rig).await;
    let (status, body) = asked(&rig.url(), network.epoch()).await;
    assert_eq!(status, 503, "{body}");
    until_answered(&network, &rig).await;
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_younger_than_two_epochs_has_nothing_that_was_missed() {
    let network = SimNetwork::start(SimConfig { past_epochs: 0, lead_ms: 4_000, ..config() }).await.unwrap();
    let rig = Rig::start(&network, KNOBS).await;
    let seen =
        wait_for(Duration::from_secs(3), || network.beacons().iter().all(|beacon| beacon.requests() > 2));
    assert!(seen.await && network.slot().is_none(), "all are seen before genesis");
    healthy(&rig).await;
    assert!(network.epoch().0 < 2);
    let (status, body) = asked(&rig.url(), network.epoch()).await;
    assert_eq!(status, 200, "{body}");
    rig.stop().await;
    network.stop().await;
}

/// A fleet file whose beacons tell when their processes started.
fn with_metrics(network: &SimNetwork) -> String {
    let beacons = network.urls().into_iter().enumerate();
    let lines = beacons.map(|(place, url)| {
        format!(
            "  - {{name: b{place}, url: \"{url}\", metrics: \"{url}/metrics\", labels: {{host: h{place}}}}}\n"
        )
    });
    format!("beacons:\n{}{KNOBS}", lines.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tells_when_it_started_is_evidence_whatever_broke_and_none_once_it_restarted() {
    let mut network = SimNetwork::start(config()).await.unwrap();
    let rig = Rig::with(&with_metrics(&network)).await;
    healthy(&rig).await;
    network.start_clients(&rig.url());
    until_answered(&network, &rig).await;

    network.beacons().iter().for_each(|beacon| beacon.set(Fault::Reset));
    assert!(wait_for(PATIENCE, || !rig.status().beacons.iter().any(|beacon| beacon.healthy)).await);
    network.beacons().iter().for_each(|beacon| beacon.heal());
    let back = std::time::Instant::now();
    healthy(&rig).await;
    until_answered(&network, &rig).await;
    assert!(back.elapsed() < SOON, "{:?}", back.elapsed());

    for place in [1, 2] {
        network.beacon(place).restart(Duration::from_millis(700)).await;
    }
    healthy(&rig).await;
    let (status, body) = asked(&rig.url(), network.epoch()).await;
    let message = body["message"].as_str().unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(message.starts_with("only 1 of 3"), "{message}");
    rig.stop().await;
    network.stop().await;
}

/// Longer than a beacon's return and the next event on its stream take, shorter than two epochs.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_gone_for_a_moment_blinds_nobody_and_streams_that_break_prove_nothing() {
    let mut network = SimNetwork::start(config()).await.unwrap();
    let rig = Rig::start(&network, KNOBS).await;
    healthy(&rig).await;
    network.start_clients(&rig.url());
    until_answered(&network, &rig).await;

    network.beacons().iter().for_each(|beacon| beacon.set(Fault::Away));
    let gone = || rig.status().beacons.iter().all(|beacon| beacon.reasons.contains(&Reason::Unreachable));
    assert!(wait_for(PATIENCE, gone).await, "{:?}", rig.status());
    let (status, body) = asked(&rig.url(), network.epoch()).await;
    assert_eq!(status, 503, "nobody is known to be what it was: {body}");
    network.beacons().iter().for_each(|beacon| beacon.heal());
    let back = std::time::Instant::now();
    healthy(&rig).await;
    until_answered(&network, &rig).await;
    assert!(back.elapsed() < SOON, "{:?}", back.elapsed());

    // A stream that broke may have been another process's.
    network.beacons().iter().for_each(|beacon| beacon.set(Fault::Reset));
    assert!(wait_for(PATIENCE, || !rig.status().beacons.iter().any(|beacon| beacon.healthy)).await);
    network.beacons().iter().for_each(|beacon| beacon.heal());
    healthy(&rig).await;
    let (status, body) = asked(&rig.url(), network.epoch()).await;
    let message = body["message"].as_str().unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(!message.contains("b0 ("), "it tells when it started: {message}");
    assert!(message.starts_with("only 1 of 3") && message.contains("b1 ("), "{message}");
    rig.stop().await;
    network.stop().await;
}
