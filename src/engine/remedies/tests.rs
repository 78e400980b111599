//! Orders about remedies, on a machine that is a directory.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tempfile::TempDir;
use tokio::sync::watch;

use super::Remedies;
use crate::config;
use crate::control::Answer;
use crate::engine::book::Book;
use crate::engine::common::Common;
use crate::engine::generation::Draft;
use crate::engine::hosts::Machine;
use crate::engine::notify::Manager;
use crate::engine::persist;
use crate::host::{Found, Live, Overrides, SAME, audit_as, collect};
use crate::model::{
    BeaconName, BeaconStatus, FleetStatus, HostFinding, HostRemedy, HostStatus, RemedyAsked, RemedyPlan,
    RemedyState, RemedyVerb, UnixMs,
};
use crate::store::StoreHandle;

const SOMAXCONN: &str = "proc/sys/net/core/somaxconn";
const DROP_IN: &str = "etc/sysctl.d/90-beacondeck-net.core.somaxconn.conf";
const RING: &str = "@ethtool/eth0/rx-ring";
/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(30);
/// Longer than a test waits for somebody who keeps a remedy.
const LONG: Duration = Duration::from_secs(600);

struct Stand {
    common: Common,
    remedies: Remedies,
    root: TempDir,
    _dir: TempDir,
}

impl Stand {
    /// A machine with a listen queue and a ring that are short, on which the beacon `a` runs; `b` runs elsewhere.
    async fn new(keep_within: Duration) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (root, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (at, file) = (dir.path().display(), dir.path().join("fleet.yaml"));
        let text = format!(
            "fleet: f\nlisten: 127.0.0.1:0\nstate: {at}/state\nbeacons: [{{name: a, url: \"http://127.0.0.1:1\", \
             labels: {{host: h}}}}, {{name: b, url: \"http://192.0.2.1:1\", labels: {{host: other}}}}]\n"
        );
        fs::write(&file, text).unwrap();
        let fleet = Arc::new(config::load(&file).unwrap().fleet);
        let store = StoreHandle::waiting().unwrap();
        let (mut common, ..) = Common::new(fleet.clone(), store, Manager::default());
        persist::open(&common.store, &fleet.state).await.unwrap();
        common.machine = Arc::new(Machine::below(root.path()));
        let (generation, _) = Draft::new(fleet, &common, None).unwrap().build(&common, None);
        let router = Arc::new(ArcSwap::new(generation.router));
        let book = Arc::new(Book::new(common.clock.clone(), common.store.clone()).await.unwrap());
        let (_, status) = watch::channel(Arc::new(shown(true)));
        let started = Remedies::start(&common, router, status, book);
        let remedies = Remedies { fixer: started.fixer.clone().keeping_within(keep_within), ..started };
        let stand = Self { common, remedies, root, _dir: dir };
        stand.put("proc/uptime", "600.00 1\n");
        stand.put(SOMAXCONN, "128\n");
        stand.put(
            "proc/net/route",
            "Iface Destination Gateway Flags RefCnt Use Metric\neth0 00000000 0 0 0 0 0\n",
        );
        stand.put(RING, "512 of 4096\n");
        for counter in ["rx_missed_errors", "rx_fifo_errors"] {
            stand.put(&format!("sys/class/net/eth0/statistics/{counter}"), "0\n");
        }
        stand.look();
        stand
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn get(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.path().join(path)).ok()
    }

    fn look(&self) {
        let record = collect(&Live::new(self.root.path()), || ());
        let findings = Arc::new(audit_as(&record, &[], &Overrides::new()));
        self.common.machine.looked(Found {
            at: UnixMs(1),
            roles: Vec::new(),
            findings,
            clock: None,
            steps: Vec::new(),
        });
    }

    async fn plan(&self, asked: &RemedyAsked) -> RemedyPlan {
        self.remedies.plan(asked.clone()).await
    }

    /// Orders what is shown.
    async fn order(&self, asked: &RemedyAsked) -> Answer {
        let plan = self.plan(asked).await;
        self.remedies.order(asked.clone(), &plan.seal, "alice").await
    }

    async fn shown(&self) -> Vec<HostRemedy> {
        let due = self.common.errands.due().map(|due| due.1.clone());
        let written = self.common.machine.remedies(&self.common.fleet.load().state).await;
        due.into_iter().chain(written).collect()
    }

