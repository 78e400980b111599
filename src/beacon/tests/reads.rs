//! Typed reads of bodies as clients of 2023 and 2026 send them.

use hyper::Version;

use super::server::{Answer, Server};
use super::{PATIENCE, beacon, client};
use crate::beacon::{BeaconClient, CpuTime, DecodeError, Family, ReadError};
use crate::chain::SlotClock;
use crate::model::{Beacon, Root, Slot, Step};

const ROOT: &str = "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95";
const GENESIS: &str = "/eth/v1/beacon/genesis";
const SPEC: &str = "/eth/v1/config/spec";
const FORKS: &str = "/eth/v1/config/fork_schedule";
const SYNCING: &str = "/eth/v1/node/syncing";
const HEAD: &str = "/eth/v1/beacon/headers/head";
const V1: &str = "/eth/v1/node/version";
const V2: &str = "/eth/v2/node/version";
const PEERS: &str = "/eth/v1/node/peer_count";

fn ok(body: impl Into<String>) -> Answer {
    Answer::new(200, body)
}

fn genesis() -> Answer {
    ok(format!(
        r#"{{"data":{{"genesis_time":"1606824023","genesis_validators_root":"{ROOT}","genesis_fork_version":"0x00000001"}}}}"#
    ))
}

fn header(flags: &str) -> Answer {
    ok(format!(
        r#"{{{flags}"data":{{"root":"{ROOT}","canonical":true,"header":{{"message":{{"slot":"123","proposer_index":"9","parent_root":"{0}","state_root":"{0}","body_root":"{0}"}},"signature":"0x{1}"}}}}}}"#,
        Root([5; 32]),
        "ab".repeat(96)
    ))
}

