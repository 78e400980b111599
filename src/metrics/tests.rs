//! What Prometheus reads after what was told.

use std::sync::Arc;

use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::model::{
    Attempt, BeaconId, BeaconStatus, ClientId, HeadStatus, Lifecycle, Outcome, Reason, Root, Served, Shared,
    Slot, TRACE_ATTEMPTS, UnixMs,
};

fn metrics() -> Metrics {
    let row = |name, of| RowLabels { name, of };
    Metrics::new(&[
        row("getGenesis", None),
        row("produceAttestationData", Some((Step::Attest, Part::Data))),
        row("submitPoolAttestationsV2", Some((Step::Attest, Part::Publish))),
    ])
}

fn series_of(metrics: &Metrics) -> Series {
    let beacons = [BeaconName::new("b1"), BeaconName::new("b2")];
    let clients = ["unnamed".to_owned(), "vc-1".to_owned()];
    metrics.series(&Names { beacons: &beacons, clients: &clients })
}

fn attempt(beacon: u16, outcome: Outcome, took_us: u32) -> Attempt {
    Attempt { beacon: BeaconId(beacon), outcome, took_us, ..Attempt::default() }
}

fn trace() -> Trace {
    let mut tried = [Attempt::default(); TRACE_ATTEMPTS];
    tried[0] = attempt(0, Outcome::TimedOut, 350_000);
    tried[1] = attempt(1, Outcome::Ok, 3_100);
    Trace {
        id: 1,
        at: UnixMs(0),
        client: ClientId(1),
        row: 1,
        slot: Slot(1),
        due_ms: 0,
        table: 1,
        status: 200,
        served: Served::Beacon(BeaconId(1)),
        shared: None,
        took_us: 353_100,
        bytes_in: 0,
        bytes_out: 0,
        attempts: 2,
        tried,
    }
}

fn beacon(name: &str) -> BeaconStatus {
    BeaconStatus {
        drained: None,
        cpu: None,
        name: BeaconName::new(name),
        lifecycle: Lifecycle::Active,
        healthy: true,
        reasons: Vec::new(),
        detail: String::new(),
        head: Some(HeadStatus { slot: Slot(99), root: Root::default() }),
        lag: 0,
        peers: None,
        version: None,
        execution: None,
        in_flight: 4,
        latency_us: 2_500,
        p50_us: None,
        p99_us: None,
        answered: 0,
        failed: 0,
        observed: Some(UnixMs(1_500)),
        since: UnixMs(0),
        told: Vec::new(),
        custody: None,
    }
}

fn status(beacons: Vec<BeaconStatus>) -> FleetStatus {
    FleetStatus {
        fleet: "home".into(),
        version: "0".into(),
        network: None,
        genesis_validators_root: None,
        slot: Some(Slot(100)),
        epoch: None,
        agreed: Some(HeadStatus { slot: Slot(99), root: Root::default() }),
        at: UnixMs(0),
        beacons,
        operations: Vec::new(),
        incidents: Vec::new(),
        split: None,
        duties: None,
        hosts: Vec::new(),
        forks: Vec::new(),
        acks: Vec::new(),
        groups: Vec::new(),
        silences: Vec::new(),
        alerts: vec!["one".into()],
        traffic: crate::model::Traffic::default(),
        tape: None,
    }
}

/// The value of a series; none if it is not there.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[rstest]
#[case("beacondeck_requests_total{endpoint=\"produceAttestationData\",code=\"200\"}", 2.0)]
#[case("beacondeck_client_requests_total{client=\"vc-1\",code=\"2xx\"}", 2.0)]
#[case("beacondeck_client_requests_total{client=\"unnamed\",code=\"2xx\"}", 0.0)]
#[case("beacondeck_request_seconds_count{endpoint=\"produceAttestationData\"}", 2.0)]
#[case("beacondeck_request_seconds_sum{endpoint=\"produceAttestationData\"}", 0.7062)]
#[case("beacondeck_request_seconds_bucket{le=\"0.25\",endpoint=\"produceAttestationData\"}", 0.0)]
#[case("beacondeck_request_seconds_bucket{le=\"0.5\",endpoint=\"produceAttestationData\"}", 2.0)]
#[case("beacondeck_request_seconds_bucket{le=\"+Inf\",endpoint=\"produceAttestationData\"}", 2.0)]
#[case("beacondeck_attempts_total{beacon=\"b1\",outcome=\"timed-out\"}", 2.0)]
#[case("beacondeck_attempts_total{beacon=\"b2\",outcome=\"ok\"}", 2.0)]
#[case("beacondeck_attempts_total{beacon=\"b2\",outcome=\"failed\"}", 0.0)]
#[case("beacondeck_attempt_seconds_count{beacon=\"b2\"}", 2.0)]
#[case("beacondeck_attempts_unrecorded_total", 0.0)]
#[case("beacondeck_answers_shared_total{how=\"cached\"}", 1.0)]
#[case("beacondeck_answers_shared_total{how=\"in-flight\"}", 0.0)]
fn two_requests_are_counted(#[case] series: &str, #[case] expected: f64) {
    let metrics = metrics();
    metrics.record(&trace(), &series_of(&metrics));
    metrics.record(&Trace { shared: Some(Shared::Cached), ..trace() }, &series_of(&metrics));
    let text = metrics.render();
    let got = value(&text, series).unwrap_or_else(|| panic!("{series} in\n{text}"));
    assert!((got - expected).abs() < 1e-9, "{series} is {got}");
}

