//! Who gets a copy of what is published, in which order, and what the client is told of it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use beacondeck::model::Outcome;
use beacondeck::sim::{SimConfig, SimNetwork};
use rstest::rstest;

use crate::common::Rig;
use crate::house::{House, only};
use crate::stub::{Script, Seen, Step, Stub, always, answer, good, json};
use crate::wire::{PUBLISH, READ, ask, get, post, read, until};

/// So many beacons alike, none nearer than another.
async fn alike(count: usize, script: impl Fn(usize) -> Script, extra: &str) -> House {
    let mut stubs = Vec::new();
    let mut text = "beacons:\n".to_owned();
    for place in 0..count {
        let stub = Stub::start(script(place)).await;
        writeln!(text, "  - {{name: b{place}, url: \"{}\", labels: {{host: h{place}}}}}", stub.url())
            .unwrap();
        stubs.push(stub);
    }
    House::ready(Rig::with(&(text + extra)).await, stubs, count).await
}

fn copies(house: &House, target: &str) -> usize {
    house.stubs.iter().map(|stub| stub.notes.of(target).len()).sum()
}

#[rstest]
#[case::default("", 3, 3)]
#[case::two("routing: {broadcast: {messages: 2, blocks: 4}}\n", 2, 4)]
#[case::more_than_there_are("routing: {broadcast: {messages: 9, blocks: 1}}\n", 5, 1)]
#[tokio::test(flavor = "multi_thread")]
async fn as_many_beacons_get_a_copy_as_the_fleet_file_says(
    #[case] extra: &str,
    #[case] messages: usize,
    #[case] blocks: usize,
) {
    let house = alike(5, |_| good(), extra).await;
    for (target, width) in [
        (PUBLISH, messages),
        ("/eth/v1/beacon/pool/sync_committees", messages),
        ("/eth/v2/validator/aggregate_and_proofs", messages),
        ("/eth/v2/beacon/blocks", blocks),
    ] {
        assert_eq!(ask(house.door, &post(target, b"[1]")).await.unwrap().status, 200);
        until(target, async || copies(&house, target) == width).await;
    }
    // No more copies come later: whatever was sent was sent before this is answered everywhere.
    assert_eq!(ask(house.door, &post(READ, b"[]")).await.unwrap().status, 200);
    assert_eq!(copies(&house, PUBLISH), messages);
    assert_eq!(copies(&house, "/eth/v2/beacon/blocks"), blocks);
}

/// The client has its answer with the first success; the other copies go on to their end.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_copy_is_finished_after_the_answer() {
    let slow = || only(PUBLISH, always(vec![Step::Wait(Duration::from_millis(600)), json("{}")]));
    let house = alike(3, |place| if place == 1 { slow() } else { good() }, "").await;
    let body = br#"[{"committee_index":"1"}]"#;
    let reply = ask(house.door, &post(PUBLISH, body)).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_ne!(reply.header("x-beacondeck-beacon"), "b1");
    let notes = &house.stubs[1].notes;
    assert_eq!(notes.finished(PUBLISH), 0, "the client did not wait for the slow one");
    until("the slow copy is finished", async || notes.finished(PUBLISH) == 1).await;
    assert_eq!((notes.abandoned(PUBLISH), &*notes.of(PUBLISH)[0].body), (0, &body[..]));
    until("all attempts are told", async || {
        let told = house.rig.explain(5).await;
        let of = told.iter().find(|each| each.endpoint == "submitPoolAttestationsV2");
        of.is_some_and(|each| {
            each.attempts.len() == 3 && each.attempts.iter().all(|a| a.outcome == Outcome::Ok)
        })
    })
    .await;
}