/// Lodestar 1.5 of early 2023: no due points, no `el_offline`, no v2 version.
fn lodestar() -> Vec<(&'static str, Answer)> {
    vec![
        (GENESIS, genesis()),
        (
            SPEC,
            ok(
                r#"{"data":{"PRESET_BASE":"minimal","CONFIG_NAME":"dev","SECONDS_PER_SLOT":"3","SLOTS_PER_EPOCH":"8","INTERVALS_PER_SLOT":"3","ALTAIR_FORK_EPOCH":"0","BELLATRIX_FORK_EPOCH":"18446744073709551615","DEPOSIT_CHAIN_ID":"5"}}"#,
            ),
        ),
        (
            FORKS,
            ok(
                r#"{"data":[{"previous_version":"0x00000001","current_version":"0x00000001","epoch":"0"},{"previous_version":"0x00000001","current_version":"0x01000001","epoch":"0"}]}"#,
            ),
        ),
        (
            SYNCING,
            ok(
                r#"{"data":{"head_slot":"123","sync_distance":"0","is_syncing":false,"is_optimistic":false}}"#,
            ),
        ),
        (HEAD, header("")),
        (V1, ok(r#"{"data":{"version":"Lodestar/v1.5.1"}}"#)),
        (PEERS, ok(r#"{"data":{"disconnected":"0","connecting":"0","connected":"3","disconnecting":"0"}}"#)),
    ]
}

/// Lighthouse of 2026: due points of two forks, blob schedule, optimistic and execution client told, structured version.
fn lighthouse() -> Vec<(&'static str, Answer)> {
    vec![
        (GENESIS, genesis()),
        (
            SPEC,
            ok(
                r#"{"data":{"CONFIG_NAME":"hoodi","SECONDS_PER_SLOT":"12","SLOT_DURATION_MS":"12000","SLOTS_PER_EPOCH":"32","ATTESTATION_DUE_BPS":"3333","AGGREGATE_DUE_BPS":"6667","SYNC_MESSAGE_DUE_BPS":"3333","CONTRIBUTION_DUE_BPS":"6667","ATTESTATION_DUE_BPS_GLOAS":"2500","GLOAS_FORK_EPOCH":"4","BLOB_SCHEDULE":[{"EPOCH":"1","MAX_BLOBS_PER_BLOCK":"15"}],"DOMAIN_BEACON_PROPOSER":"0x00000000"}}"#,
            ),
        ),
        (
            FORKS,
            ok(r#"{"data":[{"previous_version":"0x00000001","current_version":"0x00000001","epoch":"0"}]}"#),
        ),
        (
            SYNCING,
            ok(
                r#"{"data":{"is_syncing":true,"is_optimistic":true,"el_offline":true,"head_slot":"120","sync_distance":"3"}}"#,
            ),
        ),
        (HEAD, header(r#""execution_optimistic":true,"finalized":false,"#)),
        (
            V2,
            ok(
                r#"{"data":{"beacon_node":{"code":"LH","name":"Lighthouse","version":"v8.0.1","commit":"0xced49dd2"},"execution_client":{"code":"NM","name":"Nethermind","version":"v1.35.8","commit":"0xc066aee2"}}}"#,
            ),
        ),
    ]
}

#[tokio::test]
async fn an_old_beacon_is_read() {
    let server = Server::start(&lodestar()).await;
    let client = client(&server.url);
    let identity = client.identity().await.unwrap().unwrap();
    assert_eq!(identity.genesis.validators_root.to_string(), ROOT);
    assert_eq!(identity.forks.forks().len(), 2);
    let clock = SlotClock::new(&identity.genesis, &identity.spec).unwrap();
    assert_eq!((clock.slot_ms(Slot(0)), clock.slots_per_epoch()), (3_000, 8));
    let probe = client.probe().await.unwrap();
    assert_eq!((probe.syncing.is_optimistic, probe.syncing.el_offline), (Some(false), None));
    assert_eq!((probe.head.slot, probe.head.parent, probe.head.optimistic), (Slot(123), Root([5; 32]), None));
    let version = client.version().await.unwrap();
    assert_eq!((version.family, version.text.as_str()), (Family::Lodestar, "Lodestar/v1.5.1"));
    assert_eq!(version.execution, None);
    assert_eq!(client.peer_count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_new_beacon_is_read() {
    let server = Server::start(&lighthouse()).await;
    let client = client(&server.url);
    let (spec, raw) = client.spec().await.unwrap();
    assert_eq!(raw, client.raw(SPEC).await.unwrap(), "the body is handed on as it came");
    let clock = SlotClock::new(&client.genesis().await.unwrap().unwrap(), &spec).unwrap();
    let into = |slot: u64| clock.due(Slot(slot), Step::Attest).since(clock.start_of(Slot(slot)));
    assert_eq!((into(127), into(128)), (3_999, 3_000));
    let probe = client.probe().await.unwrap();
    assert_eq!((probe.syncing.head_slot, probe.syncing.sync_distance), (Slot(120), 3));
    assert_eq!((probe.syncing.is_syncing, probe.syncing.el_offline), (true, Some(true)));
    assert_eq!(probe.head.optimistic, Some(true));
    let version = client.version().await.unwrap();
    assert_eq!((version.family, version.text.as_str()), (Family::Lighthouse, "Lighthouse/v8.0.1"));
    assert_eq!(version.execution.as_deref(), Some("Nethermind/v1.35.8"));
    assert!(server.seen().iter().all(|seen| seen.path != V1), "v1 is not asked where v2 answers");
}

#[tokio::test]
async fn another_draft_of_the_version_is_read_from_v1() {
    let answers = [(V2, ok(r#"{"data":{"version":"x"}}"#)), (V1, ok(r#"{"data":{"version":"teku/v25.1"}}"#))];
    let server = Server::start(&answers).await;
    assert_eq!(client(&server.url).version().await.unwrap().family, Family::Teku);
}

#[tokio::test]
async fn before_genesis_there_is_no_identity() {
    let mut answers = lodestar();
    answers[0].1 = Answer::new(404, r#"{"code":404,"message":"Chain genesis info is not yet known"}"#);
    let server = Server::start(&answers).await;
    assert_eq!(client(&server.url).genesis().await.unwrap(), None);
    assert_eq!(client(&server.url).identity().await.unwrap(), None);
}

#[tokio::test]
async fn headers_are_sent_and_the_prefix_kept() {
    let server = Server::start(&[("/prefix/eth/v1/node/version", ok("{}"))]).await;
    client(&format!("{}/prefix", server.url)).raw(V1).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.authorization.as_deref(), Some("Bearer s3cret"));
    assert_eq!(seen.version, Version::HTTP_11);
}

#[tokio::test]
async fn http2_is_spoken_with_prior_knowledge() {
    let server = Server::start(&[(V1, ok("{}"))]).await;
    let mut beacon = beacon(&server.url);
    beacon.h2c = true;
    BeaconClient::new(&beacon, PATIENCE).unwrap().raw(V1).await.unwrap();
    assert_eq!(server.seen()[0].version, Version::HTTP_2);
}

#[tokio::test]
async fn answers_of_another_shape_say_so() {
    let answers = [
        (SYNCING, ok("<html>gateway</html>")),
        (HEAD, ok(r#"{"data":[]}"#)),
        (PEERS, ok(r#"{"data":{"connected":"many"}}"#)),
        (SPEC, ok("")),
    ];
    let server = Server::start(&answers).await;
    let client = client(&server.url);
    let errors = [
        client.syncing().await.unwrap_err(),
        client.header("head").await.unwrap_err(),
        client.peer_count().await.unwrap_err(),
        client.spec().await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(&error, ReadError::Decode { source: DecodeError::Json(_), .. }), "{error}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let body = std::iter::repeat_n("x".repeat(1 << 20), 40);
    let server = Server::start(&[(SPEC, Answer::chunks(body, super::server::End::Never))]).await;
    let error = client(&server.url).spec().await.unwrap_err();
    assert!(matches!(error, ReadError::Decode { source: DecodeError::TooLong { .. }, .. }), "{error}");
}

#[tokio::test]
async fn its_metrics_tell_when_it_started_and_hear_no_secret() {
    let page = |sample: &str| {
        ok(format!(
            "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds_x 7\n{sample}\nother 1\n"
        ))
    };
    for (sample, told) in [
        ("process_start_time_seconds 1.70238823456e+09", Some(1_702_388_234_560)),
        ("process_start_time_seconds 1702388234 1702388235000", Some(1_702_388_234_000)),
        ("process_start_time_seconds NaN", None),
        ("process_start_time_seconds 12", None),
        ("process_cpu_seconds_total 12", None),
    ] {
        let server = Server::start(&[("/metrics", page(sample))]).await;
        let with_metrics = Beacon { metrics: Some(format!("{}/metrics", server.url)), ..beacon(&server.url) };
        let client = BeaconClient::new(&with_metrics, PATIENCE).unwrap();
        assert!(client.tells_start());
        let start = client.process_start().await.unwrap();
        assert_eq!(start.as_ref().ok().map(|start| start.started.0), told, "{start:?}");
        if told.is_none() {
            let error = start.unwrap_err();
            assert!(matches!(error, ReadError::Decode { source: DecodeError::NoStart, .. }), "{error}");
        }
        let seen = server.seen();
        assert!(seen.iter().all(|seen| seen.path == "/metrics" && seen.authorization.is_none()), "{seen:?}");
    }
    let client = client("http://127.0.0.1:1");
    assert!(!client.tells_start() && client.process_start().await.is_none());
}

#[tokio::test]
async fn a_lighthouse_tells_the_processor_time_of_its_machine() {
    let body = r#"{"data":{"cpu_cores":4,"cpu_threads":8,"system_seconds_total":5728,"user_seconds_total":33680,"iowait_seconds_total":873,"idle_seconds_total":177530,"cpu_time_total":217447,"pid":4698}}"#;
    let server = Server::start(&[("/lighthouse/health", ok(body))]).await;
    let time = client(&server.url).cpu_time().await.unwrap();
    assert_eq!(time, CpuTime { total: 217_447, idle: 178_403 });
}
