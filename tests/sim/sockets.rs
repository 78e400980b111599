//! Event streams, moods, and faults of the socket.

use std::time::Duration;

use beacondeck::sim::Fault;
use http_body_util::BodyExt;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::help::{PATIENCE, eventually, get, http, running, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_and_reorgs_are_announced() {
    let net = running().await;
    let http = http();
    let url = format!("{}/eth/v1/events?topics=head&topics=block,chain_reorg", net.beacon(1).url());
    let response = http.get(url.parse().unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut text = String::new();
    let mut until = async |topic: &str| {
        let read = async {
            loop {
                let found = text.split_once(&format!("event: {topic}\ndata: "));
                if let Some((data, rest)) = found.and_then(|(_, rest)| rest.split_once("\n\n")) {
                    let data: Value = serde_json::from_str(data).unwrap();
                    text = rest.to_owned();
                    return data;
                }
                let frame = body.frame().await.unwrap().unwrap();
                text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("no {topic}"))
    };
    let head = until("head").await;
    assert_eq!(head["block"], json!(net.beacon(1).head().1));
    assert_eq!(head["execution_optimistic"], false);
    assert!(head["current_duty_dependent_root"].is_string() && head["epoch_transition"].is_boolean());
    net.beacon(1).set(Fault::Fork);
    let forked = until("head").await;
    assert_ne!(forked["block"], json!(net.head().1));
    net.beacon(1).heal();
    let reorg = until("chain_reorg").await;
    assert_eq!(reorg["old_head_block"], forked["block"]);
    eventually("back on the main chain", async || net.beacon(1).head() == net.head()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_the_socket_befall_established_connections() {
    let net = running().await;
    let (http, beacon) = (http(), net.beacon(0));
    let url = format!("{}/eth/v1/beacon/genesis", beacon.url());
    let (_, genesis) = get(&http, url.clone()).await;
    beacon.set(Fault::Truncate);
    let error = send(&http, "GET", url.clone(), &[], "").await.unwrap_err();
    assert!(error.starts_with("body: "), "{error}");
    beacon.heal();
    get(&http, url.clone()).await;
    beacon.set(Fault::Hang);
    let asked = tokio::time::timeout(Duration::from_millis(300), send(&http, "GET", url.clone(), &[], ""));
    assert!(asked.await.is_err(), "a hung beacon does not answer");
    beacon.set(Fault::Reset);
    beacon.settled().await;
    let error = send(&http, "GET", url.clone(), &[], "").await.unwrap_err();
    // A kept connection may be found reset before anything is sent on it.
    let reset = ["ConnectionReset", "IncompleteMessage", "connection was not ready"];
    assert!(reset.iter().any(|words| error.contains(words)), "{error}");
    beacon.set(Fault::Refuse);
    beacon.settled().await;
    let error = send(&http, "GET", url.clone(), &[], "").await.unwrap_err();
    assert!(error.contains("ConnectionRefused"), "{error}");
    beacon.heal();
    beacon.settled().await;
    assert_eq!(get(&http, url.clone()).await, (StatusCode::OK, genesis.clone()));
    beacon.set(Fault::WrongChain);
    let (_, other) = get(&http, url).await;
    assert_ne!(other["data"]["genesis_validators_root"], genesis["data"]["genesis_validators_root"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moods_are_told() {
    let net = running().await;
    let (http, beacon) = (http(), net.beacon(0));
    let url = beacon.url();
    for (fault, member, health) in [
        (Fault::Optimistic, "is_optimistic", 206),
        (Fault::ElOffline, "el_offline", 206),
        (Fault::Syncing, "is_syncing", 206),
        (Fault::StaleHead, "", 200),
    ] {
        beacon.set(fault);
        let (_, syncing) = get(&http, format!("{url}/eth/v1/node/syncing")).await;
        for key in ["is_optimistic", "el_offline", "is_syncing"] {
            assert_eq!(syncing["data"][key], key == member, "{fault:?}: {syncing}");
        }
        assert_eq!(get(&http, format!("{url}/eth/v1/node/health")).await.0.as_u16(), health, "{fault:?}");
    }
    // The one that is cut off stands still while the others go on.
    let stale = beacon.head();
    eventually("the others go on", async || net.beacon(1).head().0 > stale.0).await;
    assert_eq!(beacon.head(), stale);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_network_listens_no_more() {
    let net = running().await;
    let (http, url) = (http(), format!("{}/eth/v1/node/health", net.beacon(0).url()));
    get(&http, url.clone()).await;
    drop(net);
    eventually("nobody listens", async || {
        send(&http, "GET", url.clone(), &[], "").await.is_err_and(|error| error.contains("ConnectionRefused"))
    })
    .await;
}
