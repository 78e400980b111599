//! Real agents, processes of their own, under a real router: clocks that differ, orders, remedies, pairing, the printed unit.
//!
//! A clock is shifted by libfaketime, which answers for the C library's `clock_gettime` within the agent's process alone. The
//! monotonic clock is left as it is.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(clippy::print_stderr, reason = "a test that cannot run here says why")]

#[path = "common/mod.rs"]
mod common;
#[path = "common/namespace.rs"]
mod namespace;
#[path = "agent/process.rs"]
mod process;
#[path = "agent/remedies.rs"]
mod remedies;

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use beacondeck::control::{Answer, Order, Request};
use beacondeck::model::{AgentAddress, Ending, HostLevel, HostStatus};
use beacondeck::sim::{SimConfig, SimNetwork};
use common::{KNOBS, Rig, wait_for};
use process::{Agent, beacondeck, text};

/// Nothing here takes so long on a machine that is not stuck.
const PATIENCE: Duration = Duration::from_secs(60);

fn hosts(agents: &[(&str, &Agent)]) -> String {
    let mut text = "hosts:\n".to_owned();
    for (name, agent) in agents {
        writeln!(text, "  - {{name: {name}, agent: \"{}\"}}", agent.address).unwrap();
    }
    text
}

/// A router of these hosts and no beacon that answers; the agents have let it in.
async fn router(agents: &[(&str, &Agent)]) -> Rig {
    let nobody = "beacons:\n  - {name: b0, url: \"http://127.0.0.1:9\", local: false}\n";
    let rig = Rig::with(&format!("{nobody}{}", hosts(agents))).await;
    pair(&rig, agents);
    rig
}

/// By the commands that people are told.
fn pair(rig: &Rig, agents: &[(&str, &Agent)]) {
    let key = text(beacondeck().args(["agent", "router-key", "--fleet"]).arg(rig.file()));
    for (_, agent) in agents {
        let line = agent.pair(key.trim());
        assert_eq!(line.trim().parse::<AgentAddress>().unwrap().key, agent.address.key);
    }
}

fn host(rig: &Rig, name: &str) -> Option<HostStatus> {
    rig.status().hosts.iter().find(|host| host.name == name).cloned()
}

