//! Server and client over real sockets.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::model::BeaconName;

/// Answers a drain with who asked; any other order with more than an answer may hold.
struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request, peer: Peer) -> Answering<'_> {
        Box::pin(async move {
            match request {
                Request::Drain { beacon } => {
                    Answer::Done { message: format!("{beacon} by uid {}", peer.uid) }
                }
                _ => Answer::Done { message: "x".repeat(ANSWER_LIMIT) },
            }
        })
    }
}

struct Running {
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl Running {
    async fn start(dir: &Path) -> Result<Self, ControlError> {
        let running = Self { cancel: CancellationToken::new(), tracker: TaskTracker::new() };
        ControlServer::start(dir, Arc::new(Echo), running.cancel.clone(), &running.tracker).await?;
        Ok(running)
    }

    async fn stop(self) {
        self.cancel.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

fn drain() -> Request {
    Request::Drain { beacon: BeaconName::new("b1") }
}

async fn raw(dir: &Path, send: &[u8]) -> String {
    let mut stream = UnixStream::connect(dir.join(SOCKET)).await.unwrap();
    let _ = stream.write_all(send).await;
    let _ = stream.shutdown().await;
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got).await;
    String::from_utf8(got).unwrap()
}

#[tokio::test]
async fn orders_are_answered_in_turn_and_carry_who_asked() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let mut client = Client::connect(dir.path()).await.unwrap();
    let uid = UnixStream::pair().unwrap().0.peer_cred().unwrap().uid();
    for _ in 0..3 {
        let answer = client.call(drain()).await.unwrap();
        assert_eq!(answer, Answer::Done { message: format!("b1 by uid {uid}") });
    }
    running.stop().await;
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_in_words() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let answer = Client::connect(dir.path()).await.unwrap().call(Request::Status).await.unwrap();
    let Answer::Refused { message } = answer else { panic!("{answer:?}") };
    assert!(message.contains("ask for less"), "{message}");
    running.stop().await;
}

#[tokio::test]
async fn a_line_that_is_no_order_is_refused_and_the_next_one_answered() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let got = raw(
        dir.path(),
        b"hello\n{\"v\":9,\"id\":4,\"op\":\"status\"}\n{\"v\":1,\"id\":5,\"op\":\"drain\",\"beacon\":\"b1\"}\n",
    )
    .await;
    let frames: Vec<_> = got.lines().map(|line| AnswerFrame::decode(line.as_bytes()).unwrap()).collect();
    assert_eq!(frames.iter().map(|frame| frame.id).collect::<Vec<_>>(), [0, 4, 5]);
    assert!(matches!(&frames[0].answer, Answer::Refused { .. }));
    assert!(matches!(&frames[1].answer, Answer::Refused { message } if message.contains("version 9")));
    assert!(matches!(&frames[2].answer, Answer::Done { .. }));
    running.stop().await;
}

#[tokio::test]
async fn a_line_without_end_is_refused_and_the_connection_closed() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let got = raw(dir.path(), &vec![b'x'; 2 * REQUEST_LIMIT]).await;
    assert!(got.contains("refused") && got.contains("65536"), "{got}");
    assert_eq!(got.lines().count(), 1);
    running.stop().await;
}

#[tokio::test]
async fn the_socket_has_its_mode_and_goes_with_the_server() {
    let root = TempDir::new().unwrap();
    let dir = root.path().join("run/beacondeck");
    let running = Running::start(&dir).await.unwrap();
    let socket = dir.join(SOCKET);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!(mode(&socket), 0o660);
    assert_eq!(mode(&dir), 0o750);
    running.stop().await;
    assert!(!socket.exists());
    assert!(matches!(Client::connect(&dir).await, Err(ControlError::NoServe { .. })));
    Running::start(&dir).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_second_serve_is_refused_with_the_first_ones_pid_and_harms_nothing() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let error = Running::start(dir.path()).await.err().unwrap();
    let pid = std::process::id();
    let holds = format!("another beacondeck serve (pid {pid}) holds {}", dir.path().display());
    assert_eq!(error.to_string(), holds);
    assert!(Client::connect(dir.path()).await.unwrap().call(drain()).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn a_socket_answered_by_somebody_without_the_lock_is_not_taken() {
    let dir = TempDir::new().unwrap();
    let other = tokio::net::UnixListener::bind(dir.path().join(SOCKET)).unwrap();
    let error = Running::start(dir.path()).await.err().unwrap();
    assert!(matches!(error, ControlError::Held { pid: Some(_), .. }), "{error}");
    drop(other);
    // What the dead one left behind is stale.
    assert!(dir.path().join(SOCKET).exists());
    let running = Running::start(dir.path()).await.unwrap();
    assert!(Client::connect(dir.path()).await.unwrap().call(drain()).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_one_sentence() {
    let root = TempDir::new().unwrap();
    let dir = root.path().join("d".repeat(107));
    let error = Running::start(&dir).await.err().unwrap();
    assert!(error.to_string().contains("may have 107"), "{error}");
    assert!(!dir.exists(), "nothing is made for a path that cannot work");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..32 {
        let mut client = Client::connect(dir.path()).await.unwrap();
        client.call(drain()).await.unwrap();
        held.push(client);
    }
    let answer = Client::connect(dir.path()).await.unwrap().call(drain()).await.unwrap();
    assert!(matches!(&answer, Answer::Refused { message } if message.contains("32")), "{answer:?}");
    drop(held);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_nothing_is_dropped() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let began = tokio::time::Instant::now();
    let mut stream = UnixStream::connect(dir.path().join(SOCKET)).await.unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).await.unwrap();
    assert!(got.is_empty());
    assert!(began.elapsed() >= std::time::Duration::from_secs(5));
    running.stop().await;
}
