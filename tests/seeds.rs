//! Seeds over real sockets: what a restarted, returning or inheriting beacon is told before it serves, in whose word, how
//! fast, and in which pieces.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod common;
#[path = "schedules/dice.rs"]
mod dice;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use beacondeck::model::{Epoch, Lifecycle, Reason, SeedKind, ValidatorIndex};
use beacondeck::sim::{Fault, SimConfig, SimNetwork, SimValidatorClient, Style};
use common::{Rig, wait_for};
use dice::Dice;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// Nothing here takes so long on a machine that is not stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// Returning takes a few probes and no warm-up, so that only seeds stand between a return and its first duty.
const KNOBS: &str = "probing: {interval: 200ms, timeout: 400ms}\nhealth: {rise: 1, warm-up-slots: 0}\n";

fn config(beacons: usize) -> SimConfig {
    SimConfig {
        beacons,
        clients: 3,
        validators: 48,
        slot_ms: 600,
        slots_per_epoch: 8,
        past_epochs: 3,
        ..SimConfig::default()
    }
}

/// A network and a router all of whose beacons are used; nobody asks anything yet.
async fn calm(config: SimConfig, extra: &str) -> (SimNetwork, Rig) {
    let network = SimNetwork::start(config).await.unwrap();
    let rig = Rig::start(&network, &format!("{KNOBS}{extra}")).await;
    let all = wait_for(PATIENCE, || rig.status().beacons.iter().all(|beacon| beacon.healthy)).await;
    assert!(all, "{:?}", rig.status());
    (network, rig)
}

/// Posts from an address of one's own: the router tells clients apart by it. Status and body of the answer.
async fn post(rig: &Rig, from: u8, path: &str, body: &str) -> (u16, Value) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, from], 0))).unwrap();
    let mut stream = socket.connect(rig.engine.doors[0]).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: router\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

const PREPARE: &str = "/eth/v1/validator/prepare_beacon_proposer";
const REGISTER: &str = "/eth/v1/validator/register_validator";

