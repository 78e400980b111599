//! What trips real validator clients at a beacon node, each with the client it trips: none of it happens at the door.
//!
//! The words by which clients' refusals are recognised have their table and its test in `endpoint::words`.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;
#[path = "door/house.rs"]
mod house;
#[path = "door/stub.rs"]
mod stub;
#[path = "door/wire.rs"]
mod wire;

use std::time::Duration;

use rstest::rstest;
use serde_json::Value;

use house::{House, only};
use stub::{Stub, always, answer, good, json};
use wire::{PUBLISH, Reply, ask, get, post, read};

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))
}

/// Lighthouse takes the status from `code` when an error's body parses, whatever the status line says: a 404 whose body says 500
/// is a failure to it instead of "none".
#[rstest]
#[case::unknown_path("/eth/v1/no/such/path", 403)]
#[case::another_namespace("/nothing", 403)]
#[case::closed("/eth/v1/debug/fork_choice", 403)]
#[case::a_question_without_sense("/eth/v1/validator/attestation_data?slot=1&committee_index=0", 400)]
#[case::vendor("/nimbus/v1/debug/gossip/peers", 403)]
#[tokio::test]
async fn an_errors_code_is_its_status(#[case] target: &str, #[case] status: u16) {
    let house = House::of(good(), "").await;
    let reply = read(house.door, target).await;
    assert_eq!(reply.status, status, "{reply:?}");
    // Compares the code, and that it is JSON.
    assert!(!reply.message().is_empty());
    house.rig.stop().await;
}

/// Lodestar remembers a 415 for the URL and route and posts JSON until it is started again, Teku switches to JSON, too; Prysm does at
/// a 406. One odd beacon would change a client's way for the whole pool.
#[rstest]
#[case::lodestar_and_teku("415 Unsupported Media Type")]
#[case::prysm("406 Not Acceptable")]
#[tokio::test]
async fn a_publication_never_hears_415_or_406(#[case] status: &'static str) {
    let refuses = || only(PUBLISH, always(vec![answer(status, &[], b"{}")]));
    let all = House::of(refuses(), "").await;
    let reply = ask(all.door, &post(PUBLISH, b"[]")).await.unwrap();
    assert_eq!(reply.status, 400, "{reply:?}");
    assert!(reply.message().contains(&status[..3]), "it says what the beacon said: {reply:?}");
    all.rig.stop().await;

    // Where another beacon takes it, it is taken.
    let one = House::with(vec![Stub::start(refuses()).await, Stub::start(good()).await], "").await;
    let reply = ask(one.door, &post(PUBLISH, b"[]")).await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    one.rig.stop().await;
}

/// Teku sleeps two seconds after a 429 and tries three times (`OkHttpValidatorTypeDefClient`, `RateLimitException`); others take it
/// for a failure. A duty has no two seconds.
#[rstest]
#[case::publication("POST")]
#[case::read("GET")]
#[tokio::test]
async fn a_duty_never_hears_429(#[case] method: &str) {
    const DATA: &str = "/eth/v1/validator/sync_committee_contribution";
    let slow_down = || always(vec![answer("429 Too Many Requests", &["retry-after: 2"], b"{}")]);
    let target = if method == "POST" { PUBLISH } else { DATA };
    let house = House::of(only(target, slow_down()), "").await;
    let request = match method {
        "POST" => post(PUBLISH, b"[]"),
        _ => get(&format!("{DATA}?slot=1&subcommittee_index=0&beacon_block_root=0x00")),
    };
    let reply = ask(house.door, &request).await.unwrap();
    assert_eq!((reply.status, reply.header("retry-after")), (503, ""), "{reply:?}");
    assert!(!reply.message().is_empty());
    house.rig.stop().await;
}

/// Lighthouse's validator client asks for it in an endless loop at its start until it hears 200 with `null`, or a 404 in JSON.
#[tokio::test]
async fn lighthouse_hears_that_staking_is_on() {
    let house = House::of(good(), "").await;
    let reply = read(house.door, "/lighthouse/staking").await;
    assert_eq!((reply.status, body(&reply)), (200, Value::Null));
    house.rig.stop().await;
}

