//! The control sockets of a real engine, and the real commands that speak through them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod common;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use beacondeck::control::{Access, Answer, Event, Order, OrderId, Reach, Request, Wanted, Watch};
use beacondeck::engine::Engine;
use beacondeck::model::{BeaconName, JournalEntry};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use common::Rig;

/// Longer than anything here may take.
const BOUND: Duration = Duration::from_secs(40);

/// Two beacons where nobody listens: enough to be drained.
const BEACONS: &str =
    "beacons:\n  - {name: b0, url: \"http://127.0.0.1:1\"}\n  - {name: b1, url: \"http://127.0.0.1:2\"}\n";

fn drain(beacon: &str) -> Order {
    Order::Drain { beacon: BeaconName::new(beacon) }
}

async fn order(reach: &Reach, order: &OrderId, what: Order) -> Answer {
    let mut client = reach.client(Access::Control, "test").await.unwrap();
    client.call(Request::Order { order: order.clone(), what }).await.unwrap()
}

async fn journal(reach: &Reach) -> Vec<JournalEntry> {
    let mut client = reach.client(Access::Observe, "test").await.unwrap();
    match client.call(Request::Journal { limit: 100 }).await.unwrap() {
        Answer::Journal(entries) => entries,
        other => panic!("{other:?}"),
    }
}

/// The first event that `wanted` has something to say about.
async fn find<T>(watch: &mut Watch, wanted: impl Fn(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(watch.next().await.unwrap()) {
                return found;
            }
        }
    };
    timeout(BOUND, found).await.expect("it is not told")
}

#[tokio::test]
async fn an_order_given_twice_is_carried_out_once_and_told_the_same() {
    let rig = Rig::with(BEACONS).await;
    let reach = Reach::Sockets(rig.fleet.control.clone());
    let id = OrderId::random();
    let first = order(&reach, &id, drain("b0")).await;
    assert!(matches!(&first, Answer::Done { message } if message.starts_with("b0 is drain")), "{first:?}");
    // In between somebody else puts it back: the order given again must not drain it once more.
    let resume = Order::Resume { beacon: BeaconName::new("b0") };
    assert!(matches!(order(&reach, &OrderId::random(), resume).await, Answer::Done { .. }));
    assert_eq!(order(&reach, &id, drain("b0")).await, first);
    assert!(matches!(order(&reach, &id, drain("b1")).await, Answer::Refused { .. }));
    let mut entries = journal(&reach).await;
    assert_eq!(entries.remove(0).what, "start");
    let words: Vec<_> = entries.iter().map(|entry| (entry.what.as_str(), entry.target.as_deref())).collect();
    assert_eq!(words, [("drain", Some("b0")), ("resume", Some("b0"))]);
    assert_eq!(entries[0].order.as_deref(), Some(id.as_str()));
    let uid = std::fs::metadata(&rig.fleet.control).unwrap().uid();
    assert!(entries.iter().all(|entry| entry.who.contains(&format!("uid {uid}"))), "{entries:?}");
    let unknown = order(&reach, &OrderId::random(), drain("b7")).await;
    assert!(matches!(unknown, Answer::Refused { message } if message.ends_with("this fleet has b0, b1")));
    rig.stop().await;
}

#[tokio::test]
async fn one_who_is_embedded_and_one_who_is_attached_see_each_other_and_each_others_orders() {
    let rig = Rig::with(BEACONS).await;
    let roads = [Reach::Process(rig.engine.desk.clone()), Reach::Sockets(rig.fleet.control.clone())];
    let wanted = Wanted { journal: Some(0), log: None };
    let mut embedded = roads[0].watch("console", wanted).await.unwrap();
    let mut attached = roads[1].watch("status", wanted).await.unwrap();
    for watch in [&mut embedded, &mut attached] {
        let programs = find(watch, |event| match event {
            Event::Watchers(list) if list.len() == 2 => {
                Some(list.into_iter().map(|watcher| watcher.program).collect::<Vec<_>>())
            }
            _ => None,
        });
        assert_eq!(programs.await, ["console", "status"]);
    }
    for (road, name) in roads.iter().zip(["b0", "b1"]) {
        assert!(matches!(order(road, &OrderId::random(), drain(name)).await, Answer::Done { .. }));
        for watch in [&mut embedded, &mut attached] {
            let target = find(watch, |event| match event {
                Event::Journal(entry) => entry.target,
                _ => None,
            });
            assert_eq!(target.await, name);
        }
    }
    rig.stop().await;
}

struct Program {
    child: Child,
    out: Lines<BufReader<tokio::process::ChildStdout>>,
    complaints: Lines<BufReader<tokio::process::ChildStderr>>,
}

/// The file of a rig: beside its control directory.
fn file(rig: &Rig) -> PathBuf {
    rig.fleet.control.parent().unwrap().join("fleet.yaml")
}

