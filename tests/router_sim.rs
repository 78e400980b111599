//! The router in front of simulated beacons over real HTTP: no fault at one of four costs a duty.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod common;

use std::time::Duration;

use beacondeck::model::{Lifecycle, Reason, Slot};
use beacondeck::sim::{Fault, SimConfig, SimNetwork};
use common::{Rig, wait_for};
use rstest::rstest;

fn config() -> SimConfig {
    SimConfig {
        beacons: 4,
        clients: 4,
        validators: 64,
        slot_ms: 600,
        slots_per_epoch: 8,
        past_epochs: 3,
        ..SimConfig::default()
    }
}

/// Runs `epochs` whole epochs and asserts that no duty was missed in them.
async fn no_duty_missed(network: &SimNetwork, epochs: u64, what: &str) {
    let first = network.epoch().0 + 1;
    network.until_end_of(beacondeck::model::Epoch(first + epochs)).await;
    let report = network.report_of(first..first + epochs);
    assert!(report.due > 0, "{what}: nothing was due");
    assert_eq!((report.missed, report.proposals_missed), (0, 0), "{what}: {report:?}");
    assert_eq!((report.double_votes, report.double_proposals), (0, 0), "{what}: {report:?}");
}

#[rstest]
#[case::hang(Fault::Hang, &[Reason::Hung])]
#[case::reset(Fault::Reset, &[Reason::Unreachable, Reason::Failing, Reason::Hung])]
#[case::refuse(Fault::Refuse, &[Reason::Unreachable])]
#[case::slow(Fault::Slow(1_500), &[Reason::Hung, Reason::Slow])]
#[case::stale(Fault::StaleHead, &[Reason::StaleHead])]
#[case::optimistic(Fault::Optimistic, &[Reason::Optimistic])]
#[case::el_offline(Fault::ElOffline, &[Reason::ElOffline])]
#[case::errors(Fault::Errors(500), &[Reason::Failing])]
#[case::truncate(Fault::Truncate, &[Reason::Failing, Reason::Hung, Reason::Unreachable])]
#[case::gc(Fault::Gc { pause_ms: 1_500, run_ms: 500 }, &[Reason::Hung])]
#[case::syncing(Fault::Syncing, &[Reason::Syncing])]
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_at_one_of_four_costs_no_duty_and_is_named(#[case] fault: Fault, #[case] named: &[Reason]) {
    let mut network = SimNetwork::start(config()).await.unwrap();
    let rig = Rig::start(&network, "").await;
    network.start_clients(&rig.url());
    assert!(wait_for(Duration::from_secs(20), || (0..4).all(|id| rig.beacon(id).healthy)).await);
    network.until_slot(Slot(network.slot().unwrap().0 + 2)).await;
    network.beacon(1).set(fault);
    let saw = wait_for(Duration::from_secs(20), || {
        let reasons = rig.beacon(1).reasons;
        named.iter().any(|reason| reasons.contains(reason))
    });
    assert!(saw.await, "{fault:?} was not named; it is {:?}", rig.beacon(1).reasons);
    for other in [0, 2, 3] {
        assert!(rig.beacon(other).healthy, "{fault:?} at another evicted {other}: {:?}", rig.beacon(other));
    }
    no_duty_missed(&network, 2, &format!("{fault:?}")).await;
    network.beacon(1).heal();
    let back = wait_for(Duration::from_secs(60), || rig.beacon(1).healthy);
    assert!(back.await, "not healthy after healing: {:?}", rig.beacon(1));
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_evicts_nobody_else_and_a_stranger_is_refused_with_a_reason() {
    // Each branch gets blocks of its own: published ones would be taken by both.
    let network = SimNetwork::start(SimConfig { auto_blocks_ms: Some(20), ..config() }).await.unwrap();
    network.beacon(3).set(Fault::WrongChain);
    let rig = Rig::start(&network, "").await;
    assert!(
        wait_for(Duration::from_secs(20), || rig.beacon(3).reasons.contains(&Reason::WrongChain)).await,
        "{:?}",
        rig.beacon(3)
    );
    assert!(rig.beacon(3).detail.contains("genesis"), "{}", rig.beacon(3).detail);
    network.beacon(2).set(Fault::Fork);
    assert!(
        wait_for(Duration::from_secs(20), || !rig.beacon(2).healthy).await,
        "a head on another branch is shown: {:?}",
        rig.beacon(2)
    );
    assert!(rig.beacon(0).healthy && rig.beacon(1).healthy);
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_and_restart_one_after_another_cost_no_duty() {
    let mut network = SimNetwork::start(config()).await.unwrap();
    let rig = Rig::start(&network, "").await;
    network.start_clients(&rig.url());
    no_duty_missed(&network, 1, "before").await;
    for beacon in 0..2 {
        rig.order(beacon, true).await;
        let drained =
            wait_for(Duration::from_secs(10), || rig.beacon(beacon).lifecycle == Lifecycle::Drained);
        assert!(drained.await, "{:?}", rig.beacon(beacon));
        let before = network.beacon(beacon).requests();
        network.beacon(beacon).restart(Duration::from_millis(500)).await;
        assert!(before > 0);
        no_duty_missed(&network, 1, "drained").await;
        rig.order(beacon, false).await;
        let back = wait_for(Duration::from_secs(60), || rig.beacon(beacon).healthy);
        assert!(back.await, "{:?}", rig.beacon(beacon));
    }
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_beacon_alone_still_serves() {
    let mut network = SimNetwork::start(config()).await.unwrap();
    let rig = Rig::start(&network, "").await;
    network.start_clients(&rig.url());
    no_duty_missed(&network, 1, "before").await;
    for gone in [0, 1, 2] {
        network.beacon(gone).set(Fault::Refuse);
    }
    let out = wait_for(Duration::from_secs(20), || (0..3).all(|id| !rig.beacon(id).healthy));
    assert!(out.await);
    no_duty_missed(&network, 2, "one survivor").await;
    rig.stop().await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_busy_a_machine_is_is_known_by_its_beacons_word_or_because_it_is_this_one() {
    let network = SimNetwork::start(config()).await.unwrap();
    let rig = Rig::start(&network, "probing: {interval: 100ms}\n").await;
    let known = || (0..4).all(|id| rig.beacon(id).cpu.is_some());
    assert!(wait_for(Duration::from_secs(20), known).await, "{:?}", rig.status().beacons);
    assert_eq!(rig.beacon(0).cpu, Some(40), "as the simulated Lighthouse says");
    assert!((1..4).all(|id| rig.beacon(id).cpu <= Some(100)), "as this machine's kernel says");
    network.beacon(0).set(Fault::Refuse);
    assert!(wait_for(Duration::from_secs(20), || rig.beacon(0).cpu.is_none()).await, "nobody tells any more");
    rig.stop().await;
    network.stop().await;
}

/// Attestation data of the present slot by the router: the head it votes for, and who said so.
async fn vote(rig: &Rig, network: &SimNetwork) -> Option<(String, String)> {
    let slot = network.slot()?;
    let url = format!("{}/eth/v1/validator/attestation_data?slot={slot}&committee_index=0", rig.url());
    let answer = reqwest::Client::new().get(url).send().await.unwrap();
    let by = answer.headers().get("x-beacondeck-beacon")?.to_str().unwrap().to_owned();
    let body: serde_json::Value = answer.error_for_status().ok()?.json().await.unwrap();
    Some((body["data"]["beacon_block_root"].as_str().unwrap().to_owned(), by))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_split_along_clients_is_told_and_nobody_walks_over_restarts_too() {
    let versions = ["Lighthouse/v8.0.1", "Lighthouse/v8.0.1", "Teku/v25.11.0"].map(str::to_owned).to_vec();
    let network = SimNetwork::start(SimConfig {
        beacons: 6,
        versions: [versions.clone(), vec![versions[2].clone(); 3]].concat(),
        auto_blocks_ms: Some(20),
        ..config()
    })
    .await
    .unwrap();
    let rig = Rig::start(&network, "").await;
    let long = Duration::from_secs(30);
    assert!(wait_for(long, || (0..6).all(|id| rig.beacon(id).healthy)).await);
    (2..6).for_each(|id| network.beacon(id).set(Fault::Fork));
    let told = wait_for(long, || rig.status().incidents.iter().any(|incident| incident.state.is_live()));
    assert!(told.await, "{:?}", rig.status().beacons);
    let status = rig.status();
    let split = status.split.clone().unwrap();
    // Whose block came first, at equal heads, is the branch that validators are on.
    let lighthouse = split.ours.clients == ["Lighthouse"];
    let (name, sides, ours): (&str, [usize; 2], &[&str]) = if lighthouse {
        ("Lighthouse / Teku", [2, 4], &["b0", "b1"])
    } else {
        ("Teku / Lighthouse", [4, 2], &["b2", "b3", "b4", "b5"])
    };
    let counts = [split.ours.beacons.len(), split.theirs[0].beacons.len()];
    assert_eq!((split.name().as_str(), counts), (name, sides), "{split:?}");
    let theirs = if lighthouse { 2..6 } else { 0..2 };
    let live: Vec<String> = status.incidents.iter().map(beacondeck::model::Incident::line).collect();
    assert_eq!(live.len(), 1, "{live:?}");
    assert!(live[0].starts_with(&format!("incident 1: chain split {name}: heads part")), "{live:?}");
    assert!(live[0].ends_with("(critical, open)"), "{live:?}");
    assert!(theirs.clone().all(|id| rig.beacon(id).reasons.contains(&Reason::ChainSplit)));
    let main = async |rig: &Rig| {
        for _ in 0..3 {
            network.until_slot(Slot(network.slot().unwrap().0 + 1)).await;
            let (_, by) = vote(rig, &network).await.expect("attestation data");
            assert!(ours.contains(&by.as_str()), "the vote is {by}'s");
        }
    };
    main(&rig).await;
    // Another process knows the side of the one before, whoever is heard first.
    let rig = Rig::again(rig.stop_for_now().await).await;
    assert!(wait_for(long, || rig.status().split.is_some()).await, "{:?}", rig.status().beacons);
    assert_eq!(rig.status().split.clone().unwrap().name(), name);
    main(&rig).await;
    network.beacons().iter().for_each(|beacon| beacon.heal());
    let over = || {
        let status = rig.status();
        let ended = |incident: &beacondeck::model::Incident| incident.id == 1 && !incident.state.is_live();
        status.split.is_none() && status.incidents.iter().any(ended)
    };
    assert!(wait_for(long, over).await, "{:?}", rig.status().incidents);
    rig.stop().await;
    network.stop().await;
}