/// Prysm's REST client does duties only while health is exactly 200, and stops at 206; the specification wants the body empty.
#[tokio::test]
async fn prysm_hears_200_of_health() {
    let house = House::of(good(), "").await;
    let reply = read(house.door, "/eth/v1/node/health").await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    house.rig.stop().await;
}

/// Vouch wants `is_syncing` false. Lighthouse ranks by `sync_distance` (8 at most is synced), `is_optimistic` and
/// `el_offline`. Numbers are strings, as the specification writes them.
#[tokio::test]
async fn vouch_and_lighthouse_hear_that_it_is_synced() {
    let house = House::of(good(), "").await;
    let told = body(&read(house.door, "/eth/v1/node/syncing").await);
    let data = &told["data"];
    for flag in ["is_syncing", "is_optimistic", "el_offline"] {
        assert_eq!(data[flag], Value::Bool(false), "{flag}: {told}");
    }
    for number in ["head_slot", "sync_distance"] {
        assert!(data[number].as_str().is_some_and(|text| text.parse::<u64>().is_ok()), "{number}: {told}");
    }
    house.rig.stop().await;
}

/// Lighthouse, Nimbus, Prysm, Vouch and Vero ask for it; whoever finds a client's name in it may turn to that client's ways. The
/// second version of the question (since Gloas) has a code of two letters per client.
#[tokio::test]
async fn the_version_is_our_own_and_nobody_elses() {
    let house = House::of(good(), "").await;
    let told = body(&read(house.door, "/eth/v1/node/version").await);
    let version = told["data"]["version"].as_str().unwrap().to_owned();
    assert_eq!(version, concat!("beacondeck/v", env!("CARGO_PKG_VERSION")));
    let names =
        ["lighthouse", "lodestar", "teku", "prysm", "nimbus", "grandine", "caplin", "erigon", "vouch"];
    assert!(names.iter().all(|name| !version.to_lowercase().contains(name)), "{version}");
    let told = body(&read(house.door, "/eth/v2/node/version").await);
    let node = &told["data"]["beacon_node"];
    for code in ["CL", "LH", "LS", "TK", "PM", "NB", "GR", "EG"] {
        assert_ne!(node["code"], code, "{told}");
    }
    assert_eq!(node["code"].as_str().map(str::len), Some(2), "{told}");
    house.rig.stop().await;
}

/// Teku's validator client asks for it; all four counts are strings.
#[tokio::test]
async fn teku_hears_how_many_peers_there_are() {
    let counts = r#"{"data":{"disconnected":"1","connecting":"0","connected":"57","disconnecting":"0"}}"#;
    let house = House::of(only("/eth/v1/node/peer_count", always(vec![json(counts)])), "").await;
    let told = body(&read(house.door, "/eth/v1/node/peer_count").await);
    for state in ["disconnected", "connecting", "connected", "disconnecting"] {
        let number = told["data"][state].as_str().and_then(|text| text.parse::<u64>().ok());
        assert!(number.is_some(), "{state}: {told}");
    }
    assert_ne!(told["data"]["connected"], "0", "{told}");
    house.rig.stop().await;
}

/// Who a node is in the peer-to-peer network is nobody's business at this door: no validator client asks, and a router has
/// no identity of its own. The refusal says how to open it.
#[tokio::test]
async fn an_identity_is_nobodys_business() {
    let house = House::of(good(), "").await;
    let reply = read(house.door, "/eth/v1/node/identity").await;
    assert_eq!(reply.status, 403, "{reply:?}");
    assert!(reply.message().contains("routing"), "{reply:?}");
    house.rig.stop().await;
}

/// Vouch keeps idle connections for 600 s, `OkHttp` (Teku) for 300 s: who closes first loses the request that is sent in
/// that moment, a block in sigp/lighthouse#4439.
#[tokio::test]
async fn an_idle_connection_outlives_every_clients_patience() {
    let house = House::of(good(), "").await;
    assert!(house.rig.fleet.limits.idle >= Duration::from_secs(620), "{:?}", house.rig.fleet.limits.idle);
    house.rig.stop().await;
}
