//! Clients that take their time, and clients that go: what they hold is let go, and nobody else waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;
use tokio::io::AsyncReadExt as _;

use crate::house::{House, only};
use crate::stub::{Script, Step, Stub, always, answer, good, json, text};
use crate::wire::{BULK, PATIENCE, PUBLISH, READ, Wire, get, post, request, until};

/// Limits so short that a test can wait for them.
const SHORT: &str = "limits: {head-time: 1s, body-time: 500ms, idle: 5s}\n";

/// Sends a byte each 100 ms until the other side hangs up; how long it took.
async fn trickle(wire: &mut Wire, bytes: &[u8]) -> Duration {
    let began = Instant::now();
    let (mut read, mut write) = wire.stream.split();
    let sending = async {
        for byte in bytes.iter().cycle() {
            if tokio::io::AsyncWriteExt::write_all(&mut write, &[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let ended = async { while matches!(read.read(&mut [0; 512]).await, Ok(1..)) {} };
    tokio::select! {
        () = sending => {}
        () = ended => {}
        () = tokio::time::sleep(PATIENCE) => panic!("still connected after {PATIENCE:?}"),
    }
    began.elapsed()
}

#[rstest]
#[case::first_request(&[])]
#[case::second_request(&[READ])]
#[case::after_the_routers_own_answer(&["/eth/v1/node/version"])]
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_trickles_is_cut_in_time_while_others_are_served(#[case] before: &[&str]) {
    let house = House::of(good(), SHORT).await;
    let mut wire = Wire::to(house.door).await;
    for target in before {
        assert_eq!(wire.ask(&get(target)).await.unwrap().status, 200);
    }
    let others = async {
        loop {
            house.is_well().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let took = tokio::select! {
        took = trickle(&mut wire, b"GET /eth/v1/node/version?a=b&c=d&e=f&g=h") => took,
        () = others => unreachable!(),
    };
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_slow_heads_leave_the_door_open() {
    let house = House::of(good(), SHORT).await;
    let mut wires = Vec::new();
    for _ in 0..60 {
        let mut wire = Wire::to(house.door).await;
        wire.send(b"GET / HTTP/1.1\r\nhost: door\r\nx-").await;
        wires.push(wire);
    }
    house.is_well().await;
    for wire in &mut wires {
        assert!(wire.rest().await.is_empty());
    }
    house.is_well().await;
}

/// The time for a head begins with the head: until then a connection may idle, whoever answered its last request.
#[rstest]
#[case::router("/eth/v1/node/version")]
#[case::beacon(READ)]
#[case::refused("/eth/v1/debug/fork_choice")]
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_outlives_the_time_for_a_head(#[case] target: &str) {
    let house = House::of(good(), "limits: {head-time: 300ms, idle: 5s}\n").await;
    let mut wire = Wire::to(house.door).await;
    let first = wire.ask(&get(target)).await.unwrap().status;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = wire.ask(&get(target)).await;
    assert_eq!(second.map(|reply| reply.status), Some(first));
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_never_speaks_again_is_closed_after_its_idle_time() {
    let house = House::of(good(), "limits: {head-time: 300ms, idle: 1s}\n").await;
    let mut wire = Wire::to(house.door).await;
    assert_eq!(wire.ask(&get(READ)).await.unwrap().status, 200);
    let began = Instant::now();
    assert!(wire.rest().await.is_empty());
    assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
    house.is_well().await;
}

#[rstest]
#[case::declared(&["content-length: 1000"], b"[1,2")]
#[case::chunked(&["transfer-encoding: chunked"], b"4\r\n[1,2\r\n")]
#[case::waiting_for_a_go(&["content-length: 1000", "expect: 100-continue"], b"")]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_is_a_408(#[case] headers: &[&str], #[case] body: &[u8]) {
    let house = House::of(good(), SHORT).await;
    let mut wire = Wire::to(house.door).await;
    let all = [&["host: door"][..], headers].concat();
    let began = Instant::now();
    wire.send(&request(&format!("POST {PUBLISH} HTTP/1.1"), &all, body)).await;
    let reply = wire.reply().await.unwrap();
    assert_eq!((reply.status, reply.message().contains("stopped coming")), (408, true), "{reply:?}");
    assert!(began.elapsed() > Duration::from_millis(450), "{:?}", began.elapsed());
    assert!(wire.rest().await.is_empty(), "the connection ends: the rest of the body may still come");
    assert_eq!(house.stubs[0].notes.seen().len(), 0);
    house.is_well().await;
}

/// Silence is not the only way to be slow: a byte now and then would hold its place for days.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_is_a_408_too() {
    let house = House::of(good(), "limits: {body-time: 1s}\n").await;
    let mut wire = Wire::to(house.door).await;
    let line = format!("POST {PUBLISH} HTTP/1.1");
    wire.send(&request(&line, &["host: door", "content-length: 100000"], b"")).await;
    let took = trickle(&mut wire, b" ").await;
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(house.stubs[0].notes.seen().len(), 0);
    house.is_well().await;
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// An answer nobody takes is given up, and with it the beacon's connection where it still comes.
#[rstest]
#[case::streamed(BULK, vec![text(CHUNKED), Step::Flood(96 << 20, Arc::default())], true)]
#[case::held(READ, vec![answer("200 OK", &[], &vec![b'x'; 24 << 20])], false)]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_read_is_given_up(
    #[case] target: &'static str,
    #[case] steps: Vec<Step>,
    #[case] streamed: bool,
) {
    let big = format!("{target}?big");
    let house = House::of(
        Arc::new(move |seen| if seen.target.ends_with("?big") { steps.clone() } else { vec![json("{}")] }),
        "limits: {body-time: 1500ms}\n",
    )
    .await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&get(&big)).await;
    assert_eq!(wire.head().await.unwrap().status, 200);
    let open = async || house.metric("beacondeck_connections_open").await;
    until("the connection is counted", async || open().await == 1).await;
    house.is_well().await;
    until("the connection is given up", async || open().await == 0).await;
    if streamed {
        until("the beacon is let go", async || house.stubs[0].notes.abandoned(&big) == 1).await;
    }
    let rest = wire.rest().await.len();
    assert!(rest < 20 << 20, "all of it came: {rest} bytes");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_read_slowly_comes_whole() {
    let total = 12 << 20;
    let flood: Script = Arc::new(move |_| vec![text(CHUNKED), Step::Flood(total, Arc::default())]);
    let house = House::of(only(BULK, flood), "limits: {head-time: 300ms, body-time: 500ms}\n").await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&get(BULK)).await;
    assert_eq!(wire.head().await.unwrap().status, 200);
    let (mut got, mut pause) = (0, 8);
    while let Some(chunk) = wire.chunk().await.filter(|chunk| !chunk.is_empty()) {
        got += chunk.len() as u64;
        if pause > 0 && got > (9 - pause) << 20 {
            pause -= 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    assert_eq!(got, total);
    house.is_well().await;
}

/// A read nobody waits for any more is let go at the beacon, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_read() {
    let waits = always(vec![Step::Wait(Duration::from_secs(3)), json("{}")]);
    let house = House::of(only(BULK, waits), "").await;
    let notes = house.stubs[0].notes.clone();
    let mut wire = Wire::to(house.door).await;
    wire.send(&get(BULK)).await;
    until("the beacon is asked", async || notes.of(BULK).len() == 1).await;
    drop(wire);
    until("the read is let go", async || notes.abandoned(BULK) == 1).await;
    house.is_well().await;
}

/// What was signed must go out: the client that leaves, its connection or its patience lost, takes nothing back.
#[rstest]
#[case::attestations(PUBLISH)]
#[case::blinded_block("/eth/v2/beacon/blinded_blocks")]
#[case::subscriptions("/eth/v1/validator/beacon_committee_subscriptions")]
#[case::unknown("/eth/v1/beacon/something_new")]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_no_publication_back(#[case] target: &'static str) {
    let slow = || only("/", always(vec![Step::Wait(Duration::from_millis(400)), json("{}")]));
    let house = House::with(vec![Stub::start(slow()).await, Stub::start(slow()).await], "").await;
    let mut wire = Wire::to(house.door).await;
    wire.send(&post(target, b"[]")).await;
    let asked = || house.stubs.iter().filter(|stub| !stub.notes.of(target).is_empty()).count();
    until("a beacon is asked", async || asked() >= 1).await;
    drop(wire);
    until("each beacon that was asked answers to the end", async || {
        let left: usize = house.stubs.iter().map(|stub| stub.notes.abandoned(target)).sum();
        assert_eq!(left, 0, "a beacon was left before it had answered");
        house.stubs.iter().all(|stub| stub.notes.finished(target) == stub.notes.of(target).len())
    })
    .await;
    until("the publication is remembered", async || {
        let told = house.rig.explain(20).await;
        told.iter().any(|each| each.status == 200 && each.method.as_deref() == Some("POST"))
    })
    .await;
    house.is_well().await;
}
