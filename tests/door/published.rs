//! Signed blocks: one goes out for a slot and its proposer, and what belongs to it goes to the beacon that made it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;

use crate::blocks::{Maker, block};
use crate::common::Rig;
use crate::house::House;
use crate::signable::slot;
use crate::stub::{Script, Seen, Step, Stub, answer, json};
use crate::wire::{Reply, ask, post, read, request, until};

const BLOCKS: &str = "/eth/v2/beacon/blocks";
const ENVELOPES: &str = "/eth/v1/beacon/execution_payload_envelopes";
/// The state of a block whose signature is wrong.
const GARBAGE: u8 = 0xee;

fn signed(slot: u64, state: u8) -> String {
    format!(r#"{{"message":{},"signature":"0x00"}}"#, block(slot, 0xab, state))
}

async fn publish(house: &House, target: &str, slot: u64, state: u8) -> Reply {
    ask(house.door, &post(target, signed(slot, state).as_bytes())).await.unwrap()
}

/// A beacon that makes a block of any slot, takes blocks with this status, and looks at signatures for a while.
fn taking(status: &'static str, while_ms: u64) -> Script {
    Arc::new(move |seen: &Seen| {
        if let Some(path) = seen.target.strip_prefix("/eth/v3/validator/blocks/") {
            let slot = path.split('?').next().unwrap().parse().unwrap();
            return vec![json(&format!(r#"{{"data":{}}}"#, block(slot, 0xab, 99)))];
        }
        if !seen.target.starts_with("/eth/v2/beacon/b") {
            return vec![json(r#"{"data":"ok"}"#)];
        }
        let wrong = String::from_utf8_lossy(&seen.body).contains(&format!("{GARBAGE:02x}").repeat(32));
        let refusal = br#"{"code":400,"message":"invalid signature"}"#;
        let wait = Step::Wait(Duration::from_millis(while_ms));
        let kind = ["content-type: application/json"];
        vec![wait, if wrong { answer("400 Bad Request", &kind, refusal) } else { answer(status, &kind, b"") }]
    })
}

#[rstest]
#[case::taken("200 OK", BLOCKS)]
#[case::broadcast_and_not_imported("202 Accepted", BLOCKS)]
#[case::blinded("200 OK", "/eth/v2/beacon/blinded_blocks")]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_block_is_refused_once_the_first_was_taken(
    #[case] status: &'static str,
    #[case] path: &str,
) {
    let house = House::of(taking(status, 0), "").await;
    let slot = slot();
    let taken: u16 = status[..3].parse().unwrap();
    assert_eq!(publish(&house, path, slot, 1).await.status, taken);
    let second = publish(&house, BLOCKS, slot, 2).await;
    assert_eq!((second.status, second.header("x-beacondeck-beacon")), (400, "router"), "{second:?}");
    assert!(second.message().contains("another block of slot"), "{}", second.message());
    assert_eq!(publish(&house, path, slot, 1).await.status, taken, "the same again");
    assert_eq!(publish(&house, path, slot + 1, 2).await.status, taken, "another slot");
    assert_eq!(house.stubs[0].notes.of("/eth/v2/beacon/").len(), 3);
    let again = Rig::again(house.rig.stop_for_now().await).await;
    let house = House::ready(again, house.stubs, 1).await;
    let behind = format!("/eth/v3/validator/blocks/{}?randao_reveal=0xaa", slot - 1);
    until("it is known again", async || read(house.door, &behind).await.status == 400).await;
    let second = publish(&house, BLOCKS, slot, 2).await;
    assert_eq!((second.status, second.header("x-beacondeck-beacon")), (400, "router"), "{second:?}");
    assert_eq!(publish(&house, path, slot, 1).await.status, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_known_already_was_taken() {
    let known: Script = Arc::new(|seen: &Seen| {
        if seen.target != BLOCKS {
            return vec![json(r#"{"data":"ok"}"#)];
        }
        let body = br#"{"code":500,"message":"BLOCK_ERROR_ALREADY_KNOWN"}"#;
        vec![answer("500 Internal Server Error", &["content-type: application/json"], body)]
    });
    let house = House::of(known, "").await;
    let slot = slot();
    publish(&house, BLOCKS, slot, 1).await;
    assert_eq!(publish(&house, BLOCKS, slot, 2).await.header("x-beacondeck-beacon"), "router");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_does_not_stand_in_the_way_of_the_right_block() {
    let stubs = vec![Stub::start(taking("200 OK", 400)).await, Stub::start(taking("200 OK", 0)).await];
    let house = House::with(stubs, "").await;
    let slot = slot();
    assert_eq!(publish(&house, BLOCKS, slot, GARBAGE).await.status, 400);
    assert_eq!(publish(&house, BLOCKS, slot, 1).await.status, 200);
    // The same at once: the right one waits for the end of the other.
    let slot = slot + 1;
    let later = async {
        until("the garbage is under way", async || house.stubs[0].notes.of(BLOCKS).len() == 3).await;
        publish(&house, BLOCKS, slot, 1).await
    };
    let (garbage, right) = tokio::join!(publish(&house, BLOCKS, slot, GARBAGE), later);
    assert_eq!((garbage.status, right.status), (400, 200), "{right:?}");
    let second = publish(&house, BLOCKS, slot, 2).await;
    assert_eq!((second.status, second.header("x-beacondeck-beacon")), (400, "router"));
}

/// Takes blocks at once, and never says anything of garbage.
fn hanging() -> Script {
    let well = taking("200 OK", 0);
    Arc::new(move |seen: &Seen| {
        let garbage = String::from_utf8_lossy(&seen.body).contains(&format!("{GARBAGE:02x}").repeat(32));
        if garbage { vec![Step::Wait(Duration::from_secs(60))] } else { well(seen) }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_at_beacons_that_hang_holds_a_block_that_was_given_for_a_moment_only() {
    let house = House::with(vec![Stub::start(hanging()).await, Stub::start(hanging()).await], "").await;
    let slot = slot() + 1;
    let target = format!("/eth/v3/validator/blocks/{slot}?randao_reveal=0xaa");
    assert_eq!(read(house.door, &target).await.status, 200, "block 99 is given");
    let later = async {
        until("the garbage is under way", async || !house.stubs[0].notes.of(BLOCKS).is_empty()).await;
        let began = Instant::now();
        (publish(&house, BLOCKS, slot, 99).await, began.elapsed())
    };
    tokio::select! {
        garbage = publish(&house, BLOCKS, slot, GARBAGE) => panic!("{garbage:?} came first"),
        (right, took) = later => {
            assert_eq!(right.status, 200, "{right:?}");
            assert!(took < Duration::from_secs(3), "it was held for {took:?}");
        }
    }
    let second = publish(&house, BLOCKS, slot, GARBAGE).await;
    assert_eq!((second.status, second.header("x-beacondeck-beacon")), (400, "router"), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_to_be_signed_for_what_is_published() {
    let house = House::with(vec![Maker::new(1).start().await], "").await;
    let (slot, target) =
        (slot() + 1, |slot, reveal| format!("/eth/v3/validator/blocks/{slot}?randao_reveal={reveal}"));
    assert_eq!(read(house.door, &target(slot, "0xaa")).await.status, 200);
    assert_eq!(publish(&house, BLOCKS, slot, 1).await.status, 200);
    assert_eq!(read(house.door, &target(slot, "0xaa")).await.status, 200, "the same is");
    let other = read(house.door, &target(slot, "0xbb")).await;
    assert_eq!(other.status, 400);
    assert!(other.message().contains("another block of slot"), "{}", other.message());
    let behind = read(house.door, &target(slot - 1, "0xaa")).await;
    assert!(behind.message().contains("lies behind"), "{}", behind.message());
    assert_eq!(read(house.door, &target(slot + 1, "0xaa")).await.status, 200);
}

/// The header that names the builder goes back to the beacon that named it, with the block, and to no other.
#[tokio::test(flavor = "multi_thread")]
async fn the_builder_is_named_to_the_producer_alone() {
    let mut stubs = Vec::new();
    for place in 0..3_u8 {
        let worth = format!("eth-execution-payload-value: {}", 5 + place % 2);
        let builder = format!("eth-builder-url: https://builder-{place}.example");
        stubs.push(Maker::new(1 + 50 * place).says(&worth).says(&builder).start().await);
    }
    let house = House::with(stubs, "routing: {producers: 3}\n").await;
    let slot = slot() + 1;
    let path = format!("/eth/v4/validator/blocks/{slot}?randao_reveal=0xaa&include_payload=true");
    let made = ask(house.door, &post(&path, b"{}")).await.unwrap();
    assert_eq!(made.header("x-beacondeck-beacon"), "b1", "{made:?}");
    let builder = format!("eth-builder-url: {}", made.header("eth-builder-url"));
    let body = signed(slot, 51);
    let length = format!("content-length: {}", body.len());
    let headers =
        ["host: door", "content-type: application/json", "eth-consensus-version: gloas", &builder, &length];
    let line = format!("POST {BLOCKS} HTTP/1.1");
    assert_eq!(ask(house.door, &request(&line, &headers, body.as_bytes())).await.unwrap().status, 200);
    let copies = || house.stubs.iter().map(|stub| stub.notes.of(BLOCKS).len()).sum::<usize>();
    until("three copies", async || copies() == 3).await;
    let told: Vec<Vec<String>> = house
        .stubs
        .iter()
        .map(|stub| {
            stub.notes.of(BLOCKS)[0].all("eth-builder-url").iter().map(|url| (*url).to_owned()).collect()
        })
        .collect();
    assert_eq!(told, [vec![], vec!["https://builder-1.example".to_owned()], vec![]]);
    assert!(
        house.stubs.iter().all(|stub| stub.notes.of(BLOCKS)[0].all("eth-consensus-version") == ["gloas"])
    );
}

/// Without its payload a block's envelope is with its producer: it is asked for there and published there. With its blobs
/// it is everybody's.
#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_is_asked_of_the_producer_and_goes_to_it() {
    let stubs = vec![
        Maker::new(1).says("eth-consensus-block-value: 1").start().await,
        Maker::new(51).says("eth-consensus-block-value: 2").start().await,
    ];
    let house = House::with(stubs, "").await;
    let slot = slot() + 1;
    let path = format!("/eth/v4/validator/blocks/{slot}?randao_reveal=0xaa&include_payload=false");
    assert_eq!(read(house.door, &path).await.header("x-beacondeck-beacon"), "b1");
    let root = format!("0x{}", "77".repeat(32));
    let own = read(house.door, &format!("/eth/v1/validator/execution_payload_envelopes/{slot}/{root}")).await;
    assert_eq!(own.header("x-beacondeck-beacon"), "b1");
    let body = format!(
        r#"{{"message":{{"payload":{{"slot_number":"{slot}"}},"beacon_block_root":"{root}"}},"signature":"0x00"}}"#
    );
    let send = async |with_blobs: &str| {
        let length = format!("content-length: {}", body.len());
        let blobs = format!("eth-blob-data-included: {with_blobs}");
        let headers = ["host: door", "content-type: application/json", &blobs, &length];
        let line = format!("POST {ENVELOPES} HTTP/1.1");
        ask(house.door, &request(&line, &headers, body.as_bytes())).await.unwrap()
    };
    assert_eq!(send("false").await.header("x-beacondeck-beacon"), "b1");
    let copies = |place: usize| house.stubs[place].notes.of(ENVELOPES).len();
    assert_eq!([copies(0), copies(1)], [0, 1]);
    assert_eq!(send("true").await.status, 200);
    until("a copy for each", async || [copies(0), copies(1)] == [1, 2]).await;
}