/// A first beacon that is slow does not hold the others up.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_beacon_may_be_the_slow_one() {
    let slow = only(PUBLISH, always(vec![Step::Wait(Duration::from_millis(700)), json("{}")]));
    let house = House::with(vec![Stub::start(slow).await, Stub::start(good()).await], "").await;
    let reply = ask(house.door, &post(PUBLISH, b"[2]")).await.unwrap();
    assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b1"));
    assert_eq!(reply.header("x-beacondeck-attempts"), "2", "both were begun");
    assert_eq!(house.stubs[0].notes.finished(PUBLISH), 0);
    until("the slow copy is finished", async || house.stubs[0].notes.finished(PUBLISH) == 1).await;
}

/// A list of failures as the API has it; at these places.
fn failing(places: &'static [usize]) -> Script {
    let failures: Vec<String> =
        places.iter().map(|place| format!("{{\"index\":\"{place}\",\"message\":\"bad\"}}")).collect();
    let body = format!("{{\"code\":400,\"message\":\"some failed\",\"failures\":[{}]}}", failures.join(","));
    only(
        PUBLISH,
        always(vec![answer("400 Bad Request", &["content-type: application/json"], body.as_bytes())]),
    )
}

#[rstest]
#[case::at_one_only(&[0, 1, 2], None, 200, &[])]
#[case::others_elsewhere(&[0, 1], Some(&[2][..]), 200, &[])]
#[case::one_everywhere(&[0, 1], Some(&[1, 2][..]), 400, &[1])]
#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_failed_only_if_it_failed_everywhere(
    #[case] first: &'static [usize],
    #[case] second: Option<&'static [usize]>,
    #[case] status: u16,
    #[case] left: &[u64],
) {
    let second = Stub::start(second.map_or_else(good, failing)).await;
    let house = House::with(vec![Stub::start(failing(first)).await, second], "").await;
    let reply = ask(house.door, &post(PUBLISH, b"[{},{},{}]")).await.unwrap();
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(copies(&house, PUBLISH), 2);
    if status != 200 {
        reply.message();
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let indices: Vec<u64> =
            body["failures"].as_array().unwrap().iter().map(|f| f["index"].as_u64().unwrap()).collect();
        assert_eq!(indices, left);
    }
}

fn block(slot: u64, producer: usize) -> String {
    let root = |byte: usize| format!("0x{}", format!("{byte:02x}").repeat(32));
    format!(
        r#"{{"slot":"{slot}","proposer_index":"7","parent_root":"{}","state_root":"{}","body":{{}}}}"#,
        // The head that all stubs have.
        root(0xab),
        root(10 + producer)
    )
}

