//! What one client may take of the door: bursts pass, floods wait and are told, and the others do not notice.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::common::Rig;
use crate::house::{House, beacons};
use crate::stub::{Stub, good};
use crate::wire::{PUBLISH, READ, Wire, ask, get, post, until};

/// A second door makes a second client of one who knocks there.
async fn two_clients(limits: &str) -> House {
    let stub = Stub::start(good()).await;
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let extra = format!("clients: [{{name: other, from: \"{address}\"}}]\nlimits: {{{limits}}}\n");
    let rig = Rig::at(&format!("[\"127.0.0.1:0\", \"{address}\"]"), &(beacons(&[stub.url()]) + &extra)).await;
    let door = rig.engine.doors[1];
    until("a healthy beacon", async || ask(door, &get(READ)).await.unwrap().status == 200).await;
    House { rig, stubs: vec![stub], door }
}

/// Prysm posts each attestation by itself (beacon-api.md, section 5): of 64,000 validators 2,000 come at one instant.
#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_attestations_at_once_meet_no_limit() {
    let house = House::of(good(), "").await;
    let mut wires = join_all((0..250).map(|_| Wire::to(house.door))).await;
    let sending = wires.iter_mut().map(async |wire| {
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(wire.ask(&post(PUBLISH, b"[]")).await.unwrap().status);
        }
        statuses
    });
    let statuses = join_all(sending).await.concat();
    assert_eq!((statuses.len(), statuses.iter().filter(|status| **status != 200).count()), (2_000, 0));
    assert_eq!(house.metric("beacondeck_requests_refused_total{reason=\"rate\"}").await, 0);
    assert_eq!(house.metric("beacondeck_connections_refused_total").await, 0);
}

/// Ten a second, twenty at once, ten more within the second that follows; what is beyond is a 503, and never a 429.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_waits_then_is_told_and_the_others_do_not_notice() {
    let house = two_clients("requests-per-second-per-client: 10").await;
    let busy = house.rig.engine.doors[0];
    let began = Instant::now();
    let asking = join_all((0..60).map(|_| async move {
        let reply = ask(busy, &post(PUBLISH, b"[]")).await.unwrap();
        (reply, began.elapsed())
    }));
    let other = async {
        until("the flood has begun", async || house.stubs[0].notes.of(PUBLISH).len() >= 10).await;
        let asked = Instant::now();
        house.is_well().await;
        asked.elapsed()
    };
    let (replies, other) = futures_util::future::join(asking, other).await;
    assert!(other < Duration::from_millis(500), "the other client waited {other:?}");
    let served = replies.iter().filter(|(reply, _)| reply.status == 200).count();
    // Time passes while they come: each tenth of a second lets one more in.
    assert!((30..=40).contains(&served), "{served} of 60");
    let last = replies.iter().filter(|(reply, _)| reply.status == 200).map(|(_, at)| *at).max().unwrap();
    assert!(last >= Duration::from_millis(800), "none had to wait: {last:?}");
    for (reply, at) in replies.iter().filter(|(reply, _)| reply.status != 200) {
        assert_eq!(reply.status, 503, "{reply:?}");
        assert!(reply.message().contains("requests-per-second-per-client:"), "{}", reply.message());
        assert!(*at < Duration::from_secs(2), "a refusal is no wait: {at:?}");
    }
    assert_eq!(house.stubs[0].notes.of(PUBLISH).len(), served);
    until("there is a turn again", async || ask(busy, &get(READ)).await.unwrap().status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_waits_for_a_place_then_is_told() {
    let house = two_clients("connections-per-client: 3").await;
    let busy = house.rig.engine.doors[0];
    let mut wires = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::to(busy).await;
        assert_eq!(wire.ask(&get(READ)).await.unwrap().status, 200);
        wires.push(wire);
    }
    let began = Instant::now();
    let reply = ask(busy, &get(READ)).await.expect("an answer that says why");
    assert_eq!(reply.status, 503);
    assert!(reply.message().contains("connections-per-client:"), "{}", reply.message());
    assert!(began.elapsed() > Duration::from_millis(1_500), "{:?}", began.elapsed());
    house.is_well().await;
    let waiting = tokio::spawn(async move { ask(busy, &get(READ)).await.map(|reply| reply.status) });
    until("it waits", async || house.metric("beacondeck_connections_open").await >= 4).await;
    wires.pop();
    assert_eq!(waiting.await.unwrap(), Some(200), "one left, the next is let in");
    for wire in &mut wires {
        assert_eq!(wire.ask(&get(READ)).await.unwrap().status, 200, "those who are in stay in");
    }
}
