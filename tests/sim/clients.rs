//! Clients at beacons one to one: what health gives and what each fault costs.

use std::time::Duration;

use beacondeck::model::{Epoch, Slot};
use beacondeck::sim::{Act, Fault, Job, Script, SimConfig, SimNetwork};
use rstest::rstest;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_healthy_beacons_lose_nothing() {
    let mut net =
        SimNetwork::start(SimConfig { clients: 3, slot_ms: 300, ..SimConfig::default() }).await.unwrap();
    net.start_clients_at(&net.urls());
    net.until_end_of(Epoch(3)).await;
    let report = net.report_of(1..4);
    assert_eq!((report.due, report.missed), (3 * 64, 0), "{report:?}");
    assert_eq!((report.proposals_due, report.proposals_missed), (24, 0), "{report:?}");
    assert_eq!((report.double_votes, report.double_proposals, report.wrong_target), (0, 0, 0), "{report:?}");
    assert_eq!(report.wrong_fee_recipient, 0, "{report:?}");
    assert_eq!((report.aggregates_due, report.aggregates_missed), (3 * 16, 0), "{report:?}");
    assert_eq!(report.contributions_missed, 0, "{report:?}");
    assert!(report.sync_missed * 20 <= report.sync_due, "{report:?}");
    assert!(report.wrong_head * 20 <= report.due, "{report:?}");
    for client in net.client_reports() {
        assert_eq!(client.double_votes_refused + client.surround_votes_refused, 0, "{client:?}");
        assert_eq!(client.failed(Job::Attest) + client.failed(Job::Aggregate), 0, "{client:?}");
        assert!(client.head_events > 0 && client.ok(Job::Register) > 0, "{client:?}");
    }
    net.stop().await;
}

#[rstest]
#[case(Fault::Hang)]
#[case(Fault::Reset)]
#[case(Fault::Refuse)]
#[case(Fault::Restart)]
#[case(Fault::Slow(700))]
#[case(Fault::StaleHead)]
#[case(Fault::Optimistic)]
#[case(Fault::Errors(500))]
#[case(Fault::Errors(404))]
#[case(Fault::WrongChain)]
#[case(Fault::Fork)]
#[case(Fault::Truncate)]
#[case(Fault::Gc { pause_ms: 1500, run_ms: 50 })]
#[case(Fault::Syncing)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_costs_the_client_of_that_beacon_alone_and_heals(#[case] fault: Fault) {
    let config =
        SimConfig { beacons: 2, clients: 2, slot_ms: 250, slots_per_epoch: 6, ..SimConfig::default() };
    let mut net = SimNetwork::start(config).await.unwrap();
    net.start_clients_at(&net.urls());
    // The script starts before genesis: its slots are the chain's.
    net.run(&Script(vec![Act { slot: Slot(12), beacon: 1, fault, until: Some(Slot(18)) }])).unwrap();
    net.until_end_of(Epoch(4)).await;
    let (before, during, after) = (net.report(Epoch(1)), net.report(Epoch(2)), net.report(Epoch(4)));
    assert_eq!(before.missed, 0, "{before:?}");
    let cost = if let Fault::Slow(_) = fault { during.late + during.missed } else { during.missed };
    assert!(cost > 0, "{fault:?} costs nothing: {during:?}");
    let sick = net.validators_of(1);
    assert!(during.missed_by.iter().all(|validator| sick.contains(validator)), "{during:?}");
    assert_eq!(after.missed, 0, "{fault:?} does not heal: {after:?}");
    assert_eq!(before.double_votes + during.double_votes + after.double_votes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_execution_client_there_are_votes_but_no_blocks() {
    let config =
        SimConfig { beacons: 1, clients: 1, slot_ms: 250, slots_per_epoch: 4, ..SimConfig::default() };
    let mut net = SimNetwork::start(config).await.unwrap();
    net.start_clients_at(&net.urls());
    net.until_slot(Slot(4)).await;
    net.beacon(0).set(Fault::ElOffline);
    net.until_end_of(Epoch(2)).await;
    let report = net.report(Epoch(2));
    assert_eq!((report.missed, report.proposals_missed), (0, 4), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_beacon_has_forgotten_what_it_was_told() {
    let mut net = SimNetwork::start(SimConfig {
        beacons: 2,
        clients: 1,
        slot_ms: 400,
        slots_per_epoch: 8,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    net.start_clients_at(&[net.beacon(0).url()]);
    net.until_end_of(Epoch(1)).await;
    assert_eq!(net.report(Epoch(1)).aggregates_missed, 0);
    let failed = |net: &SimNetwork| net.client_reports()[0].failed(Job::Aggregate);
    assert_eq!(failed(&net), 0);
    // Down for less than a slot, right behind the subscriptions for this epoch and the next.
    net.until_slot(Slot(18)).await;
    net.beacon(0).restart(Duration::from_millis(20)).await;
    net.until_end_of(Epoch(2)).await;
    let calls = net.client_reports()[0].calls[&Job::Aggregate].clone();
    assert!(calls.get("404").copied().unwrap_or(0) > 0, "{calls:?}");
    assert!(net.report(Epoch(2)).aggregates_missed > 0);
    assert!(net.report_of(2..3).wrong_fee_recipient > 0, "it pays whom nobody named");
    net.until_end_of(Epoch(4)).await;
    let healed = net.report(Epoch(4));
    assert_eq!((healed.aggregates_missed, healed.wrong_fee_recipient), (0, 0), "{healed:?}");
}
