//! Bounds: bodies, connections, addresses.

use std::time::Duration;

use rstest::rstest;

use crate::common::Rig;
use crate::house::{House, beacons};
use crate::stub::{Stub, good};
use crate::wire::{PUBLISH, READ, Wire, ask, get, post, request, until};

const SMALL: &str = "limits: {body: 4KiB, bodies: 16KiB, body-time: 5s}\n";

fn chunk(size: usize) -> Vec<u8> {
    [format!("{size:x}\r\n").into_bytes(), vec![b' '; size], b"\r\n".to_vec()].concat()
}

fn line() -> String {
    format!("POST {PUBLISH} HTTP/1.1")
}

/// Whether its length was declared or not; the error comes even if nothing of the body did.
#[rstest]
#[case::declared(request(&line(), &["host: door", "content-length: 4097"], &vec![b' '; 4_097]))]
#[case::declared_and_withheld(request(&line(), &["host: door", "content-length: 4097"], b""))]
#[case::asked_first(request(&line(), &["host: door", "content-length: 99999999", "expect: 100-continue"], b""))]
#[case::chunked(request(&line(), &["host: door", "transfer-encoding: chunked"], &chunk(5_000)))]
#[case::chunked_small(request(&line(), &["host: door", "transfer-encoding: chunked"], &chunk(100).repeat(50)))]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_too_large_is_a_413(#[case] bytes: Vec<u8>) {
    let house = House::of(good(), SMALL).await;
    let reply = ask(house.door, &bytes).await.unwrap();
    assert_eq!(reply.status, 413, "{reply:?}");
    assert!(reply.message().contains("larger than 4096 bytes"), "{}", reply.message());
    assert_eq!(house.stubs[0].notes.seen().len(), 0);
    house.is_well().await;
}

/// An ordinary client, which sends on while it is refused, reads the refusal and not a reset connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_much_too_much_reads_the_413() {
    let house = House::of(good(), SMALL).await;
    for _ in 0..5 {
        let url = format!("http://{}{PUBLISH}", house.door);
        let sent = reqwest::Client::new().post(url).body(vec![b' '; 8 << 20]).send().await;
        assert_eq!(sent.unwrap().status(), 413);
    }
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_just_the_limit_passes() {
    let house = House::of(good(), SMALL).await;
    let body = vec![b' '; 4_096];
    assert_eq!(ask(house.door, &post(PUBLISH, &body)).await.unwrap().status, 200);
    let chunked = request(
        &line(),
        &["host: door", "transfer-encoding: chunked"],
        &[chunk(4_096), b"0\r\n\r\n".to_vec()].concat(),
    );
    assert_eq!(ask(house.door, &chunked).await.unwrap().status, 200);
    assert!(house.stubs[0].notes.of(PUBLISH).iter().all(|seen| seen.body == body));
}

/// All bodies together are bounded by what has come of them, not by what was said of them; who comes too late is told,
/// and there is room again as soon as the others are gone.
#[rstest]
#[case::declared(&["content-length: 4096"], vec![b' '; 4_000])]
#[case::chunked(&["transfer-encoding: chunked"], chunk(4_000))]
#[tokio::test(flavor = "multi_thread")]
async fn all_bodies_together_are_bounded(#[case] headers: &[&str], #[case] part: Vec<u8>) {
    let house = House::of(good(), SMALL).await;
    let all = [&["host: door"][..], headers].concat();
    let mut holding = Vec::new();
    let mut refused = Vec::new();
    for _ in 0..6 {
        let mut wire = Wire::to(house.door).await;
        wire.send(&request(&line(), &all, &part)).await;
        match tokio::time::timeout(Duration::from_millis(300), wire.reply()).await {
            Ok(reply) => refused.push(reply.unwrap()),
            Err(_) => holding.push(wire),
        }
    }
    assert_eq!((holding.len(), refused.len()), (4, 2), "{refused:?}");
    for reply in refused {
        assert_eq!(reply.status, 503);
        assert!(reply.message().contains("limits: bodies:"), "{}", reply.message());
    }
    house.is_well().await;
    drop(holding);
    until("room again", async || ask(house.door, &post(PUBLISH, b"[]")).await.unwrap().status == 200).await;
}

