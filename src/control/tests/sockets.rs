//! Questions and orders over real sockets, and what is not one.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::house::{Running, drain, raw};
use crate::control::*;

const VERSION_9: &[u8] = b"{\"v\":9,\"id\":4,\"op\":\"status\"}\n";

async fn connect(dir: &Path) -> Client {
    Client::connect(dir, Access::Control, "test").await.unwrap()
}

async fn refused(dir: &Path, access: Access) -> ControlError {
    Client::connect(dir, access, "test").await.err().unwrap()
}

#[tokio::test]
async fn orders_are_answered_in_turn_and_carry_who_asked() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let mut client = connect(dir.path()).await;
    let who = Peer::own().unwrap().to_string();
    let uid = std::fs::metadata(dir.path()).unwrap().uid();
    assert!(who.contains(&format!("uid {uid}")), "{who}");
    for _ in 0..3 {
        let answer = client.call(drain()).await.unwrap();
        assert_eq!(answer, Answer::Done { message: format!("drain b1 by {who}") });
    }
    running.stop().await;
}

#[tokio::test]
async fn a_hello_tells_both_sides_who_is_there() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    for access in [Access::Observe, Access::Control] {
        let client = Client::connect(dir.path(), access, "test").await.unwrap();
        let expected = Welcome {
            beacondeck: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            access,
            you: Peer::own().unwrap().to_string(),
        };
        assert_eq!(*client.welcome(), expected);
    }
    running.stop().await;
}

#[tokio::test]
async fn the_observe_socket_answers_questions_and_refuses_orders() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let mut journal = running.house.journal.subscribe();
    let mut client = Client::connect(dir.path(), Access::Observe, "test").await.unwrap();
    assert!(
        matches!(client.call(Request::Status).await.unwrap(), Answer::Status(status) if status.fleet == "first")
    );
    let message = "drain b1 was not done: observe.sock takes no orders, control.sock does".to_owned();
    assert_eq!(client.call(drain()).await.unwrap(), Answer::Refused { message });
    assert!(journal.try_recv().is_err(), "it was done");
    running.stop().await;
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_in_words() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let answer = connect(dir.path()).await.call(Request::Journal { limit: 1 }).await.unwrap();
    let Answer::Refused { message } = answer else { panic!("{answer:?}") };
    assert!(message.contains("ask for less"), "{message}");
    running.stop().await;
}

#[tokio::test]
async fn a_line_that_is_no_request_is_refused_and_the_next_one_answered() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let lines =
        [b"hello\n".as_slice(), b"\xff\x00\n", VERSION_9, b"{\"v\":1,\"id\":5,\"op\":\"status\"}\n"].concat();
    let got = raw(dir.path(), Access::Observe, &lines).await;
    let frames: Vec<_> = got.lines().map(|line| AnswerFrame::decode(line.as_bytes()).unwrap()).collect();
    assert_eq!(frames.iter().map(|frame| frame.id).collect::<Vec<_>>(), [0, 0, 4, 5]);
    let refusals: Vec<&str> = frames
        .iter()
        .filter_map(|frame| match &frame.answer {
            Answer::Refused { message } => Some(message.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(refusals.len(), 3);
    assert!(refusals[0].starts_with("the line is no frame"), "{}", refusals[0]);
    assert!(refusals[2].contains("version 9") && refusals[2].contains("version 1"), "{}", refusals[2]);
    assert!(matches!(&frames[3].answer, Answer::Status(_)));
    running.stop().await;
}

#[tokio::test]
async fn a_line_without_end_is_refused_and_the_connection_closed() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let got = raw(dir.path(), Access::Observe, &vec![b'x'; 2 * REQUEST_LIMIT]).await;
    assert!(got.contains("refused") && got.contains("65536"), "{got}");
    assert_eq!(got.lines().count(), 1);
    let half = raw(dir.path(), Access::Observe, br#"{"v":1,"id":5,"op":"sta"#).await;
    assert!(half.contains("the line is no frame"), "{half}");
    running.stop().await;
}

#[tokio::test]
async fn a_serve_of_another_version_is_one_sentence() {
    let dir = TempDir::new().unwrap();
    let listener = UnixListener::bind(dir.path().join("observe.sock")).unwrap();
    let serve = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(b"{\"v\":9,\"id\":1,\"greeting\":\"hi\"}\n").await.unwrap();
        stream
    });
    let error = refused(dir.path(), Access::Observe).await;
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("speaks version 9") && cause.contains("version 1"), "{error}: {cause}");
    assert!(!error.passes());
    drop(serve.await.unwrap());
}

#[tokio::test]
async fn the_sockets_have_their_mode_and_go_with_the_server() {
    let root = TempDir::new().unwrap();
    let dir = root.path().join("run/beacondeck");
    let running = Running::start(&dir).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let sockets = [Access::Observe, Access::Control].map(|access| dir.join(access.socket()));
    for socket in &sockets {
        assert!(std::fs::metadata(socket).unwrap().file_type().is_socket());
        assert_eq!(mode(socket), 0o660);
    }
    assert_eq!(mode(&dir), 0o750);
    running.stop().await;
    assert!(sockets.iter().all(|socket| !socket.exists()));
    assert!(matches!(refused(&dir, Access::Observe).await, ControlError::NoServe { .. }));
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
    assert!(connect(dir.path()).await.call(drain()).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn a_socket_answered_by_somebody_without_the_lock_is_not_taken() {
    let dir = TempDir::new().unwrap();
    for access in [Access::Observe, Access::Control] {
        let path = dir.path().join(access.socket());
        let other = UnixListener::bind(&path).unwrap();
        let error = Running::start(dir.path()).await.err().unwrap();
        assert!(matches!(error, ControlError::Held { pid: Some(_), .. }), "{error}");
        drop(other);
        // What the dead one left behind is stale.
        assert!(path.exists());
        let running = Running::start(dir.path()).await.unwrap();
        assert!(connect(dir.path()).await.call(drain()).await.is_ok());
        running.stop().await;
    }
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_one_sentence_on_both_sides() {
    let root = TempDir::new().unwrap();
    let dir = root.path().join("d".repeat(107));
    let error = Running::start(&dir).await.err().unwrap();
    assert!(error.to_string().contains("may have 107"), "{error}");
    assert!(!dir.exists(), "nothing is made for a path that cannot work");
    assert_eq!(refused(&dir, Access::Observe).await.to_string(), error.to_string());
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_the_other_socket_is_free() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..32 {
        held.push(Client::connect(dir.path(), Access::Observe, "test").await.unwrap());
    }
    let error = refused(dir.path(), Access::Observe).await;
    assert_eq!(error.to_string(), "observe.sock already has 32 connections: close one and try again");
    assert!(connect(dir.path()).await.call(drain()).await.is_ok());
    drop(held);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_nothing_is_dropped() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let began = tokio::time::Instant::now();
    let mut stream = UnixStream::connect(dir.path().join("observe.sock")).await.unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).await.unwrap();
    assert!(got.is_empty());
    assert!(began.elapsed() >= Duration::from_secs(5));
    running.stop().await;
}
