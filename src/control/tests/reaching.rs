//! The asking side against a serve that goes, comes back, falls silent or talks nonsense.

use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;
use tokio::time::{Instant, timeout};

use super::house::Running;
use crate::control::*;

const BOUND: Duration = Duration::from_secs(30);

async fn told(watch: &mut Lasting) -> Told {
    timeout(BOUND, watch.next()).await.expect("nothing is told")
}

#[tokio::test]
async fn a_lasting_watch_finds_serve_again() {
    let dir = TempDir::new().unwrap();
    let mut watch = Lasting::new(Reach::Sockets(dir.path().to_owned()), "test", Wanted::default());
    assert!(matches!(told(&mut watch).await, Told::Lost { error: ControlError::NoServe { .. }, .. }));
    for name in ["one", "two"] {
        let running = Running::start(dir.path()).await.unwrap();
        running.house.rename(name);
        while !matches!(told(&mut watch).await, Told::Connected(_)) {}
        let Told::Event(Event::Snapshot(status)) = told(&mut watch).await else { panic!("no snapshot") };
        assert_eq!(status.fleet, name);
        running.stop().await;
        let error = loop {
            if let Told::Lost { error, .. } = told(&mut watch).await {
                break error;
            }
        };
        assert_eq!(error.to_string(), "serve ended the watch: serve is stopping");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pauses_between_tries_grow_to_a_bound() {
    let dir = TempDir::new().unwrap();
    let mut watch = Lasting::new(Reach::Sockets(dir.path().to_owned()), "test", Wanted::default());
    let mut pauses = Vec::new();
    let began = Instant::now();
    for _ in 0..7 {
        let Told::Lost { pause, error } = told(&mut watch).await else { panic!() };
        assert!(error.passes());
        pauses.push(pause.as_millis());
    }
    assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    assert_eq!(began.elapsed().as_millis(), 250 + 500 + 1_000 + 2_000 + 4_000 + 5_000);
}

/// A serve that answers each line with the next of `answers` and then keeps the connection open.
fn puppet(dir: &TempDir, answers: &'static [&'static str]) {
    let listener = UnixListener::bind(dir.path().join("observe.sock")).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        for answer in answers {
            stream.read_line(&mut String::new()).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
}

const WELCOME: &str = "{\"v\":1,\"id\":1,\"answer\":{\"welcome\":{\"beacondeck\":\"0\",\"pid\":1,\"access\":\"observe\",\"you\":\"me\"}}}\n";

async fn error_of(answers: &'static [&'static str]) -> String {
    let dir = TempDir::new().unwrap();
    puppet(&dir, answers);
    let asked = async {
        let mut watch = Reach::Sockets(dir.path().to_owned()).watch("test", Wanted::default()).await?;
        loop {
            watch.next().await?;
        }
    };
    let ended: Result<(), ControlError> = asked.await;
    ended.unwrap_err().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_serve_that_falls_silent_is_noticed() {
    let silent = "serve accepted the connection and has said nothing for 10 s";
    assert_eq!(error_of(&[]).await, silent);
    assert_eq!(error_of(&[WELCOME]).await, silent);
    assert_eq!(error_of(&[WELCOME, "{\"v\":1,\"id\":2,\"answer\":{\"event\":{\"al"]).await, silent);
}

#[tokio::test]
async fn nonsense_is_one_sentence() {
    let strangers = "serve and this command do not understand each other";
    assert_eq!(error_of(&["HTTP/1.1 400 Bad Request\n"]).await, strangers);
    assert_eq!(error_of(&[WELCOME, "{}\n"]).await, strangers);
    assert_eq!(error_of(&[WELCOME, "{\"v\":2,\"id\":2}\n"]).await, strangers);
    let kind = "serve gave an answer of another kind: is it another version of beacondeck?";
    assert_eq!(error_of(&["{\"v\":1,\"id\":1,\"answer\":{\"done\":{\"message\":\"\"}}}\n"]).await, kind);
    assert_eq!(
        error_of(&[WELCOME, "{\"v\":1,\"id\":2,\"answer\":{\"done\":{\"message\":\"\"}}}\n"]).await,
        kind
    );
    assert_eq!(
        error_of(&["{\"v\":1,\"id\":0,\"answer\":{\"refused\":{\"message\":\"full\"}}}\n"]).await,
        "full"
    );
    assert_eq!(
        error_of(&["{\"v\":1,\"id\":9,\"answer\":{\"refused\":{\"message\":\"\"}}}\n"]).await,
        "serve answered frame 9 to frame 1"
    );
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_line_is_told_apart() {
    let (ours, mut theirs) = tokio::io::duplex(1_024);
    theirs.write_all(WELCOME.as_bytes()).await.unwrap();
    let mut watch = Client::over(ours, "test").await.unwrap().watch(Wanted::default()).await.unwrap();
    theirs.write_all(b"{\"v\":1,\"id\":2,\"ans").await.unwrap();
    drop(theirs);
    assert!(matches!(watch.next().await, Err(ControlError::Cut)));
}