#[test]
fn what_has_no_row_code_or_client_still_counts() {
    let metrics = metrics();
    metrics
        .record(&Trace { row: u16::MAX, status: 418, client: ClientId(77), ..trace() }, &series_of(&metrics));
    metrics.record(&Trace { status: 0, attempts: 9, ..trace() }, &series_of(&metrics));
    let text = metrics.render();
    let counted = |series: &str| value(&text, series);
    assert_eq!(counted("beacondeck_requests_total{endpoint=\"other\",code=\"other\"}"), Some(1.0));
    assert_eq!(counted("beacondeck_client_requests_total{client=\"vc-1\",code=\"other\"}"), Some(1.0));
    assert_eq!(counted("beacondeck_attempts_unrecorded_total"), Some(4.0));
}

#[test]
fn endpoints_nobody_asked_for_have_no_series() {
    let metrics = metrics();
    metrics.record(&trace(), &series_of(&metrics));
    assert!(!metrics.render().contains("getGenesis"));
}

#[test]
fn overtaken_attempts_do_not_pull_the_times_down() {
    let metrics = metrics();
    let mut overtaken = trace();
    overtaken.tried[0] = attempt(0, Outcome::Overtaken, 1);
    metrics.record(&overtaken, &series_of(&metrics));
    let text = metrics.render();
    assert_eq!(value(&text, "beacondeck_attempt_seconds_count{beacon=\"b1\"}"), Some(0.0));
    assert_eq!(value(&text, "beacondeck_attempts_total{beacon=\"b1\",outcome=\"overtaken\"}"), Some(1.0));
}

#[test]
fn a_snapshot_sets_the_gauges() {
    let metrics = metrics();
    let sick = BeaconStatus {
        healthy: false,
        reasons: vec![Reason::StaleHead],
        lifecycle: Lifecycle::Draining(4),
        lag: 3,
        ..beacon("b2")
    };
    metrics.observe(&status(vec![beacon("b1"), sick]));
    let text = metrics.render();
    for (series, expected) in [
        ("beacondeck_beacon_healthy{beacon=\"b1\"}", 1.0),
        ("beacondeck_beacon_healthy{beacon=\"b2\"}", 0.0),
        ("beacondeck_beacon_lifecycle{beacon=\"b2\",state=\"draining\"}", 1.0),
        ("beacondeck_beacon_lifecycle{beacon=\"b2\",state=\"active\"}", 0.0),
        ("beacondeck_beacon_reason{beacon=\"b2\",reason=\"stale head\"}", 1.0),
        ("beacondeck_beacon_reason{beacon=\"b1\",reason=\"stale head\"}", 0.0),
        ("beacondeck_beacon_in_flight{beacon=\"b1\"}", 4.0),
        ("beacondeck_beacon_head_slot{beacon=\"b1\"}", 99.0),
        ("beacondeck_beacon_lag_slots{beacon=\"b2\"}", 3.0),
        ("beacondeck_beacon_latency_seconds{beacon=\"b1\"}", 0.0025),
        ("beacondeck_beacon_observed_timestamp_seconds{beacon=\"b1\"}", 1.5),
        ("beacondeck_slot", 100.0),
        ("beacondeck_agreed_head_slot", 99.0),
        ("beacondeck_alerts", 1.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series} in\n{text}");
    }
    assert!(!text.contains("beacon_peers{"), "peers were not told");
}

#[test]
fn what_became_unknown_has_no_value() {
    let metrics = metrics();
    metrics.observe(&status(vec![beacon("b1")]));
    let unknown = BeaconStatus { head: None, reasons: vec![Reason::NeverObserved], ..beacon("b1") };
    metrics.observe(&FleetStatus { agreed: None, ..status(vec![unknown]) });
    let text = metrics.render();
    assert_eq!(value(&text, "beacondeck_beacon_head_slot{beacon=\"b1\"}"), None);
    assert_eq!(value(&text, "beacondeck_agreed_head_slot"), None);
    assert_eq!(value(&text, "beacondeck_slot"), Some(100.0));
}

#[test]
fn a_beacon_is_not_healthy_before_the_first_snapshot() {
    let metrics = metrics();
    drop(series_of(&metrics));
    assert_eq!(value(&metrics.render(), "beacondeck_beacon_healthy{beacon=\"b1\"}"), Some(0.0));
}

