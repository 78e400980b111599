//! Questions about the head that bind nobody: the head's root, and whether its payload was seen.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rstest::rstest;

use crate::house::House;
use crate::stub::{SLOT_MS, Script, Step, Stub, answer, json};
use crate::wire::{Reply, ask, read, request, until};

const ROOT: &str = "/eth/v1/beacon/blocks/head/root";
const PAYLOAD: &str = "/eth/v1/validator/payload_attestation_data";
/// Of every stub's chain.
const GENESIS: Duration = Duration::from_secs(1_600_000_000);
/// The agreed head's root.
const AGREED: u8 = 0xab;

fn root(n: u8) -> String {
    format!("0x{}", format!("{n:02x}").repeat(32))
}

fn slot() -> u64 {
    let chain = SystemTime::now().duration_since(UNIX_EPOCH + GENESIS).unwrap();
    chain.as_millis() as u64 / SLOT_MS
}

/// A beacon whose head has this root.
fn at(head: u8) -> Script {
    Arc::new(move |seen| {
        if seen.target != ROOT {
            return vec![json(r#"{"data":"ok"}"#)];
        }
        let body = format!(
            r#"{{"execution_optimistic":false,"finalized":false,"data":{{"root":"{}"}}}}"#,
            root(head)
        );
        vec![Step::Wait(Duration::from_millis(100)), json(&body)]
    })
}

/// A beacon that has seen a block of the slot it is asked about, or not.
fn payload(seen_block: bool) -> Script {
    Arc::new(move |seen| {
        let Some((_, slot)) = seen.target.strip_prefix(PAYLOAD).and_then(|rest| rest.split_once(['=', '/']))
        else {
            return vec![json(r#"{"data":"ok"}"#)];
        };
        if !seen_block {
            return vec![answer("204 No Content", &[], b"")];
        }
        if seen.all("accept") == ["application/octet-stream"] {
            let number: u64 = slot.parse().unwrap();
            let body = [&[AGREED; 32][..], &number.to_le_bytes(), &[1, 0]].concat();
            return vec![answer("200 OK", &["content-type: application/octet-stream"], &body)];
        }
        let body = format!(
            r#"{{"version":"gloas","data":{{"beacon_block_root":"{}","slot":"{slot}","payload_present":true,"blob_data_available":false}}}}"#,
            root(AGREED)
        );
        vec![answer(
            "200 OK",
            &["content-type: application/json", "eth-consensus-version: gloas"],
            body.as_bytes(),
        )]
    })
}

fn by(reply: &Reply) -> (u16, &str, &str) {
    (reply.status, reply.header("x-beacondeck-shared"), reply.header("x-beacondeck-beacon"))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_the_heads_root_shares_one_read_and_one_answer_stands_for_all() {
    let house = House::of(at(AGREED), "").await;
    let replies = futures_util::future::join_all((0..32).map(|_| read(house.door, ROOT))).await;
    let count = |shared| replies.iter().filter(|reply| by(reply) == (200, shared, "b0")).count();
    assert_eq!(count("") + count("in-flight") + count("decided"), 32, "{replies:?}");
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    // A slot may have begun meanwhile, or the time for messages of this one ended: each is another question.
    let before = house.stubs[0].notes.of(ROOT).len();
    let mut later = Vec::new();
    for _ in 0..3 {
        later.push(read(house.door, ROOT).await);
    }
    let decided = later.iter().filter(|reply| by(reply) == (200, "decided", "b0")).count();
    let again = house.stubs[0].notes.of(ROOT).len() - before;
    assert!(decided > 0 && decided + again == later.len(), "{again} more reads: {later:?}");
    let asked = house.stubs[0].notes.of(ROOT).len();
    assert!((1..=3).contains(&asked), "{asked} reads");
    let other = "/eth/v1/beacon/blocks/100/root";
    for _ in 0..2 {
        assert_eq!(by(&read(house.door, other).await), (200, "", "b0"), "another question");
    }
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_root_is_asked_of_another_beacon() {
    let odd: Script = Arc::new(|_| vec![json(r#"{"data":"ok"}"#)]);
    let house = House::with(vec![Stub::start(odd).await, Stub::start(at(AGREED)).await], "").await;
    let reply = read(house.door, ROOT).await;
    assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b1"), "{reply:?}");
    house.is_well().await;
}

async fn of_gloas(scripts: Vec<Script>) -> House {
    let mut stubs = Vec::new();
    for script in scripts {
        let stub = Stub::start(script).await;
        stub.notes.has_gloas(0);
        stubs.push(stub);
    }
    House::with(stubs, "").await
}

#[rstest]
#[case::query("?slot=")]
#[case::path("/")]
#[tokio::test(flavor = "multi_thread")]
async fn payload_data_is_the_beacons_own_in_each_form(#[case] form: &str) {
    let house = of_gloas(vec![payload(true)]).await;
    let slot = slot();
    let target = format!("{PAYLOAD}{form}{slot}");
    let told = read(house.door, &target).await;
    assert_eq!((told.status, told.header("eth-consensus-version")), (200, "gloas"), "{told:?}");
    assert!(told.text().contains(r#""payload_present":true"#), "{}", told.text());
    let line = format!("GET {target} HTTP/1.1");
    let headers = ["host: door", "accept: application/octet-stream", "accept-encoding: gzip"];
    let ssz = ask(house.door, &request(&line, &headers, b"")).await.unwrap();
    assert_eq!(ssz.body, [&[AGREED; 32][..], &slot.to_le_bytes(), &[1, 0]].concat());
    let asked = house.stubs[0].notes.of(&target);
    assert!(asked.last().unwrap().all("accept-encoding").is_empty(), "it is read");
    let far = read(house.door, &format!("{PAYLOAD}{form}{}", slot + 5)).await;
    assert_eq!(far.status, 400, "{far:?}");
    house.is_well().await;
}

/// The present slot's block, as a beacon announces it.
fn announce(stub: &Stub) {
    let (slot, block) = (slot(), root(0x77));
    stub.event(&format!(
        "event: head\ndata: {{\"slot\":\"{slot}\",\"block\":\"{block}\",\"state\":\"{block}\",\"execution_optimistic\":false}}\n\n"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn that_nobody_has_seen_a_block_is_an_answer() {
    let house = of_gloas(vec![payload(false), payload(false), payload(false)]).await;
    let none = read(house.door, &format!("{PAYLOAD}?slot={}", slot())).await;
    assert_eq!((none.status, none.body.len()), (204, 0), "{none:?}");
    assert_ne!(none.header("x-beacondeck-beacon"), "router");
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_that_has_the_block_is_asked_first() {
    let house = of_gloas(vec![payload(false), payload(false), payload(false), payload(true)]).await;
    until("the one that has it is asked", async || {
        announce(&house.stubs[3]);
        let reply = read(house.door, &format!("{PAYLOAD}?slot={}", slot())).await;
        // The first is the nearest, and would be asked before it.
        let asked = (reply.header("x-beacondeck-beacon"), reply.header("x-beacondeck-attempts"));
        reply.status == 200 && asked == ("b3", "1")
    })
    .await;
    house.is_well().await;
}

/// It has lost the block's data, or never had it: another one that announced a block of the slot is asked.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_announced_a_block_and_says_there_is_none_is_not_believed_while_another_has_one() {
    let house = of_gloas(vec![payload(false), payload(false), payload(false), payload(true)]).await;
    until("the one that has it answers", async || {
        house.stubs.iter().for_each(announce);
        let reply = read(house.door, &format!("{PAYLOAD}?slot={}", slot())).await;
        // Two that agree would be believed otherwise.
        let attempts: u8 = reply.header("x-beacondeck-attempts").parse().unwrap_or(0);
        assert!(reply.status == 204 || reply.header("x-beacondeck-beacon") == "b3", "{reply:?}");
        reply.status == 200 && attempts > 3
    })
    .await;
    house.is_well().await;
}
