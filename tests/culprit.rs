//! Who is blamed, live: simulated beacons and validator clients over real HTTP, one fault at a time; and whether what
//! the ledger says is what the chain says.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod common;
#[path = "culprit/reads.rs"]
mod reads;
#[path = "notify/recorder.rs"]
mod recorder;

use std::time::Duration;

use beacondeck::control::{Answer, Order, Request};
use beacondeck::model::{
    CulpritKind, DutiesAsked, DutyFate, DutyTold, Epoch, HostLevel, Incident, IncidentState, Severity, Slot,
};
use beacondeck::sim::{Fault, SimConfig, SimNetwork, SimValidatorClient, Style};
use common::{Rig, wait_for};
use recorder::Recorder;
use rstest::rstest;

const CLIENTS: usize = 4;
/// Slots that the engine sees before anything is wrong.
const CALM: u64 = 14;
/// Slots are short here: so is the time within which a beacon must answer.
const PROBING: &str = "probing: {interval: 200ms, timeout: 300ms}\n";
/// A machine that is busy with other tests may lose a slot or two of its own.
const BOUND: Duration = Duration::from_secs(90);

fn config() -> SimConfig {
    SimConfig {
        beacons: 4,
        clients: CLIENTS,
        validators: 64,
        slot_ms: 1_000,
        slots_per_epoch: 8,
        past_epochs: 3,
        ..SimConfig::default()
    }
}

/// A network, and an engine that has a door for each client and has seen some calm slots.
async fn calm() -> (SimNetwork, Rig) {
    calm_with("").await
}

/// The same with more in its fleet file.
async fn calm_with(more: &str) -> (SimNetwork, Rig) {
    let mut network = SimNetwork::start(config()).await.unwrap();
    let doors: Vec<String> = (0..CLIENTS).map(|place| format!("127.0.0.{}:0", place + 2)).collect();
    let clients: Vec<String> = doors
        .iter()
        .enumerate()
        .map(|(place, door)| format!("{{name: vc-{place}, from: \"{door}\"}}"))
        .collect();
    let beacons: Vec<String> = network
        .urls()
        .iter()
        .enumerate()
        .map(|(place, url)| {
            format!("{{name: b{place}, url: \"{url}\", local: false, labels: {{host: h{place}}}}}")
        })
        .collect();
    let listen =
        format!("[{}]", doors.iter().map(|door| format!("\"{door}\"")).collect::<Vec<_>>().join(", "));
    let probing = if more.contains("probing:") { "" } else { PROBING };
    let rest =
        format!("clients: [{}]\nbeacons: [{}]\n{probing}{more}", clients.join(", "), beacons.join(", "));
    let rig = Rig::at(&listen, &rest).await;
    let urls: Vec<String> = rig.engine.doors.iter().map(|door| format!("http://{door}")).collect();
    network.start_clients_at(&urls);
    assert!(wait_for(BOUND, || (0..4).all(|id| rig.beacon(id).healthy)).await);
    network.until_slot(Slot(network.slot().unwrap().0 + CALM)).await;
    assert_eq!(live(&rig), [], "nothing is wrong yet");
    (network, rig)
}

fn live(rig: &Rig) -> Vec<Incident> {
    rig.status().incidents.iter().filter(|incident| incident.state.is_live()).cloned().collect()
}

fn blames(incidents: &[Incident], kind: &CulpritKind, name: &str) -> bool {
    incidents.iter().any(|incident| incident.blames(kind, name))
}