fn command(file: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    command.args(args).arg("--fleet").arg(file).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    fn start(file: &Path, args: &[&str]) -> Self {
        let mut child = command(file, args).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let complaints = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, complaints }
    }
}

/// Reads until a line contains `text`, and returns it.
async fn says<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>, text: &str) -> String {
    let found = async {
        loop {
            let line =
                lines.next_line().await.unwrap().unwrap_or_else(|| panic!("it ended without {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    };
    timeout(BOUND, found).await.unwrap_or_else(|_| panic!("it does not say {text:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_watch_prints_a_line_a_change_through_a_restart_and_ends_with_its_reader() {
    let rig = Rig::with(BEACONS).await;
    let mut status = Program::start(&file(&rig), &["status", "--watch", "--format", "plain"]);
    let first = says(&mut status.out, "fleet test").await;
    assert!(first.ends_with("Z fleet test: 0 of 2 beacons up"), "{first}");
    says(&mut status.out, " b1 is down").await;
    let reach = Reach::Sockets(rig.fleet.control.clone());
    order(&reach, &OrderId::random(), drain("b1")).await;
    says(&mut status.out, "): drain b1: b1 is drain").await;
    says(&mut status.out, " b1 is drained").await;
    let Rig { engine, fleet, .. } = rig;
    engine.stop().await;
    let lost = says(&mut status.complaints, "trying again").await;
    assert!(lost.starts_with("beacondeck: serve ended the watch: serve is stopping"), "{lost}");
    let engine = Engine::start(&fleet).await.unwrap();
    says(&mut status.complaints, "serve answers again").await;
    // Nothing changes any more: what ends it is that nobody reads.
    drop(status.out);
    let ended = timeout(BOUND, status.child.wait()).await.expect("it does not end").unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(status.complaints.next_line().await.unwrap(), None);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_in_json_is_an_object_a_line_and_the_journal_tells_who() {
    let rig = Rig::with(BEACONS).await;
    let file = file(&rig);
    let mut status = Program::start(&file, &["status", "--watch", "--json"]);
    let mut journal = Program::start(&file, &["journal", "--watch", "--json"]);
    let mut beacons = Program::start(&file, &["beacons", "--watch", "--json"]);
    says(&mut beacons.out, "\"b1\"").await;
    let drained = command(&file, &["drain", "b1", "--json", "--wait"]).output().await.unwrap();
    assert!(drained.status.success(), "{drained:?}");
    let said: Vec<serde_json::Value> = String::from_utf8(drained.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said.last().unwrap()["done"], true);
    assert_eq!(said.last().unwrap()["beacon"], "b1");
    let entry: JournalEntry = serde_json::from_str(&says(&mut journal.out, "\"drain\"").await).unwrap();
    assert_eq!((entry.what.as_str(), entry.target.as_deref()), ("drain", Some("b1")));
    let snapshot: beacondeck::model::FleetStatus =
        serde_json::from_str(&says(&mut status.out, "\"drained\"").await).unwrap();
    assert_eq!(snapshot.beacons.len(), 2);
    let beacon: beacondeck::model::BeaconStatus =
        serde_json::from_str(&says(&mut beacons.out, "\"drained\"").await).unwrap();
    assert_eq!(beacon.name.as_str(), "b1");
    let mut explain = Program::start(&file, &["explain", "--watch", "--json"]);
    let answer = reqwest::get(format!("{}/eth/v1/beacon/headers/head", rig.url())).await.unwrap();
    assert_eq!(answer.status(), 502, "nobody listens there");
    let explained: beacondeck::model::Explanation =
        serde_json::from_str(&says(&mut explain.out, "getBlockHeader").await).unwrap();
    assert_eq!((explained.status, explained.served_by.as_str()), (502, "nobody"));
    let shown = command(&file, &["journal"]).output().await.unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.trim_end().contains("): drain b1: b1 is drain"), "{text}");
    rig.stop().await;
}

async fn until_silenced(rig: &Rig, keys: &[&str]) {
    let silenced = || rig.status().silences.iter().map(|silence| silence.key.clone()).collect::<Vec<_>>();
    assert!(common::wait_for(BOUND, || silenced() == keys).await, "{:?}, not {keys:?}", silenced());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_given_ends_by_itself_or_by_order_and_outlives_a_restart() {
    let rig = Rig::with(BEACONS).await;
    let file = file(&rig);
    let says = async |args: &[&str]| {
        let ended = timeout(BOUND, command(&file, args).output()).await.unwrap().unwrap();
        assert!(ended.status.success(), "{args:?}: {ended:?}");
        String::from_utf8(ended.stdout).unwrap()
    };
    assert!(common::wait_for(BOUND, || rig.status().beacons.len() == 2).await);
    assert_eq!(says(&["silence"]).await, "nothing is silenced\n");
    for (key, time, words) in [
        ("b7", "1h", "`beacon b7` cannot be silenced; there is beacon b0; beacon b1\n"),
        ("b1", "25h", "a silence lasts between 1 s and 24 h: "),
    ] {
        let (code, said) = complaint(command(&file, &["silence", "beacon", key, "--for", time])).await;
        assert!(code == 69 && said.contains(words), "{code} {said}");
    }
    assert_eq!(complaint(command(&file, &["silence", "beacon", "b1"])).await.0, 64, "it needs an end");
    assert_eq!(complaint(command(&file, &["silence", "beacon", "b1", "--for", "soon"])).await.0, 64);
    let done = says(&["silence", "beacon", "b1", "--for", "2h", "--why", "its disk"]).await;
    assert!(done.starts_with("beacon b1: silenced until 2") && done.contains(": its disk; "), "{done}");
    let reach = Reach::Sockets(rig.fleet.control.clone());
    let short = Order::Silence { key: "beacon b0".into(), seconds: 1, why: None };
    assert!(matches!(order(&reach, &OrderId::random(), short).await, Answer::Done { .. }));
    until_silenced(&rig, &["beacon b1", "beacon b0"]).await;
    until_silenced(&rig, &["beacon b1"]).await;
    let listed = says(&["silence"]).await;
    assert!(
        listed.starts_with("beacon b1 (silenced until 2") && listed.ends_with(": its disk)\n"),
        "{listed}"
    );
    assert!(says(&["status"]).await.contains("- beacon b1 is silenced until 2"));

    let rig = Rig::again(rig.stop_for_now().await).await;
    until_silenced(&rig, &["beacon b1"]).await;
    let (code, said) = complaint(command(&file, &["unsilence", "beacon", "b0"])).await;
    let words = "`beacon b0` is not silenced; what is: beacon b1\n";
    assert!(code == 69 && said.contains(words), "{code} {said}");
    assert_eq!(says(&["unsilence", "beacon", "b1"]).await, "beacon b1: silenced no more\n");
    until_silenced(&rig, &[]).await;
    let entries = journal(&Reach::Sockets(rig.fleet.control.clone())).await;
    let orders = entries.iter().filter(|entry| entry.order.is_some());
    let orders: Vec<_> = orders.map(|entry| (entry.what.as_str(), entry.target.as_deref())).collect();
    let expected = [("silence", "beacon b1"), ("silence", "beacon b0"), ("unsilence", "beacon b1")];
    assert_eq!(orders, expected.map(|(what, target)| (what, Some(target))));
    rig.stop().await;
}

async fn complaint(mut command: Command) -> (i32, String) {
    let ended = timeout(BOUND, command.output()).await.unwrap().unwrap();
    (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_one_sentence_and_an_exit_code() {
    let rig = Rig::with(BEACONS).await;
    let file = file(&rig);
    let control = rig.fleet.control.clone();
    let (code, words) = complaint(command(&file, &["drain", "b7"])).await;
    assert_eq!((code, words.as_str()), (64, "beacondeck: fleet test has no beacon b7; it has b0, b1\n"));
    let (code, words) = denied(&file, &control).await;
    assert_eq!(code, 77, "{words}");
    assert!(words.starts_with("beacondeck: this user may not open "), "{words}");
    assert!(words.contains("observe.sock: join the group ") && words.lines().count() == 1, "{words}");
    rig.engine.stop().await;
    for args in [["status", "--watch"], ["explain", "--watch"], ["journal", "--json"], ["drain", "b0"]] {
        let (code, words) = complaint(command(&file, &args)).await;
        assert_eq!(code, 69, "{words}");
        assert!(words.starts_with("beacondeck: no serve is running for this fleet file ("), "{words}");
        assert_eq!(words.lines().count(), 1, "{words}");
    }
    let long = file.with_file_name("long.yaml");
    let text = std::fs::read_to_string(&file).unwrap().replace("/run\n", &format!("/{}\n", "d".repeat(107)));
    std::fs::write(&long, text).unwrap();
    let (code, words) = complaint(command(&long, &["status"])).await;
    assert_eq!(code, 69, "{words}");
    assert!(words.contains("may have 107: choose a shorter `control:` directory"), "{words}");
}

/// `status` by a user who may not enter the control directory: another one if this test is root, else nobody may.
async fn denied(file: &Path, control: &Path) -> (i32, String) {
    let open = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    if std::fs::metadata(control).unwrap().uid() != 0 {
        open(control, 0o000);
        let said = complaint(command(file, &["status"])).await;
        open(control, 0o750);
        return said;
    }
    // A place that others may enter, with a program that they may run.
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), 0o755);
    open(control.parent().unwrap(), 0o755);
    let program = dir.path().join("beacondeck");
    let built = env!("CARGO_BIN_EXE_beacondeck");
    if std::fs::hard_link(built, &program).is_err() {
        std::fs::copy(built, &program).unwrap();
    }
    let mut command = Command::new(&program);
    command.args(["status", "--fleet"]).arg(file).uid(65_534).gid(65_534).current_dir("/");
    complaint(command).await
}