/// Waits until all agents have told of clock and machine.
async fn told(rig: &Rig, agents: &[(&str, &Agent)]) {
    let by_agent = |name: &&str| {
        host(rig, name).is_some_and(|host| {
            let measured = host.clock.as_ref().is_some_and(|clock| !clock.by.starts_with("Date"));
            measured && host.at.is_some() && host.agent.is_some_and(|agent| agent.trouble.is_none())
        })
    };
    let all = wait_for(PATIENCE, || agents.iter().all(|(name, _)| by_agent(name))).await;
    let said: Vec<String> = agents.iter().map(|(_, agent)| agent.said()).collect();
    assert!(all, "{:?}\n{}", rig.status().hosts, said.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn shifted_clocks_are_measured_within_their_interval_and_the_hosts_are_blamed() {
    let right = [Agent::start(None, ""), Agent::start(None, ""), Agent::start(None, "")];
    let (ahead, behind) = (Agent::start(Some("+0.08"), ""), Agent::start(Some("-0.3"), ""));
    let [one, two, three] = right.each_ref();
    let agents = [("h1", one), ("h2", two), ("h3", three), ("ahead", &ahead), ("behind", &behind)];
    let rig = router(&agents).await;
    told(&rig, &agents).await;
    for (name, truth_ms, level) in [
        ("h1", 0.0, HostLevel::Ok),
        ("h2", 0.0, HostLevel::Ok),
        ("h3", 0.0, HostLevel::Ok),
        ("ahead", 80.0, HostLevel::Warn),
        ("behind", -300.0, HostLevel::Bad),
    ] {
        let clock = host(&rig, name).unwrap().clock.unwrap();
        println!("{name}: {} to {} ms, by {}", clock.low_ms, clock.high_ms, clock.by);
        assert!((clock.low_ms..=clock.high_ms).contains(&truth_ms), "{name}: {clock:?}");
        assert!(clock.high_ms - clock.low_ms < 40.0, "{name}: {clock:?}");
        assert_eq!(clock.level, level, "{name}: {clock:?}");
    }
    let banner = rig.status().alerts.iter().any(|alert| alert.contains("own clock"));
    assert!(!banner, "{:?}", rig.status().alerts);
    // What the audit of a real machine found has come, too.
    let found = host(&rig, "h1").unwrap();
    assert!(found.classes.iter().any(|(class, _)| class == "network"), "{found:?}");
    assert_eq!(found.agent.unwrap().version, env!("CARGO_PKG_VERSION"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_all_hosts_agree_and_we_do_not_it_is_us() {
    let (one, two) = (Agent::start(Some("+2"), ""), Agent::start(Some("+2"), ""));
    let agents = [("h1", &one), ("h2", &two)];
    let rig = router(&agents).await;
    told(&rig, &agents).await;
    let banner = || {
        let alerts = rig.status().alerts.clone();
        alerts.into_iter().find(|alert| alert.contains("own clock is off by"))
    };
    assert!(wait_for(PATIENCE, || banner().is_some()).await, "{:?}", rig.status().alerts);
    println!("{}", banner().unwrap());
    assert!(banner().unwrap().contains("2 hosts agree with each other and not with it"));
    for name in ["h1", "h2"] {
        let clock = host(&rig, name).unwrap().clock.unwrap();
        assert_eq!(clock.level, HostLevel::Ok, "{name}: {clock:?}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_is_not_let_in_says_what_to_do_and_is_let_in_without_a_restart() {
    let agent = Agent::start(None, "");
    let nobody = "beacons:\n  - {name: b0, url: \"http://127.0.0.1:9\", local: false}\n";
    let rig = Rig::with(&format!("{nobody}{}", hosts(&[("h1", &agent)]))).await;
    let why = || host(&rig, "h1").and_then(|host| host.agent?.trouble).map(|(_, why)| why);
    assert!(
        wait_for(PATIENCE, || why().is_some_and(|why| why.contains("does not let this router in"))).await
    );
    let why = why().unwrap();
    let key = why.split("agent pair ").nth(1).unwrap().split(['`', ' ']).next().unwrap().to_owned();
    assert!(agent.said().contains(&key), "both name the router's key: {why}\n{}", agent.said());
    agent.pair(&key);
    told(&rig, &[("h1", &agent)]).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_restarts_by_name_what_its_file_allows_and_nothing_else() {
    let network =
        SimNetwork::start(SimConfig { beacons: 2, slot_ms: 600, ..SimConfig::default() }).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("restarted");
    let script = format!("echo once >> {}; echo done", file.display());
    let agent = Agent::start(None, &format!("restart:\n  node: {{command: [/bin/sh, -c, \"{script}\"]}}\n"));
    let mut beacons = "beacons:\n".to_owned();
    for (place, url) in network.urls().iter().enumerate() {
        writeln!(
            beacons,
            "  - {{name: b{place}, url: \"{url}\", labels: {{host: h1}}, restart: {{agent: node}}, upgrade: {{agent: node}}}}"
        )
        .unwrap();
    }
    let rig = Rig::with(&format!("{beacons}{}{KNOBS}", hosts(&[("h1", &agent)]))).await;
    pair(&rig, &[("h1", &agent)]);
    let all = wait_for(PATIENCE, || rig.status().beacons.iter().all(|beacon| beacon.healthy)).await;
    assert!(all, "{:?}", rig.status());
    let name = rig.beacon(0).name;
    let restart = Request::order(Order::Restart { beacon: name.clone(), force: false });
    let begun = rig.ask(restart).await;
    assert!(matches!(begun, Answer::Done { .. }), "{begun:?}");
    let ended = |of: usize| {
        let operation = rig.status().operations.get(of).cloned();
        operation.filter(|operation| operation.end.is_some())
    };
    assert!(
        wait_for(PATIENCE, || ended(0).is_some()).await,
        "{:?}\n{}",
        rig.status().operations,
        agent.said()
    );
    let one = ended(0).unwrap();
    assert_eq!((one.end.as_ref().unwrap().0, one.output.as_str()), (Ending::Succeeded, "done"), "{one:?}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "once\n",
        "it was asked again and again, and ran once"
    );
    assert!(agent.said().contains("an order is carried out"), "{}", agent.said());

    let upgrade = Request::order(Order::Upgrade { beacon: name, force: false });
    assert!(matches!(rig.ask(upgrade).await, Answer::Done { .. }));
    assert!(wait_for(PATIENCE, || ended(1).is_some()).await, "{:?}", rig.status().operations);
    let (ending, _, words) = ended(1).unwrap().end.unwrap();
    assert_eq!(ending, Ending::Failed);
    assert!(words.contains("this agent's file allows no upgrade"), "{words}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "once\n");
    rig.stop().await;
    network.stop().await;
}

/// Longer than ten seconds: 64 writes in their moments, four a slot at most.
#[tokio::test(flavor = "multi_thread")]
async fn durable_writes_are_measured_on_the_host_in_phase_with_the_slots_of_the_router() {
    let config = SimConfig { beacons: 2, slot_ms: 1_000, slots_per_epoch: 2, ..SimConfig::default() };
    let network = SimNetwork::start(config).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    // What a real disk takes is bad here.
    let limits = "disk.fsync_probe.warn: 0.000001, disk.fsync_probe.bad: 0.000002, \
        disk.signing_budget.warn: 0.000001, disk.signing_budget.bad: 0.000002";
    let (at, validators) = (dir.path().display(), "validators: 320\nroles: [validator]");
    let agent = Agent::start(None, &format!("probe-dir: {at}\n{validators}\nlimits: {{{limits}}}\n"));
    let mut beacons = "beacons:\n".to_owned();
    for (place, url) in network.urls().iter().enumerate() {
        writeln!(beacons, "  - {{name: b{place}, url: \"{url}\", local: false}}").unwrap();
    }
    let rig = Rig::with(&format!("{beacons}{}{KNOBS}", hosts(&[("signer", &agent)]))).await;
    pair(&rig, &[("signer", &agent)]);
    let found = |check: &str| {
        let host = host(&rig, "signer")?;
        host.findings.into_iter().find(|finding| finding.check == check)
    };
    let both = || found("disk.fsync_probe").is_some() && found("disk.signing_budget").is_some();
    let longer = 4 * PATIENCE;
    assert!(wait_for(longer, both).await, "{:?}\n{}", host(&rig, "signer"), agent.said());
    let (probe, budget) = (found("disk.fsync_probe").unwrap(), found("disk.signing_budget").unwrap());
    assert_eq!((probe.level, budget.level), (HostLevel::Bad, HostLevel::Bad));
    assert!(probe.actual.contains("of 32 when votes are signed"), "{probe:?}");
    assert!(probe.actual.contains("as an epoch begins"), "{probe:?}");
    assert!(budget.actual.contains("10 signatures, "), "{budget:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the probe leaves nothing");
    rig.stop().await;
    network.stop().await;
}

#[test]
fn pairing_prints_a_line_for_the_fleet_file_and_refuses_what_is_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("agent.yaml");
    std::fs::write(&config, "listen: 10.9.8.7:5064\nstate: .\n").unwrap();
    let agent = |arguments: &[&str]| {
        let mut command = beacondeck();
        command.arg("agent").arg("--config").arg(&config).args(arguments);
        command
    };
    let line = text(&mut agent(&["pair"]));
    let address: AgentAddress = line.trim().parse().unwrap();
    assert_eq!(address.at.to_string(), "10.9.8.7:5064");
    let key = format!("sha256:{}", "5a".repeat(32));
    assert_eq!(text(&mut agent(&["pair", &key])), line, "the agent's key stays");
    let elsewhere = text(&mut agent(&["pair", "--address", "192.0.2.7"]));
    assert!(elsewhere.trim().ends_with("@192.0.2.7:5064"), "{elsewhere}");
    assert!(std::fs::read_to_string(dir.path().join("routers")).unwrap().contains(&key));
    assert_eq!(agent(&["pair", "sha256:5a"]).output().unwrap().status.code(), Some(64));
    text(&mut agent(&["unpair", &key]));
    assert_eq!(agent(&["unpair", &key]).output().unwrap().status.code(), Some(69), "nobody is let out twice");
}

#[test]
fn the_printed_unit_is_sound_and_little_exposed() {
    let dir = tempfile::tempdir().unwrap();
    let printed = text(beacondeck().args(["print", "unit", "agent"]));
    let unit = printed.split("\n# /etc/sysusers.d").next().unwrap();
    // The user is made by a file beside it, the program is where it is installed.
    let unit = unit
        .replace("/usr/local/bin/beacondeck", "/bin/true")
        .replace("=beacondeck-agent\nGroup", "=root\nGroup");
    let path = dir.path().join("beacondeck-agent.service");
    std::fs::write(&path, unit).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output().unwrap();
    let complaints = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && !complaints.contains("beacondeck-agent"), "{complaints}");
    let analysis =
        text(Command::new("systemd-analyze").args(["security", "--offline=yes", "--no-pager"]).arg(&path));
    let score = analysis.lines().rev().find_map(|line| line.split_once("Overall exposure level for"));
    let score = score.and_then(|(_, rest)| rest.split_once(": ")).expect(&analysis).1;
    println!("exposure of the printed unit: {score}");
    // `/proc` is to be seen, the clock to be read, and Netlink to be spoken.
    assert!(score.split(' ').next().unwrap().parse::<f64>().unwrap() < 3.0, "{analysis}");
}