#[rstest]
#[case::hang(Fault::Hang, &["does not answer", "cannot be reached", "fails requests"])]
#[case::refuse(Fault::Refuse, &["cannot be reached", "fails requests"])]
// Its head stands because nobody tells it of one: it has no peers, and its probes say so first.
#[case::stale(Fault::StaleHead, &["has few peers"])]
#[case::el_offline(Fault::ElOffline, &["its execution client is offline"])]
#[tokio::test(flavor = "multi_thread")]
async fn a_sick_beacon_is_the_one_incident(#[case] fault: Fault, #[case] causes: &[&str]) {
    let (network, rig) = calm().await;
    network.beacon(1).set(fault);
    let from = network.slot().unwrap();
    let named = wait_for(BOUND, || blames(&live(&rig), &CulpritKind::Beacon, "b1")).await;
    assert!(named, "{fault:?} was not named: {:#?}", rig.status().incidents);
    let took = network.slot().unwrap().0 - from.0;
    // The slot of the fault, two for a head to be behind, one that is told at its end, one of the machine's own.
    assert!(took <= 5, "{fault:?} was named after {took} slots");
    network.until_slot(Slot(network.slot().unwrap().0 + 6)).await;
    let all = rig.status().incidents.clone();
    assert_eq!(all.len(), 1, "{fault:?}: one incident and no other: {all:#?}");
    let incident = &all[0];
    assert!(causes.contains(&incident.cause.as_str()), "{incident:#?}");
    assert!(!incident.evidence.is_empty() && !incident.next.is_empty(), "{incident:#?}");
    assert_eq!(incident.state, IncidentState::Mitigated, "the router works around it: {incident:#?}");
    network.beacon(1).heal();
    let over = wait_for(BOUND, || live(&rig).is_empty()).await;
    assert!(over, "not resolved after healing: {:#?}", live(&rig));
    assert_eq!(rig.status().incidents.len(), 1, "{:#?}", rig.status().incidents);
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_is_evidence_on_the_incident_of_its_beacon() {
    const BEHIND_MS: i32 = 3_300;
    let (network, rig) = calm().await;
    network.beacon(1).set(Fault::Clock(-i64::from(BEHIND_MS)));
    let clock = || {
        let host = rig.status().hosts.iter().find(|host| host.name == "h1").cloned().unwrap();
        host.clock.filter(|clock| clock.level == HostLevel::Warn)
    };
    assert!(wait_for(BOUND, || clock().is_some()).await, "{:#?}", rig.status().hosts);
    let seen = clock().unwrap();
    assert!(
        seen.estimate && seen.low_ms <= f64::from(-BEHIND_MS) && seen.high_ms >= f64::from(-BEHIND_MS),
        "{seen:?}"
    );
    assert!(seen.measured.at.is_some(), "{seen:?}");
    let named = |incident: &Incident| {
        let whose = incident.blames(&CulpritKind::Beacon, "b1") || incident.blames(&CulpritKind::Host, "h1");
        whose && incident.evidence.iter().any(|line| line.starts_with("host h1: time.offset is warn"))
    };
    // What its host shows may be known some slots after what it costs.
    let why = "what it tells is late, and the clock of its host may be off (time.offset)";
    let told =
        wait_for(BOUND, || live(&rig).iter().any(|incident| named(incident) && incident.cause == why)).await;
    assert!(told, "{:#?}", rig.status().incidents);
    network.beacon(1).heal();
    let over = wait_for(BOUND, || live(&rig).is_empty()).await;
    assert!(over, "not resolved after healing: {:#?}", live(&rig));
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sick_beacon_is_told_of_once_and_so_is_its_end() {
    let hook = Recorder::start([]).await;
    let notify = format!(
        "notify: [{{name: hook, severity: notice, webhook: {{url: \"http://{}/\"}}}}, \
         {{name: nowhere, severity: notice, alertmanager: \"http://127.0.0.1:1\"}}]\n",
        hook.address
    );
    let (network, rig) = calm_with(&notify).await;
    assert_eq!(hook.all().len(), 0, "nothing is wrong yet");
    network.beacon(1).set(Fault::Hang);
    assert!(wait_for(BOUND, || !hook.all().is_empty()).await, "{:#?}", rig.status().incidents);
    let opened = hook.all()[0].json();
    assert_eq!((&opened["event"], &opened["fleet"]), (&"opened".into(), &"test".into()));
    let told: Incident = serde_json::from_value(opened["incident"].clone()).unwrap();
    assert!(told.blames(&CulpritKind::Beacon, "b1"), "{told:#?}");
    let fails =
        || rig.status().alerts.iter().any(|alert| alert.contains("not told by nowhere: it cannot be"));
    assert!(wait_for(BOUND, fails).await, "{:#?}", rig.status().alerts);
    network.beacon(1).heal();
    let of = |event: &str| hook.all().iter().filter(|told| told.json()["event"] == event).count();
    assert!(wait_for(BOUND, || of("ended") > 0).await, "{:#?}", live(&rig));
    assert_eq!((of("opened"), of("ended")), (1, 1), "{:#?}", hook.all());
    assert!(hook.all().iter().all(|told| told.json()["key"] == opened["key"]));
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_beacon_that_was_silenced_before_it_fell_ill_nobody_is_told_until_that_is_lifted() {
    let hook = Recorder::start([]).await;
    let notify = format!(
        "notify: [{{name: hook, severity: notice, webhook: {{url: \"http://{}/\"}}}}]\n",
        hook.address
    );
    let (network, rig) = calm_with(&notify).await;
    let order = |what| rig.ask(Request::order(what));
    let key = || "beacon b1".to_owned();
    let silence = Order::Silence { key: key(), seconds: 3_600, why: Some("it is moved".into()) };
    assert!(matches!(order(silence).await, Answer::Done { .. }));
    network.beacon(1).set(Fault::Hang);
    let told_open = |incident: &Incident| incident.state > IncidentState::Suspected;
    assert!(wait_for(BOUND, || live(&rig).iter().any(told_open)).await, "{:#?}", live(&rig));
    network.until_slot(Slot(network.slot().unwrap().0 + 4)).await;
    let incident = live(&rig).remove(0);
    assert_eq!(incident.silence.as_ref().and_then(|silence| silence.why.as_deref()), Some("it is moved"));
    assert_eq!(hook.all().len(), 0, "it is silenced: {incident:#?}");
    assert!(matches!(order(Order::Unsilence { key: key() }).await, Answer::Done { .. }));
    assert!(wait_for(BOUND, || !hook.all().is_empty()).await, "{:#?}", live(&rig));
    assert_eq!(hook.all()[0].json()["event"], "opened");
    let again = Order::Silence { key: incident.key(), seconds: 3_600, why: None };
    assert!(matches!(order(again).await, Answer::Done { .. }));
    network.beacon(1).heal();
    let ended = || hook.all().iter().any(|told| told.json()["event"] == "ended");
    assert!(wait_for(BOUND, ended).await, "what was told has an end: {:#?}", live(&rig));
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stopped_is_blamed_and_its_incident_outlives_a_restart() {
    let (network, rig) = calm().await;
    network.stop_client(2).await;
    let from = network.slot().unwrap();
    let named = wait_for(BOUND, || blames(&live(&rig), &CulpritKind::Client, "vc-2")).await;
    assert!(named, "{:#?}", rig.status().incidents);
    let took = network.slot().unwrap().0 - from.0;
    // The chain tells of a duty two slots later, and a quarter of the slots lack the block of the client that stopped.
    assert!(took <= 12, "named after {took} slots");
    let before = live(&rig);
    assert_eq!(before.len(), 1, "{before:#?}");
    assert!(wait_for(BOUND, || live(&rig)[0].cost.missed > 0).await, "it costs duties: {:#?}", live(&rig));
    let rig = Rig::again(rig.stop_for_now().await).await;
    assert!(wait_for(BOUND, || !live(&rig).is_empty()).await, "it is forgotten");
    let after = live(&rig);
    assert_eq!(
        (after[0].id, after[0].since, &after[0].culprits),
        (before[0].id, before[0].since, &before[0].culprits)
    );
    rig.stop().await;
    network.stop().await;
}

/// Incidents of keys, those that ended too.
fn of_keys(rig: &Rig) -> Vec<Incident> {
    let status = rig.status();
    let of_keys = |incident: &&Incident| incident.kind() == "key";
    status.incidents.iter().filter(of_keys).cloned().collect()
}

/// One more client with the keys of one of the network's.
fn double(network: &SimNetwork, of: usize, url: &str) -> SimValidatorClient {
    SimValidatorClient::start("double", url, network.validators_of(of), Style::default())
}

fn door(rig: &Rig, client: usize) -> String {
    format!("http://{}", rig.engine.doors[client])
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_sign_at_two_clients_are_one_critical_incident_that_is_told_and_outlives_a_restart() {
    let hook = Recorder::start([]).await;
    let notify = format!(
        "notify: [{{name: hook, severity: critical, webhook: {{url: \"http://{}/\"}}}}]\n",
        hook.address
    );
    let (network, rig) = calm_with(&notify).await;
    let double = double(&network, 0, &door(&rig, 1));
    let from = network.slot().unwrap();
    assert!(wait_for(BOUND, || !of_keys(&rig).is_empty()).await, "{:#?}", rig.status().incidents);
    let took = network.slot().unwrap().0 - from.0;
    // It has its duties from the next epoch on at the latest; some of sixteen keys attest in each slot.
    assert!(took <= 12, "named after {took} slots");
    network.until_slot(Slot(network.slot().unwrap().0 + 10)).await;
    let all = of_keys(&rig);
    assert_eq!(all.len(), 1, "one for all keys: {all:#?}");
    let incident = &all[0];
    assert_eq!((incident.who().as_str(), incident.state), ("key vc-0+vc-1", IncidentState::Open));
    assert_eq!((incident.severity, incident.confidence), (Severity::Critical, 1.0));
    assert!(incident.cause.starts_with("both sign for validator"), "{incident:#?}");
    assert!(incident.next.starts_with("stop one of them now, vc-0 or vc-1"), "{incident:#?}");
    let says = |line: &String| {
        line.starts_with("validator ")
            && line.contains("vc-0")
            && line.contains("vc-1")
            && line.contains("slot ")
    };
    assert!(!incident.evidence.is_empty() && incident.evidence.iter().all(says), "{incident:#?}");
    let told = || {
        hook.all()
            .into_iter()
            .map(|told| told.json())
            .find(|told| told["event"] == "opened" && told["incident"]["culprits"][0]["name"] == "vc-0+vc-1")
    };
    assert!(wait_for(BOUND, || told().is_some()).await, "{:#?}", hook.all());
    double.stop().await;
    let rig = Rig::again(rig.stop_for_now().await).await;
    let goes_on =
        |kept: &Incident| (kept.id, kept.since) == (incident.id, incident.since) && kept.state.is_live();
    assert!(wait_for(BOUND, || of_keys(&rig).iter().any(goes_on)).await, "{:#?}", of_keys(&rig));
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_move_are_no_incident_and_keys_that_sign_elsewhere_while_theirs_is_stopped_are_one() {
    let (network, rig) = calm().await;
    network.stop_client(2).await;
    network.stop_client(3).await;
    // Whose keys they are is known over a restart; its doors are others, and only who moved comes to them.
    let rig = Rig::again(rig.stop_for_now().await).await;
    let moved = double(&network, 2, &door(&rig, 1));
    // At a beacon itself: the router sees nothing of it.
    let away = double(&network, 3, &network.urls()[0]);
    let named = wait_for(BOUND, || !of_keys(&rig).is_empty()).await;
    assert!(named, "{:#?}", rig.status().incidents);
    network.until_slot(Slot(network.slot().unwrap().0 + 10)).await;
    let all = of_keys(&rig);
    assert_eq!(all.len(), 1, "what moved is none: {all:#?}");
    assert_eq!((all[0].who().as_str(), all[0].severity), ("key vc-3+elsewhere", Severity::Critical));
    assert!(all[0].next.starts_with("do not start vc-3"), "{:#?}", all[0]);
    let says = |line: &String| line.contains("a block includes") || line.contains("it proposed the block");
    assert!(all[0].evidence.iter().any(says), "{:#?}", all[0]);
    moved.stop().await;
    away.stop().await;
    rig.stop().await;
    network.stop().await;
}

async fn duties(rig: &Rig, epoch: Epoch) -> Vec<DutyTold> {
    let asked = DutiesAsked { epoch: Some(epoch), limit: 10_000, ..DutiesAsked::default() };
    match rig.ask(Request::Duties(asked)).await {
        Answer::Duties(list) => list.into_iter().filter(|duty| duty.kind == "attestations").collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_says_what_the_chain_says() {
    let (network, rig) = calm().await;
    network.stop_client(1).await;
    let epoch = Epoch(network.epoch().0 + 1);
    // An attestation may be included until the end of the next epoch.
    network.until_end_of(Epoch(epoch.0 + 1)).await;
    let report = network.report_of(epoch.0..epoch.0 + 1);
    let told = duties(&rig, epoch).await;
    let of = |fate: DutyFate| told.iter().filter(|duty| duty.fate == fate).count() as u64;
    assert_eq!((told.len() as u64, of(DutyFate::Missed)), (report.due, report.missed), "{report:?}");
    assert_eq!(report.missed, 16, "a quarter of the validators are the stopped client's");
    let mut missed: Vec<_> =
        told.iter().filter(|duty| duty.fate == DutyFate::Missed).map(|duty| duty.validator).collect();
    missed.sort_unstable();
    assert_eq!(missed, report.missed_by);
    let wrong = told.iter().filter(|duty| duty.votes.is_some_and(|votes| !votes.head)).count() as u64;
    assert_eq!(wrong, report.wrong_head, "{report:?}");
    for duty in told.iter().filter(|duty| duty.fate == DutyFate::Included) {
        assert!(duty.data_by.is_some() && duty.published_ms.is_some() && !duty.via.is_empty(), "{duty:?}");
        assert_eq!(duty.client.as_deref(), Some(format!("vc-{}", duty.validator.0 % 4).as_str()));
    }
    let sums = rig.status().duties.clone().unwrap();
    assert_eq!(sums.validators, 64, "all were seen before one client stopped");
    rig.stop().await;
    network.stop().await;
}