/// A length that is only said takes no room from others.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_announced_takes_no_room() {
    let house = House::of(good(), SMALL).await;
    let mut idlers = Vec::new();
    for _ in 0..8 {
        let mut wire = Wire::to(house.door).await;
        wire.send(&request(&line(), &["host: door", "content-length: 4096"], b"")).await;
        idlers.push(wire);
    }
    house.is_well().await;
    let reply = ask(house.door, &post(PUBLISH, &vec![b' '; 4_000])).await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so_and_the_others_go_on() {
    let house = House::of(good(), "limits: {connections: 4}\n").await;
    until("the test's own connections are gone", async || {
        house.metric("beacondeck_connections_open").await == 0
    })
    .await;
    let mut wires = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::to(house.door).await;
        assert_eq!(wire.ask(&get(READ)).await.unwrap().status, 200);
        wires.push(wire);
    }
    for _ in 0..3 {
        let mut wire = Wire::to(house.door).await;
        let reply = wire.ask(&get(READ)).await.expect("an answer that says why");
        assert_eq!(reply.status, 503);
        assert!(reply.message().contains("limits: connections:"), "{}", reply.message());
        assert!(wire.rest().await.is_empty());
    }
    for wire in &mut wires {
        assert_eq!(wire.ask(&get(READ)).await.unwrap().status, 200, "those who are in stay in");
    }
    wires.pop();
    until("a place for the next", async || {
        ask(house.door, &get(READ)).await.is_some_and(|r| r.status == 200)
    })
    .await;
}

/// A crowd that comes at once does not slip through between two counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_counted_one_by_one() {
    let house = House::of(good(), "limits: {connections: 4}\n").await;
    until("the test's own connections are gone", async || {
        house.metric("beacondeck_connections_open").await == 0
    })
    .await;
    let mut wires = futures_util::future::join_all((0..40).map(|_| Wire::to(house.door))).await;
    let mut served = 0;
    for wire in &mut wires {
        served += usize::from(wire.ask(&get(READ)).await.is_some_and(|reply| reply.status == 200));
    }
    assert_eq!(served, 4, "of 4 places");
    drop(wires);
    until("room again", async || ask(house.door, &get(READ)).await.is_some_and(|r| r.status == 200)).await;
}

#[rstest]
#[case::stranger("[10.0.0.0/8]", false)]
#[case::friend("[10.0.0.0/8, 127.0.0.0/8]", true)]
#[case::both_kinds("[10.0.0.0/8, \"::1/128\", 127.0.0.1/32]", true)]
#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_networks_are_let_in(#[case] allow: &str, #[case] let_in: bool) {
    let stub = Stub::start(good()).await;
    let text = beacons(&[stub.url()]) + "health: {rise: 1}\n";
    let listen = format!("[{{address: \"127.0.0.1:0\", allow: {allow}}}, \"127.0.0.1:0\"]");
    let rig = Rig::at(&listen, &text).await;
    let (guarded, open) = (rig.engine.doors[0], rig.engine.doors[1]);
    until("a healthy beacon", async || ask(open, &get(READ)).await.unwrap().status == 200).await;
    let reply = ask(guarded, &get(READ)).await.expect("an answer that says why");
    if let_in {
        assert_eq!(reply.status, 200);
    } else {
        assert_eq!(reply.status, 403);
        assert!(reply.message().contains("127.0.0.1") && reply.message().contains("allow:"), "{reply:?}");
    }
    let reply = ask(open, &get(READ)).await.unwrap();
    assert_eq!(reply.status, 200, "the other door is open to all");
}
