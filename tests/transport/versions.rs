//! HTTP/1.0, 1.1 and 2, plain and over TLS, on either side.

use std::time::Duration;

use hyper::Version;
use rstest::rstest;

use crate::common::{Rig, wait_for};
use crate::house::House;
use crate::modern::{Authority, Modern};
use crate::stub::{Stub, good, json};
use crate::wire::{BULK, PUBLISH, READ, Wire, ask, get, post, read, request, until};
use beacondeck::model::Reason;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_carries_many_requests_one_after_another() {
    let house = House::of(good(), "").await;
    let mut wire = Wire::to(house.door).await;
    for round in 0..20 {
        for bytes in
            [get(READ), get(BULK), post(PUBLISH, b"[]"), get("/eth/v1/node/version"), get("/none/of/ours")]
        {
            let reply = wire.ask(&bytes).await.unwrap_or_else(|| panic!("closed in round {round}"));
            assert!(reply.whole && [200, 403].contains(&reply.status), "{reply:?}");
        }
    }
    assert!(
        house.stubs[0].notes.connections() < 20,
        "and so do the beacon's: {}",
        house.stubs[0].notes.connections()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let script: crate::stub::Script = std::sync::Arc::new(|seen: &crate::stub::Seen| {
        let number = seen.target.rsplit('=').next().unwrap_or_default().to_owned();
        let wait = Duration::from_millis(if number == "0" { 150 } else { 0 });
        vec![crate::stub::Step::Wait(wait), json(&format!("{{\"number\":\"{number}\"}}"))]
    });
    let house = House::of(script, "").await;
    let mut wire = Wire::to(house.door).await;
    let all: Vec<u8> = (0..10)
        .flat_map(|number| {
            let target = format!("{}?number={number}", if number % 2 == 0 { READ } else { PUBLISH });
            if number % 2 == 0 { get(&target) } else { post(&target, b"[1]") }
        })
        .collect();
    wire.send(&all).await;
    for number in 0..10 {
        let reply = wire.reply().await.unwrap();
        assert_eq!(reply.text(), format!("{{\"number\":\"{number}\"}}"));
    }
}

#[rstest]
#[case::closes("HTTP/1.0", &[], false)]
#[case::asks_to_stay("HTTP/1.0", &["connection: keep-alive"], true)]
#[case::asks_to_close("HTTP/1.1", &["host: door", "connection: close"], false)]
#[case::stays("HTTP/1.1", &["host: door"], true)]
#[tokio::test(flavor = "multi_thread")]
async fn the_client_decides_whether_the_connection_stays(
    #[case] version: &str,
    #[case] headers: &[&str],
    #[case] stays: bool,
    #[values(READ, BULK, "/eth/v1/node/version")] target: &str,
) {
    let house = House::of(good(), "limits: {idle: 1s}\n").await;
    let mut wire = Wire::to(house.door).await;
    let bytes = request(&format!("GET {target} {version}"), headers, b"");
    let reply = wire.ask(&bytes).await.unwrap();
    assert_eq!((reply.status, reply.whole), (200, true), "{reply:?}");
    assert_eq!(wire.ask(&bytes).await.is_some(), stays);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_may_speak_http2_at_once() {
    let house = House::of(good(), "").await;
    let http = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = |target: &str| format!("http://{}{target}", house.door);
    until("only the test's own connection is counted", async || {
        house.metric("beacondeck_connections_open").await == 0
    })
    .await;
    let asks = (0..200).map(|number| {
        let (http, target) = (&http, url(if number % 2 == 0 { READ } else { BULK }));
        async move { http.get(target).header("authorization", "Bearer x").send().await.unwrap() }
    });
    for answer in futures_util::future::join_all(asks).await {
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
        assert_eq!(answer.headers()["x-beacondeck-beacon"], "b0");
        assert_eq!(answer.text().await.unwrap(), r#"{"data":"ok"}"#);
    }
    until("one connection", async || house.metric("beacondeck_connections_open").await == 1).await;
    assert!(house.stubs[0].notes.seen().iter().all(|seen| seen.all("authorization").is_empty()));
    let body = vec![7_u8; 1 << 20];
    let answer = http.post(url(PUBLISH)).body(body.clone()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(house.stubs[0].notes.of(PUBLISH)[0].body, body);
    let answer = http.get(url("/eth/v1/debug/fork_choice")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
    let answer = http.get(url(READ)).header("x-long", "a".repeat(100 << 10)).send().await;
    assert!(answer.is_err() || answer.unwrap().status().as_u16() == 431);
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_may_be_spoken_to_in_plain_http2() {
    let modern = Modern::plain().await;
    let text = format!("beacons:\n  - {{name: b0, url: \"{}\", http2: true}}\n", modern.url);
    let house = House::ready(Rig::with(&text).await, Vec::new(), 1).await;
    let asks = (0..50).map(|number| ask_echo(&house, number));
    futures_util::future::join_all(asks).await;
    assert_eq!(modern.versions(), vec![Version::HTTP_2]);
    assert_eq!(modern.asked().len(), 50);
}

async fn ask_echo(house: &House, number: usize) {
    let body = format!("[{number}]").into_bytes();
    let reply = ask(house.door, &post(PUBLISH, &body)).await.unwrap();
    assert_eq!((reply.status, reply.body), (200, body));
}

#[rstest]
#[case::http2(&["h2", "http/1.1"], Version::HTTP_2)]
#[case::http1(&["http/1.1"], Version::HTTP_11)]
#[case::no_choice(&[], Version::HTTP_11)]
#[tokio::test(flavor = "multi_thread")]
async fn over_tls_both_sides_agree_on_a_version(#[case] protocols: &[&str], #[case] version: Version) {
    let authority = Authority::new();
    let modern = Modern::tls(&authority, protocols).await;
    let text = format!(
        "beacons:\n  - {{name: b0, url: \"{}\", ca-file: {}}}\n",
        modern.url,
        authority.file.display()
    );
    let house = House::ready(Rig::with(&text).await, Vec::new(), 1).await;
    for number in 0..5 {
        ask_echo(&house, number).await;
    }
    let asked = modern.asked();
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|(used, ..)| *used == version), "{asked:?}");
}

/// A certificate of another authority, or of no known one, is no beacon of ours.
#[rstest]
#[case::another(true)]
#[case::none(false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_with_a_strange_certificate_is_unreachable(#[case] another: bool) {
    let (authority, other) = (Authority::new(), Authority::new());
    let modern = Modern::tls(&authority, &["h2"]).await;
    let ca_file = if another { format!(", ca-file: {}", other.file.display()) } else { String::new() };
    let stub = Stub::start(good()).await;
    let text = format!(
        "zone: here\nbeacons:\n  - {{name: b0, url: \"{}\"{ca_file}, labels: {{zone: here}}}}\n  - {{name: b1, url: \"{}\"}}\n",
        modern.url,
        stub.url()
    );
    let rig = Rig::with(&text).await;
    let named = wait_for(Duration::from_secs(8), || rig.beacon(0).reasons.contains(&Reason::Unreachable));
    assert!(named.await, "{:?}", rig.beacon(0));
    let house = House::ready(rig, vec![stub], 1).await;
    assert_eq!(read(house.door, READ).await.header("x-beacondeck-beacon"), "b1");
    assert_eq!(modern.asked().len(), 0);
    let alone = format!("beacons:\n  - {{name: b0, url: \"{}\"{ca_file}}}\n", modern.url);
    let rig = Rig::with(&alone).await;
    let reply = read(rig.engine.doors[0], READ).await;
    assert_eq!(reply.status, 502);
    assert!(reply.message().contains("b0 is unreachable"), "{}", reply.message());
}