fn preparations(validators: std::ops::Range<u64>, to: u8) -> String {
    let to = format!("{to:02x}").repeat(20);
    let list: Vec<String> =
        validators.map(|v| format!(r#"{{"validator_index":"{v}","fee_recipient":"0x{to}"}}"#)).collect();
    format!("[{}]", list.join(","))
}

fn registrations(count: usize) -> String {
    let to = "ab".repeat(20);
    let list: Vec<String> = (1..=count)
        .map(|key| {
            format!(
                r#"{{"message":{{"fee_recipient":"0x{to}","gas_limit":"1","timestamp":"1","pubkey":"0x{key:096x}"}},"signature":"0x{}"}}"#,
                "00".repeat(96)
            )
        })
        .collect();
    format!("[{}]", list.join(","))
}

fn pays(network: &SimNetwork, beacon: usize, validator: u64) -> Option<u8> {
    network.beacon(beacon).fee_recipient(ValidatorIndex(validator)).map(|address| address[0])
}

/// The first thing of a kind comes before the first of another, as far as both happened.
fn before(firsts: &[&str], told: &str, asked: &str) -> bool {
    let place = |what: &str| firsts.iter().position(|first| *first == what);
    place(asked).is_none_or(|asked| place(told).is_some_and(|told| told < asked))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_that_restarted_is_told_again_before_it_serves_and_aggregates_keep_flowing() {
    let (mut network, rig) = calm(config(3), "").await;
    network.start_clients(&rig.url());
    let first = network.epoch().0 + 2;
    network.until_end_of(Epoch(first - 1)).await;
    for place in 0..3 {
        network.beacon(place).restart(Duration::from_millis(300)).await;
        let serves = || network.beacon(place).firsts().contains(&"block") && rig.beacon(place).healthy;
        assert!(
            wait_for(PATIENCE, serves).await,
            "{:?} {:?}",
            network.beacon(place).firsts(),
            rig.beacon(place)
        );
        let firsts = network.beacon(place).firsts();
        assert!(before(&firsts, "preparations", "block"), "{place}: {firsts:?}");
        assert!(before(&firsts, "committees", "aggregate"), "{place}: {firsts:?}");
    }
    let last = network.epoch().0 + 1;
    network.until_end_of(Epoch(last)).await;
    let report = network.report_of(first..last + 1);
    assert!(report.due > 0 && report.aggregates_due > 0);
    assert_eq!(
        (report.missed, report.proposals_missed, report.wrong_fee_recipient, report.aggregates_missed),
        (0, 0, 0, 0),
        "{report:?}"
    );
    let told = rig.beacon(0).told;
    let kinds: Vec<SeedKind> = told.iter().map(|told| told.kind).collect();
    assert!(kinds.contains(&SeedKind::Preparations), "{told:?}");
    assert!(rig.beacon(0).custody.is_some_and(|custody| custody.validators == 48 && custody.groups == 48));
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_that_inherits_from_a_drained_one_is_told_its_subscriptions() {
    let (mut network, rig) = calm(config(3), "routing: {seeding: {subscriptions: 1}}\n").await;
    network.start_clients(&rig.url());
    assert!(wait_for(PATIENCE, || (0..3).any(|place| network.beacon(place).subscribed() > 0)).await);
    network.until_end_of(network.epoch()).await;
    let holder = (0..3).find(|place| network.beacon(*place).subscribed() > 0).unwrap();
    let others = |network: &SimNetwork| -> usize {
        (0..3).filter(|place| *place != holder).map(|place| network.beacon(place).subscribed()).sum()
    };
    let (held, had) = (network.beacon(holder).subscribed(), others(&network));
    assert!(held > 0);
    let asked = Instant::now();
    rig.order(holder, true).await;
    assert!(wait_for(Duration::from_secs(3), || others(&network) > had).await, "nobody inherits");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(wait_for(PATIENCE, || rig.beacon(holder).lifecycle == Lifecycle::Drained).await);
    let first = network.epoch().0 + 1;
    network.until_end_of(Epoch(first)).await;
    let report = network.report(Epoch(first));
    assert_eq!((report.missed, report.aggregates_missed), (0, 0), "{report:?}");
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_beacon_is_told_again_as_soon_as_it_answers() {
    let (network, rig) = calm(config(1), "").await;
    assert_eq!(post(&rig, 2, PREPARE, &preparations(0..3, 0xaa)).await.0, 200);
    network.beacon(0).restart(Duration::from_millis(700)).await;
    assert_eq!(pays(&network, 0, 0), None, "it forgot");
    let told = wait_for(Duration::from_secs(5), || pays(&network, 0, 2) == Some(0xaa)).await;
    assert!(told, "{:?}", rig.beacon(0));
    assert!(wait_for(PATIENCE, || !rig.beacon(0).reasons.contains(&Reason::Unseeded)).await);
    rig.stop().await;
    network.stop().await;
}

/// A proxy before a beacon keeps connections and streams over its restart. Its start time (Lighthouse), or its node record
/// where no start time is told, says that it is another process.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_no_wire_tells_of_is_read_off_start_time_or_node_record() {
    let (network, rig) = calm(config(2), "").await;
    assert_eq!(post(&rig, 2, PREPARE, &preparations(0..3, 0xaa)).await.0, 200);
    // Start times are told in whole seconds: one who starts again that soon cannot be told from one who did not.
    tokio::time::sleep(Duration::from_secs(7)).await;
    for place in 0..2 {
        assert_eq!(pays(&network, place, 0), Some(0xaa));
        network.beacon(place).restart_unseen();
        assert_eq!(pays(&network, place, 0), None, "it forgot");
    }
    let told = wait_for(PATIENCE, || (0..2).all(|place| pays(&network, place, 2) == Some(0xaa))).await;
    assert!(told, "{:?}", rig.status());
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_entry_keeps_no_other_from_being_told_and_is_not_called_told() {
    let (network, rig) = calm(config(2), "").await;
    network.beacon(0).deny(ValidatorIndex(13));
    assert_eq!(post(&rig, 2, PREPARE, &preparations(0..40, 0xaa)).await.0, 200, "the other one takes it");
    let told =
        |place: usize| (0..40).filter(|validator| pays(&network, place, *validator) == Some(0xaa)).count();
    assert!(wait_for(PATIENCE, || (told(0), told(1)) == (39, 40)).await, "{} {}", told(0), told(1));
    let refused = |place: usize| rig.beacon(place).told.iter().map(|told| told.refused).sum::<u32>();
    assert!(wait_for(PATIENCE, || (refused(0), refused(1)) == (1, 0)).await, "{:?}", rig.beacon(0));
    let raised = || {
        rig.status()
            .alerts
            .iter()
            .any(|alert| alert.contains("refuses 1 of the preparations it must be told"))
    };
    assert!(wait_for(PATIENCE, raised).await, "{:?}", rig.status().alerts);
    let ready = || rig.beacon(0).healthy && !rig.beacon(0).reasons.contains(&Reason::Unseeded);
    assert!(wait_for(PATIENCE, ready).await, "what cannot be told keeps nobody out: {:?}", rig.beacon(0));
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_fee_recipient_from_another_client_is_refused_and_raised() {
    let (network, rig) = calm(config(2), "").await;
    assert_eq!(post(&rig, 2, PREPARE, &preparations(1..4, 0xaa)).await.0, 200);
    let (status, answer) = post(&rig, 3, PREPARE, &preparations(3..6, 0xbb)).await;
    assert_eq!((status, &answer["code"]), (400, &Value::from(400)), "{answer}");
    let indices: Vec<&Value> =
        answer["failures"].as_array().unwrap().iter().map(|failure| &failure["index"]).collect();
    assert_eq!(indices, [&Value::from(0)], "{answer}");
    let there = || (0..2).all(|beacon| pays(&network, beacon, 5) == Some(0xbb));
    assert!(wait_for(PATIENCE, there).await, "the other entries go on");
    assert!((0..2).all(|beacon| pays(&network, beacon, 3) == Some(0xaa)), "the first word is kept");
    let raised =
        || rig.status().alerts.iter().any(|alert| alert.contains("the client at 127.0.0.3 names other"));
    assert!(wait_for(PATIENCE, raised).await, "{:?}", rig.status().alerts);
    let (status, answer) = post(&rig, 3, PREPARE, &preparations(1..2, 0xbb)).await;
    assert_eq!(
        (status, answer["failures"].as_array().unwrap().len()),
        (400, 1),
        "nothing is left to be sent"
    );
    assert_eq!(
        post(&rig, 2, PREPARE, &preparations(3..4, 0xcc)).await.0,
        200,
        "its own word a client may change"
    );
    assert!(wait_for(PATIENCE, || (0..2).all(|beacon| pays(&network, beacon, 3) == Some(0xcc))).await);
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_answered_in_time_and_what_was_late_arrives() {
    let (network, rig) = calm(SimConfig { slot_ms: 4_000, ..config(2) }, "").await;
    (0..2).for_each(|place| network.beacon(place).set(Fault::Slow(1_500)));
    let asked = Instant::now();
    let (status, _) = post(&rig, 2, PREPARE, &preparations(0..2, 0xaa)).await;
    assert_eq!(status, 200);
    assert!(asked.elapsed() < Duration::from_millis(1_200), "{:?}", asked.elapsed());
    assert_eq!((pays(&network, 0, 0), pays(&network, 1, 0)), (None, None), "nobody had it yet");
    (0..2).for_each(|place| network.beacon(place).heal());
    assert!(wait_for(PATIENCE, || (0..2).all(|place| pays(&network, place, 1) == Some(0xaa))).await);
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_registrations_come_again_in_chunks() {
    let (network, rig) = calm(config(2), "").await;
    assert_eq!(post(&rig, 2, REGISTER, &registrations(1_200)).await.0, 200);
    let holds = |place: usize| network.beacon(place).registered();
    assert!(wait_for(PATIENCE, || (0..2).any(|place| holds(place) == [1_200])).await);
    let holder = (0..2).find(|place| !holds(*place).is_empty()).unwrap();
    assert!(holds(1 - holder).is_empty(), "one beacon is told by default");
    network.beacon(holder).set(Fault::Refuse);
    let inherited = wait_for(PATIENCE, || holds(1 - holder) == [500, 500, 200]).await;
    assert!(inherited, "{:?}", holds(1 - holder));
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_posts_no_sync_subscriptions_is_helped() {
    let (network, rig) = calm(config(2), "").await;
    let indices = (0..48).map(ValidatorIndex).collect();
    let style = Style { no_sync_subscriptions: true, ..Style::default() };
    let client = SimValidatorClient::start("prysm", &rig.url(), indices, style);
    let subscribed = || (0..2).all(|place| network.beacon(place).sync_subscribed() > 0);
    assert!(wait_for(PATIENCE, subscribed).await, "nobody subscribed for it");
    let first = network.epoch().0 + 1;
    network.until_end_of(Epoch(first)).await;
    let report = network.report(Epoch(first));
    assert!(report.contributions_due > 0);
    assert_eq!(report.contributions_missed, 0, "{report:?}");
    client.stop().await;
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_to_one_process_is_told_again_by_the_next() {
    let (network, rig) = calm(config(2), "").await;
    assert_eq!(post(&rig, 2, PREPARE, &preparations(0..3, 0xaa)).await.0, 200);
    let left = rig.stop_for_now().await;
    for place in 0..2 {
        network.beacon(place).restart(Duration::from_millis(50)).await;
        assert_eq!(pays(&network, place, 0), None, "it forgot");
    }
    let rig = Rig::again(left).await;
    let told = || (0..2).all(|place| pays(&network, place, 2) == Some(0xaa));
    assert!(wait_for(PATIENCE, told).await, "{:?}", rig.status());
    let (status, answer) = post(&rig, 3, PREPARE, &preparations(2..3, 0xbb)).await;
    assert_eq!(status, 400, "whose word was first is known, too: {answer}");
    rig.stop().await;
    network.stop().await;
}

const SUBSCRIBE: &str = "/eth/v1/validator/beacon_committee_subscriptions";
/// From its return on a beacon has so long to be told everything.
const IN_TIME: Duration = Duration::from_secs(1);

/// Subscriptions of the first committees of a slot.
fn subscriptions(slot: u64, committees: usize) -> String {
    let list: Vec<String> = (0..committees)
        .map(|number| {
            format!(
                r#"{{"validator_index":"{number}","committee_index":"{number}","committees_at_slot":"{committees}","slot":"{slot}","is_aggregator":true}}"#
            )
        })
        .collect();
    format!("[{}]", list.join(","))
}

/// With probes as they are by default. What clients say while a beacon is away is among it.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_returns_holds_within_a_second_what_is_valid_whatever_restarts_and_drains() {
    let network = SimNetwork::start(SimConfig { slot_ms: 12_000, ..config(3) }).await.unwrap();
    let all =
        "routing: {seeding: {subscriptions: all, registrations: all}}\nhealth: {rise: 1, warm-up-slots: 0}\n";
    let rig = Rig::start(&network, all).await;
    assert!(wait_for(PATIENCE, || rig.status().beacons.iter().all(|beacon| beacon.healthy)).await);
    // Its slot comes long after the test.
    let slot = network.slot().unwrap().0 + 8;
    assert_eq!(post(&rig, 2, SUBSCRIBE, &subscriptions(slot, 3)).await.0, 200);
    assert_eq!(post(&rig, 2, REGISTER, &registrations(9)).await.0, 200);
    let mut wanted = [0xa0_u8; 24];
    assert_eq!(post(&rig, 2, PREPARE, &preparations(0..24, 0xa0)).await.0, 200);
    let mut dice = Dice(20_261_127);
    let mut times = Vec::new();
    for round in 1..=12_u8 {
        let (place, of) = (dice.below(3), dice.below(3) as u64 * 8);
        let away = Duration::from_millis(dice.below(2_500) as u64);
        let restarts = dice.below(3) > 0;
        let beacon = network.beacon(place);
        if restarts {
            beacon.set(Fault::Restart);
            beacon.settled().await;
        } else {
            rig.order(place, true).await;
        }
        assert_eq!(post(&rig, 2, PREPARE, &preparations(of..of + 8, round)).await.0, 200);
        wanted[of as usize..][..8].fill(round);
        tokio::time::sleep(away).await;
        if restarts {
            beacon.heal();
            beacon.settled().await;
        } else {
            rig.order(place, false).await;
        }
        let returned = Instant::now();
        let holds = || {
            let paid =
                (0..24).all(|validator| pays(&network, place, validator) == Some(wanted[validator as usize]));
            paid && beacon.subscribed() == 3 && beacon.registered().iter().sum::<usize>() >= 9
        };
        assert!(wait_for(PATIENCE, holds).await, "round {round}: {:?}", rig.beacon(place));
        times.push((returned.elapsed(), place, away, restarts));
    }
    times.sort();
    assert!(times.iter().all(|(took, ..)| *took < IN_TIME), "took, beacon, away, restarted: {times:?}");
    rig.stop().await;
    network.stop().await;
}
