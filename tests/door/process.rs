//! The real program: it ends in order, and a second one says why it cannot start.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};

use crate::house::only;
use crate::stub::{Step, Stub, always, json};
use crate::wire::{BULK, PATIENCE, PUBLISH, READ, Wire, get, post, read, until};

fn fleet(dir: &Path, name: &str, listen: &str, control: &str, beacons: &[&Stub]) -> std::path::PathBuf {
    let at = dir.display();
    let mut text = format!(
        "fleet: test\nlisten: {listen}\ncontrol: {at}/{control}\nstate: {at}/{name}-state\nlimits: {{stop: 6s}}\nbeacons:\n"
    );
    for (place, stub) in beacons.iter().enumerate() {
        writeln!(text, "  - {{name: b{place}, url: \"{}\", labels: {{host: h{place}}}}}", stub.url())
            .unwrap();
    }
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

struct Serve {
    child: Child,
    door: SocketAddr,
    /// Kept, so that the program can write its log.
    _log: Lines<BufReader<ChildStderr>>,
}

impl Serve {
    /// Starts it and waits until it serves.
    async fn start(file: &Path) -> Self {
        let mut child = command(file).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let door = loop {
            let line = log.next_line().await.unwrap().expect("it ended before it served");
            if let Some((_, rest)) = line.split_once("doors=[") {
                break rest.split([']', ',']).next().unwrap().parse().unwrap();
            }
        };
        until("a healthy beacon", async || read(door, "/eth/v1/node/health").await.status == 200).await;
        Self { child, door, _log: log }
    }

    fn terminate(&self) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    async fn code(mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it does not end").unwrap().code()
    }
}

fn command(file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beacondeck"));
    command.arg("serve").arg("--fleet").arg(file).env("NO_COLOR", "1").env_remove("RUST_LOG");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_what_is_in_flight_finish_and_nobody_else_in() {
    let dir = tempfile::tempdir().unwrap();
    let slow = always(vec![Step::Wait(Duration::from_millis(700)), json(r#"{"data":"late"}"#)]);
    let quick = only(PUBLISH, always(vec![json("{}")]));
    let laggard = only(PUBLISH, always(vec![Step::Wait(Duration::from_millis(600)), json("{}")]));
    let slow_read = slow.clone();
    let first =
        Stub::start(std::sync::Arc::new(
            move |seen: &crate::stub::Seen| {
                if seen.target == BULK { slow_read(seen) } else { quick(seen) }
            },
        ))
        .await;
    let second =
        Stub::start(std::sync::Arc::new(
            move |seen: &crate::stub::Seen| {
                if seen.target == BULK { slow(seen) } else { laggard(seen) }
            },
        ))
        .await;
    let serve =
        Serve::start(&fleet(dir.path(), "fleet.yaml", "127.0.0.1:0", "run", &[&first, &second])).await;
    let mut events = Wire::to(serve.door).await;
    events.send(&get("/eth/v1/events?topics=head")).await;
    assert_eq!(events.head().await.unwrap().status, 200);
    let mut idle = Wire::to(serve.door).await;
    assert_eq!(idle.ask(&get(READ)).await.unwrap().status, 200);
    let notes = [first.notes.clone(), second.notes.clone()];
    let told = |target: &str| notes.iter().map(|notes| notes.of(target).len()).sum::<usize>();
    until("both beacons are healthy", async || {
        let before = told(PUBLISH);
        assert_eq!(crate::wire::ask(serve.door, &post(PUBLISH, b"[1]")).await.unwrap().status, 200);
        told(PUBLISH) - before == 2
    })
    .await;
    let mut flying = Wire::to(serve.door).await;
    flying.send(&get(BULK)).await;
    until("the read is in flight", async || told(BULK) == 1).await;
    let published = told(PUBLISH);
    let reply = crate::wire::ask(serve.door, &post(PUBLISH, b"[2]")).await.unwrap();
    assert_eq!(reply.status, 200);
    let began = Instant::now();
    serve.terminate();
    until("new connections are refused", async || TcpStream::connect(serve.door).await.is_err()).await;
    assert!(idle.rest().await.is_empty(), "an idle connection is closed");
    assert!(events.rest().await.starts_with(b""), "an event stream ends");
    let reply = flying.reply().await.expect("what was in flight is answered");
    assert_eq!((reply.status, reply.text().as_str(), reply.whole), (200, r#"{"data":"late"}"#, true));
    assert_eq!(serve.code().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(told(PUBLISH) - published, 2);
    assert_eq!(second.notes.abandoned(PUBLISH), 0, "the slower copy of a publication is in flight, too");
    assert_eq!(second.notes.finished(PUBLISH), second.notes.of(PUBLISH).len());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_finish_is_cut_after_the_time_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start(only(BULK, always(vec![Step::Hang]))).await;
    let file = fleet(dir.path(), "fleet.yaml", "127.0.0.1:0", "run", &[&stub]);
    let text = std::fs::read_to_string(&file).unwrap().replace("stop: 6s", "stop: 500ms");
    std::fs::write(&file, text).unwrap();
    let serve = Serve::start(&file).await;
    let mut flying = Wire::to(serve.door).await;
    flying.send(&get(BULK)).await;
    until("the read is in flight", async || stub.notes.of(BULK).len() == 1).await;
    let began = Instant::now();
    serve.terminate();
    assert_eq!(serve.code().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_serve_says_in_one_sentence_why_it_cannot_start() {
    let dir = tempfile::tempdir().unwrap();
    let stub = Stub::start(crate::stub::good()).await;
    let serve = Serve::start(&fleet(dir.path(), "first.yaml", "127.0.0.1:0", "run", &[&stub])).await;
    let door = serve.door.to_string();
    for (listen, control, says) in [
        (door.as_str(), "other", ["another process holds this address", door.as_str()]),
        ("127.0.0.1:0", "run", ["another beacondeck serve", "run"]),
        ("192.0.2.1:5052", "third", ["no such address", "192.0.2.1:5052"]),
    ] {
        let file = fleet(dir.path(), "second.yaml", listen, control, &[&stub]);
        let output = tokio::time::timeout(PATIENCE, command(&file).output()).await.unwrap().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(69), "{complaint}");
        let lines: Vec<&str> = complaint.lines().filter(|line| line.starts_with("beacondeck: ")).collect();
        assert_eq!(lines.len(), 1, "{complaint}");
        assert!(says.iter().all(|word| lines[0].contains(word)), "{says:?}: {complaint}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(read(serve.door, READ).await.status, 200, "the first is not disturbed");
    serve.terminate();
    assert_eq!(serve.code().await, Some(0));
}