/// Each beacon makes blocks of its own and can finish those alone.
fn producing(place: usize) -> Script {
    Arc::new(move |seen: &Seen| {
        if let Some(slot) = seen.target.strip_prefix("/eth/v3/validator/blocks/") {
            let slot = slot.split('?').next().unwrap().parse().unwrap();
            let blinded = format!("eth-execution-payload-blinded: {}", slot % 2 == 1);
            let body = format!("{{\"version\":\"fulu\",\"data\":{}}}", block(slot, place));
            return vec![answer("200 OK", &["content-type: application/json", &blinded], body.as_bytes())];
        }
        let own = format!("{:02x}", 10 + place).repeat(32);
        let mine = String::from_utf8_lossy(&seen.body).contains(&own);
        if seen.target.contains("blinded") && !mine {
            let body = br#"{"code":500,"message":"unknown payload"}"#;
            return vec![answer("500 Internal Server Error", &["content-type: application/json"], body)];
        }
        vec![json("{}")]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_goes_to_its_producer_first() {
    let house = alike(3, producing, "").await;
    let mut producers = std::collections::BTreeSet::new();
    for slot in 1_000..1_016 {
        let produced = read(house.door, &format!("/eth/v3/validator/blocks/{slot}?randao_reveal=0x00")).await;
        let name = produced.header("x-beacondeck-beacon").to_owned();
        let producer: usize = name[1..].parse().unwrap();
        producers.insert(producer);
        let signed = format!("{{\"message\":{},\"signature\":\"0x00\"}}", block(slot, producer));
        let blinded = slot % 2 == 1;
        let target = format!("/eth/v2/beacon/{}blocks?slot={slot}", if blinded { "blinded_" } else { "" });
        let reply = ask(house.door, &post(&target, signed.as_bytes())).await.unwrap();
        assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, name.as_str()), "{reply:?}");
        if blinded {
            assert_eq!(copies(&house, &target), 1, "nobody else can finish it");
            continue;
        }
        until("three copies", async || copies(&house, &target) == 3).await;
        let first = (0..3).min_by_key(|place| house.stubs[*place].notes.of(&target)[0].at);
        assert_eq!(first, Some(producer));
        for stub in &house.stubs {
            assert_eq!(&*stub.notes.of(&target)[0].body, signed.as_bytes());
        }
    }
    assert!(producers.len() > 1, "the slots were shared out: {producers:?}");
}

/// The same in a whole network whose beacons can only unblind what they produced.
#[tokio::test(flavor = "multi_thread")]
async fn no_blinded_block_is_lost() {
    let config =
        SimConfig { builder: true, slot_ms: 500, slots_per_epoch: 4, past_epochs: 3, ..SimConfig::default() };
    let mut network = SimNetwork::start(config).await.unwrap();
    let rig = Rig::start(&network, "routing: {seeding: {registrations: all}}\n").await;
    network.start_clients(&rig.url());
    let first = network.epoch().0 + 1;
    network.until_end_of(beacondeck::model::Epoch(first)).await;
    let report = network.report_of(first..first + 1);
    assert_eq!((report.missed, report.proposals_missed), (0, 0), "{report:?}");
    assert!(network.blinded_blocks() > 0);
    rig.stop().await;
    network.stop().await;
}

/// Who answered and after how many attempts is in the answer, and what became of each in the explanation.
#[tokio::test(flavor = "multi_thread")]
async fn answers_say_who_gave_them_and_explanations_why() {
    let failing = only(READ, always(vec![answer("500 Internal Server Error", &[], b"boom")]));
    let house = House::with(vec![Stub::start(failing).await, Stub::start(good()).await], "").await;
    let reply = read(house.door, READ).await;
    assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b1"));
    assert_eq!(reply.header("x-beacondeck-attempts"), "2");
    until("it is explained", async || {
        let told = house.rig.explain(10).await;
        let Some(each) = told.iter().find(|each| each.endpoint == "getStateFork") else { return false };
        let tried: Vec<_> = each.attempts.iter().map(|a| (a.beacon.as_str(), a.outcome, a.status)).collect();
        assert_eq!(tried, [("b0", Outcome::Failed, 500), ("b1", Outcome::Ok, 200)]);
        assert_eq!((each.served_by.as_str(), each.status), ("b1", 200));
        assert!(each.why.contains("b0 failed"), "{}", each.why);
        true
    })
    .await;
    let own = read(house.door, "/eth/v1/node/version").await;
    assert_eq!((own.header("x-beacondeck-beacon"), own.header("x-beacondeck-attempts")), ("router", ""));
}

/// What gets signed never comes from a beacon that says of the answer itself that it is optimistic.
#[tokio::test(flavor = "multi_thread")]
async fn an_optimistic_answer_is_given_to_nobody() {
    let root = "/eth/v1/beacon/blocks/head/root";
    let optimistic = || {
        only(
            root,
            always(vec![json(r#"{"execution_optimistic":true,"finalized":false,"data":{"root":"0xab"}}"#)]),
        )
    };
    let verified = format!(r#"{{"execution_optimistic":false,"data":{{"root":"0x{}"}}}}"#, "ab".repeat(32));
    let sound = Stub::start(only(root, always(vec![json(&verified)]))).await;
    let house = House::with(vec![Stub::start(optimistic()).await, sound], "").await;
    let reply = read(house.door, root).await;
    assert_eq!((reply.status, reply.header("x-beacondeck-beacon")), (200, "b1"), "{reply:?}");
    let house = House::of(optimistic(), "").await;
    let reply = ask(house.door, &get(root)).await.unwrap();
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.message().contains("b0 is optimistic"), "{}", reply.message());
}