    /// Waits until the newest remedy is in such a state.
    async fn until(&self, what: &str, is: impl Fn(&RemedyState) -> bool) -> HostRemedy {
        let began = Instant::now();
        loop {
            let shown = self.shown().await;
            if let Some(newest) = shown.first().filter(|newest| is(&newest.state)) {
                return newest.clone();
            }
            assert!(began.elapsed() < BOUND, "{what}: {shown:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until nothing is under way.
    async fn settled(&self) {
        let turn = tokio::time::timeout(BOUND, self.remedies.turn.lock()).await;
        drop(turn.expect("it ends"));
    }

    /// What the journal of the fleet says, newest first.
    fn journal(&self) -> Vec<String> {
        self.remedies.book.latest(100).into_iter().rev().map(|entry| entry.outcome).collect()
    }

    /// What it says that begins so, once it does.
    async fn told(&self, start: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(told) = self.journal().into_iter().find(|said| said.starts_with(start)) {
                return told;
            }
            assert!(began.elapsed() < BOUND, "{start}: {:?}", self.journal());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn shown(other_is_well: bool) -> FleetStatus {
    let beacon = |name: &str, healthy| BeaconStatus { healthy, ..BeaconStatus::bare(name) };
    let host = |name: &str, beacon: &str| HostStatus {
        name: name.into(),
        beacons: vec![BeaconName::new(beacon)],
        ..HostStatus::default()
    };
    FleetStatus {
        beacons: vec![beacon("a", true), beacon("b", other_is_well)],
        hosts: vec![host("h", "a"), host("other", "b")],
        ..FleetStatus::default()
    }
}

fn with_no_time_daemon() -> FleetStatus {
    let mut status = shown(true);
    let (check, remedy) = ("time.daemon".to_owned(), "apt-get install chrony".to_owned());
    let persistent = SAME.to_owned();
    status.hosts[1].findings.push(HostFinding { check, remedy, persistent, ..HostFinding::default() });
    status
}

fn asked(verb: RemedyVerb, check: &str) -> RemedyAsked {
    RemedyAsked { verb, host: "h".into(), check: check.into() }
}

fn said(answer: &Answer) -> (&'static str, &str) {
    match answer {
        Answer::Done { message } => ("done", message),
        Answer::Failed { message } => ("failed", message),
        Answer::Refused { message } => ("refused", message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_shown_is_written_told_and_taken_back() {
    let stand = Stand::new(LONG).await;
    let fix = asked(RemedyVerb::Fix, "net.somaxconn");
    let plan = stand.plan(&fix).await;
    let facts: BTreeMap<&str, &str> =
        plan.facts.iter().map(|fact| (fact.about.as_str(), fact.words.as_str())).collect();
    assert_eq!(plan.refusal, None);
    assert_eq!(facts["write"], "/proc/sys/net/core/somaxconn = 4096  (now 128)");
    assert_eq!(facts["for good"], format!("/{DROP_IN}: net.core.somaxconn = 4096"));
    assert_eq!(facts["risk"], "needs a restart of the service");
    assert!(facts["undo"].contains("audit --revert net.somaxconn"), "{facts:?}");
    assert_eq!(stand.get(SOMAXCONN).as_deref(), Some("128\n"), "a plan writes nothing");
    assert!(stand.shown().await.is_empty());

    let answer = stand.remedies.order(fix.clone(), &plan.seal, "alice").await;
    let words = "net.somaxconn: written and read again; now net.somaxconn ok: 4096";
    assert!(said(&answer).0 == "done" && said(&answer).1.starts_with(words), "{answer:?}");
    assert_eq!(stand.get(SOMAXCONN).as_deref(), Some("4096\n"));
    assert!(stand.get(DROP_IN).unwrap().ends_with("net.core.somaxconn = 4096\n"));
    let [one] = &stand.shown().await[..] else { panic!() };
    assert_eq!((one.who.as_str(), &one.state), ("alice", &RemedyState::Stands));
    assert_eq!(one.what, "/proc/sys/net/core/somaxconn: 128 to 4096");
    let found = || stand.common.machine.found().unwrap().findings.clone();
    let verdict = |check: &str| found().iter().find(|of| of.id == check).map(|of| of.verdict.word());
    assert_eq!(verdict("net.somaxconn"), Some("ok"), "before anybody looks again");
    let again = stand.remedies.order(fix.clone(), &plan.seal, "alice").await;
    assert_eq!(said(&again), ("refused", "net.somaxconn is well: there is nothing to write"));

    let revert = asked(RemedyVerb::Revert, "net.somaxconn");
    let plan = stand.plan(&revert).await;
    let facts: Vec<&str> = plan.facts.iter().map(|fact| fact.words.as_str()).collect();
    assert!(facts.contains(&"/proc/sys/net/core/somaxconn = 128") && facts.contains(&"alice"), "{facts:?}");
    let answer = stand.order(&revert).await;
    assert_eq!(said(&answer).0, "done", "{answer:?}");
    assert_eq!((stand.get(SOMAXCONN).as_deref(), stand.get(DROP_IN)), (Some("128\n"), None));
    assert_eq!(verdict("net.somaxconn"), Some("warn"), "before anybody looks again");
    let [one] = &stand.shown().await[..] else { panic!() };
    assert!(matches!(&one.state, RemedyState::Reverted(_, why) if why == "by order of alice"), "{one:?}");
    let gone = stand.order(&revert).await;
    assert_eq!(said(&gone), ("refused", "nothing that was written for net.somaxconn stands"));
}

#[tokio::test]
async fn what_has_changed_since_it_was_shown_is_not_written() {
    let stand = Stand::new(LONG).await;
    let fix = asked(RemedyVerb::Fix, "net.somaxconn");
    let plan = stand.plan(&fix).await;
    stand.put(SOMAXCONN, "256\n");
    let answer = stand.remedies.order(fix.clone(), &plan.seal, "alice").await;
    assert!(said(&answer).1.contains("not as it was when this was shown: nothing was written"), "{answer:?}");
    let no_seal = stand.remedies.order(fix, "", "alice").await;
    assert_eq!(said(&no_seal).0, "refused", "nobody orders what was not shown");
    assert_eq!((stand.get(SOMAXCONN).as_deref(), stand.get(DROP_IN)), (Some("256\n"), None));
    assert!(stand.shown().await.is_empty());
}

#[tokio::test]
async fn what_is_not_for_here_is_told_with_what_does_it_by_hand() {
    let stand = Stand::new(LONG).await;
    let elsewhere = RemedyAsked { host: "other".into(), ..asked(RemedyVerb::Fix, "net.somaxconn") };
    let plan = stand.plan(&elsewhere).await;
    let why = "other is not the machine serve runs on, and has no agent; as root, on it:";
    assert_eq!(plan.refusal.as_deref(), Some(why));
    assert_eq!(plan.commands, ["sudo beacondeck audit --fix net.somaxconn"]);
    let (_, status) = watch::channel(Arc::new(with_no_time_daemon()));
    let knowing = Remedies { status, ..stand.remedies.clone() };
    let plan = knowing.plan(RemedyAsked { check: "time.daemon".into(), ..elsewhere.clone() }).await;
    let why = "time.daemon is not for a program to write; by hand, on other:";
    assert_eq!((plan.refusal.as_deref(), plan.commands), (Some(why), vec!["apt-get install chrony".into()]));
    let nowhere = RemedyAsked { host: "none".into(), ..elsewhere };
    let plan = stand.plan(&nowhere).await;
    assert_eq!(plan.refusal.as_deref(), Some("there is no host none; there are h, other"));
    assert_eq!(said(&stand.order(&nowhere).await).0, "refused");

    // A setting that nobody may write.
    fs::remove_file(stand.root.path().join(SOMAXCONN)).unwrap();
    let of_proc =
        std::os::unix::fs::symlink("/proc/sys/kernel/cap_last_cap", stand.root.path().join(SOMAXCONN));
    of_proc.unwrap();
    let plan = stand.plan(&asked(RemedyVerb::Fix, "net.somaxconn")).await;
    let why = plan.refusal.unwrap();
    assert!(why.starts_with("serve runs as uid ") && why.contains("/proc/sys/net/core/somaxconn: "), "{why}");
    let state = stand.common.fleet.load().state.display().to_string();
    assert_eq!(plan.commands[0], format!("sudo beacondeck audit --fix net.somaxconn --state {state}"));
    assert!(plan.commands.contains(&"sysctl -w net.core.somaxconn='4096'".to_owned()), "{:?}", plan.commands);
    assert!(stand.shown().await.is_empty() && stand.get(DROP_IN).is_none(), "nothing is half done");
}

#[tokio::test]
async fn what_stops_a_link_is_kept_or_taken_back_by_itself() {
    let stand = Stand::new(LONG).await;
    let fix = asked(RemedyVerb::Fix, "net.nic_ring");
    let plan = stand.plan(&fix).await;
    assert_eq!((plan.refusal.as_deref(), plan.typed.as_deref()), (None, Some("h")), "{plan:?}");
    assert!(plan.facts.iter().any(|fact| fact.about == "taken back"), "{plan:?}");
    let waits = |state: &RemedyState| matches!(state, RemedyState::Until(_));

    assert_eq!(said(&stand.order(&fix).await).0, "done");
    stand.until("it waits to be kept", waits).await;
    assert_eq!(stand.get(RING).as_deref(), Some("4096\n"));
    let other = stand.order(&asked(RemedyVerb::Fix, "net.somaxconn")).await;
    assert!(said(&other).1.contains("net.nic_ring by alice; one at a time"), "{other:?}");
    let keep = asked(RemedyVerb::Keep, "net.nic_ring");
    assert_eq!(said(&stand.order(&keep).await), ("done", "net.nic_ring stays"));
    stand.until("it stands", |state| *state == RemedyState::Stands).await;
    stand.settled().await;
    assert_eq!(stand.told("net.nic_ring: kept").await, "net.nic_ring: kept (by order of alice)");
    assert_eq!(said(&stand.order(&keep).await), ("refused", "no remedy of net.nic_ring waits to be kept"));
    let back = stand.plan(&asked(RemedyVerb::Revert, "net.nic_ring")).await;
    assert!(back.facts.iter().any(|fact| fact.words.starts_with("stops the link")), "{back:?}");

    stand.settled().await;
    stand.put(RING, "512 of 4096\n");
    stand.look();
    assert_eq!(said(&stand.order(&fix).await).0, "done");
    stand.until("it waits to be kept again", waits).await;
    assert_eq!(said(&stand.order(&asked(RemedyVerb::Revert, "net.nic_ring")).await).0, "done");
    stand.until("it is taken back", |state| matches!(state, RemedyState::Reverted(..))).await;
    assert_eq!(stand.get(RING).as_deref(), Some("512\n"));
    let told = stand.told("net.nic_ring: taken back").await;
    let ring = "rx ring of eth0 (ethtool): `512` again";
    assert_eq!(told, format!("net.nic_ring: taken back: {ring} (by order of alice)"));

    // Another one than who ordered it is named.
    stand.settled().await;
    stand.put(RING, "512 of 4096\n");
    stand.look();
    assert_eq!(said(&stand.order(&fix).await).0, "done");
    stand.until("it waits to be kept again", waits).await;
    let kept = stand.remedies.order(keep, "", "bob").await;
    assert_eq!(said(&kept).0, "done", "{kept:?}");
    let told = stand.told("net.nic_ring: kept by").await;
    assert_eq!(told, "net.nic_ring: kept by bob (by order of alice)");
}

#[tokio::test]
async fn what_nobody_keeps_in_time_is_taken_back_and_told() {
    let stand = Stand::new(Duration::from_millis(50)).await;
    assert_eq!(said(&stand.order(&asked(RemedyVerb::Fix, "net.nic_ring")).await).0, "done");
    let reverted =
        |state: &RemedyState| matches!(state, RemedyState::Reverted(_, why) if why.contains("nobody kept"));
    stand.until("it is taken back", reverted).await;
    assert_eq!(stand.get(RING).as_deref(), Some("512\n"));
    stand.told("net.nic_ring: taken back, nobody kept it").await;
}

#[tokio::test]
async fn a_serve_that_stops_or_dies_leaves_nothing_that_nobody_kept() {
    let stand = Stand::new(LONG).await;
    let fix = asked(RemedyVerb::Fix, "net.nic_ring");
    assert_eq!(said(&stand.order(&fix).await).0, "done");
    stand.until("it waits to be kept", |state| matches!(state, RemedyState::Until(_))).await;
    stand.common.cancel.cancel();
    stand.until("it is taken back", |state| matches!(state, RemedyState::Reverted(..))).await;
    assert_eq!(stand.get(RING).as_deref(), Some("512\n"));
    // One that was killed: its entry has no end.
    stand.settled().await;
    stand.put(RING, "512 of 4096\n");
    stand.look();
    let state = stand.common.fleet.load().state.clone();
    let finding = stand.common.machine.found().unwrap();
    let finding = finding.findings.iter().find(|of| of.id == "net.nic_ring").unwrap();
    {
        let mut workshop = crate::host::apply::Workshop::open(stand.root.path(), &state).unwrap();
        let plan = crate::host::apply::Plan::of(finding, workshop.hands(), true).unwrap();
        workshop.try_out(&plan, "bob", UnixMs(1)).unwrap();
    }
    assert_eq!(stand.shown().await[0].state, RemedyState::CutOff);
    stand.remedies.clone().mend().await;
    assert!(matches!(stand.shown().await[0].state, RemedyState::Reverted(..)));
    assert_eq!(stand.get(RING).as_deref(), Some("512\n"));
    assert!(stand.journal()[0].starts_with("net.nic_ring was cut off; taken back"), "{:?}", stand.journal());
}

#[tokio::test]
async fn the_link_of_the_last_healthy_beacon_is_not_stopped() {
    let mut stand = Stand::new(LONG).await;
    let (_, status) = watch::channel(Arc::new(shown(false)));
    stand.remedies.status = status;
    let plan = stand.plan(&asked(RemedyVerb::Fix, "net.nic_ring")).await;
    assert!(plan.refusal.unwrap().starts_with("no beacon but those on h is healthy"));
    let plan = stand.plan(&asked(RemedyVerb::Fix, "net.somaxconn")).await;
    assert_eq!(plan.refusal, None, "what stops nothing may be written");
}