#[test]
fn steps_are_counted_against_their_due_point_once_they_are_made() {
    let metrics = metrics();
    let series = series_of(&metrics);
    let count = |of: &str, part: &str, le: &str| {
        let (metric, name) = of.split_once('/').unwrap();
        let labels = format!("le=\"{le}\",{metric}=\"{name}\",step=\"attest\",part=\"{part}\"");
        value(&metrics.render(), &format!("beacondeck_{metric}_after_due_seconds_bucket{{{labels}}}"))
    };
    assert_eq!(count("client/vc-1", "data", "+Inf"), None);
    // Asked 400 ms before it was due, answered 46.9 ms before.
    metrics.record(&Trace { due_ms: -400, ..trace() }, &series);
    assert_eq!(count("client/vc-1", "data", "0.0"), Some(1.0));
    assert_eq!(count("client/vc-1", "data", "-0.1"), Some(0.0));
    assert_eq!(count("beacon/b2", "data", "0.0"), Some(1.0));
    assert_eq!(count("beacon/b1", "data", "0.0"), None, "it did not answer");
    // What was signed came in time, and a beacon took it late.
    metrics.record(&Trace { row: 2, due_ms: -200, ..trace() }, &series);
    assert_eq!(count("client/vc-1", "publish", "-0.1"), Some(1.0));
    assert_eq!(count("beacon/b2", "publish", "0.1"), Some(0.0));
    assert_eq!(count("beacon/b2", "publish", "0.25"), Some(1.0));
    metrics.record(&Trace { served: Served::Nobody, ..trace() }, &series);
    assert_eq!(count("client/vc-1", "data", "+Inf"), Some(1.0), "an answer of ours is no beacon's");
}

#[test]
fn another_fleet_file_counts_on_for_who_stays_and_has_no_series_for_who_is_gone() {
    let metrics = metrics();
    let first = series_of(&metrics);
    metrics.record(&trace(), &first);
    metrics.observe(&status(vec![beacon("b1"), beacon("b2")]));
    let old = [BeaconName::new("b1"), BeaconName::new("b2")];
    let new = [BeaconName::new("b2"), BeaconName::new("b3")];
    let clients = ["unnamed".to_owned(), "vc-1".to_owned()];
    let old_clients = Names { beacons: &old, clients: &clients };
    let new_clients = Names { beacons: &new, clients: &clients[..1] };
    let second = metrics.series(&new_clients);
    metrics.forget(&old_clients, &new_clients);
    let moved = Trace { tried: [attempt(0, Outcome::Ok, 1); TRACE_ATTEMPTS], attempts: 1, ..trace() };
    metrics.record(&moved, &second);
    let text = metrics.render();
    let ok = |name: &str| format!("beacondeck_attempts_total{{beacon=\"{name}\",outcome=\"ok\"}}");
    assert_eq!(value(&text, &ok("b2")), Some(2.0), "one at its old place, one at its new");
    assert_eq!(value(&text, &ok("b3")), Some(0.0));
    assert!(!text.contains("beacon=\"b1\"") && !text.contains("client=\"vc-1\""), "{text}");
}

#[test]
fn handles_memory_and_version_are_rendered() {
    let metrics = metrics();
    metrics.traces_dropped.inc();
    metrics.bodies_held.inc_by(2_048);
    metrics.connections_open.inc();
    metrics.connections_refused.inc_by(3);
    let text = metrics.render();
    assert_eq!(value(&text, "beacondeck_traces_dropped_total"), Some(1.0));
    assert_eq!(value(&text, "beacondeck_bodies_held_bytes"), Some(2_048.0));
    assert_eq!(value(&text, "beacondeck_connections_open"), Some(1.0));
    assert_eq!(value(&text, "beacondeck_connections_refused_total"), Some(3.0));
    let version = format!("beacondeck_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(value(&text, &version), Some(1.0));
    let resident = value(&text, "beacondeck_process_resident_memory_bytes").unwrap();
    assert!(resident > 1_048_576.0, "{resident}");
    assert!(text.ends_with("# EOF\n"));
}

#[rstest]
#[case("Name:\tx\nVmRSS:\t    1536 kB\n", Some(1_572_864))]
#[case("Name:\tx\n", None)]
#[case("VmRSS:\tlots kB\n", None)]
fn resident_memory_is_read_in_kibibytes(#[case] status: &str, #[case] bytes: Option<i64>) {
    assert_eq!(resident(status), bytes);
}

async fn get(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_door_serves_metrics_and_nothing_else_until_stopped() {
    let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
    let local = "127.0.0.1:0".parse().unwrap();
    let server = MetricsServer::start(local, Arc::new(metrics()), cancel.clone(), &tracker).await.unwrap();
    let address = server.address();
    let good = get(address, "GET /metrics").await;
    assert!(good.starts_with("HTTP/1.1 200") && good.ends_with("# EOF\n"), "{good}");
    assert!(good.contains("application/openmetrics-text"), "{good}");
    assert!(get(address, "GET /").await.starts_with("HTTP/1.1 404"));
    assert!(get(address, "POST /metrics").await.starts_with("HTTP/1.1 405"));
    let taken = MetricsServer::start(address, Arc::new(metrics()), cancel.clone(), &tracker).await;
    assert!(taken.unwrap_err().to_string().contains(&address.to_string()));
    cancel.cancel();
    tracker.close();
    tracker.wait().await;
    assert!(TcpStream::connect(address).await.is_err());
}
