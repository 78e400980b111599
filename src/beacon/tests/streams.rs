//! Event streams over real HTTP.

use std::time::Duration;

use super::server::{Answer, End, Server, blunt};
use super::{PATIENCE, client};
use crate::beacon::{HEAD, HEAD_V2, HeadEvent, ReadError};
use crate::model::{Root, Slot};

const HEADS: &str = "/eth/v1/events?topics=head";
const BOTH: &str = "/eth/v1/events?topics=head&topics=head_v2";
const SHORT: Duration = Duration::from_secs(1);

fn head(slot: u64) -> String {
    let root = Root([7; 32]);
    format!(
        "event: head\ndata: {{\"slot\":\"{slot}\",\"block\":\"{root}\",\"state\":\"{root}\",\"epoch_transition\":false}}\n\n"
    )
}

#[tokio::test]
async fn events_come_one_by_one_and_the_end_is_an_error() {
    // Lighthouse leaves out the space; two events in one chunk, one in two.
    let (cut_a, cut_b) = (head(3)[..20].to_owned(), head(3)[20..].to_owned());
    let first = head(1).replace("event: ", "event:") + &head(2) + &cut_a;
    let server =
        Server::start(&[(HEADS, Answer::chunks([":\n\n".to_owned(), first, cut_b], End::Whole))]).await;
    let mut stream = client(&server.url).events(&[HEAD], PATIENCE);
    for slot in 1..=3 {
        let event = stream.next().await.unwrap();
        assert_eq!(HeadEvent::read(&event).unwrap().unwrap().slot, Slot(slot));
    }
    for _ in 0..2 {
        let error = stream.next().await.unwrap_err();
        assert!(matches!(error, ReadError::Broken { .. }), "{error}");
    }
    assert_eq!(server.seen()[0].authorization.as_deref(), Some("Bearer s3cret"));
}

#[tokio::test]
async fn a_beacon_without_a_topic_is_asked_for_the_others() {
    let refusal = Answer::new(400, r#"{"code":400,"message":"Invalid topic: head_v2","stacktraces":[]}"#);
    let server = Server::start(&[(BOTH, refusal), (HEADS, Answer::chunks([head(9)], End::Never))]).await;
    let client = client(&server.url);
    let mut stream = client.events(&[HEAD, HEAD_V2], PATIENCE);
    let error = stream.open().await.unwrap_err();
    assert!(error.refuses_topics(), "{error}");
    assert!(error.to_string().contains("Invalid topic: head_v2"), "{error}");
    let mut stream = client.events(&[HEAD], PATIENCE);
    stream.open().await.unwrap();
    assert_eq!(stream.next().await.unwrap().topic, HEAD);
}

#[tokio::test]
async fn silence_ends_a_stream_though_it_is_polled_anew() {
    let server = Server::start(&[(HEADS, Answer::chunks([head(1)], End::Never))]).await;
    let mut stream = client(&server.url).events(&[HEAD], SHORT);
    stream.next().await.unwrap();
    // A reader that cancels and asks again must not put the end off.
    let error = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Ok(outcome) = tokio::time::timeout(SHORT / 10, stream.next()).await {
                return outcome.unwrap_err();
            }
        }
    });
    let error = error.await.unwrap();
    assert!(matches!(error, ReadError::TimedOut { after: SHORT, .. }), "{error}");
}

#[tokio::test]
async fn a_stream_outlives_the_time_of_a_read() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = crate::beacon::BeaconClient::new(&super::beacon(&url), SHORT).unwrap();
    let mut stream = client.events(&[HEAD], PATIENCE);
    // The listener never answers: the read gives up after its time, the stream does not.
    let read = client.syncing();
    tokio::select! {
        biased;
        outcome = stream.next() => panic!("the stream ended first: {outcome:?}"),
        outcome = read => assert!(matches!(outcome, Err(ReadError::TimedOut { .. }))),
    }
}

#[tokio::test]
async fn a_broken_stream_is_told_from_a_missing_beacon() {
    let url = blunt(&[
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n15\r\nevent: a\ndata: x\n\n: y\r\n9\r\nevent",
    ]);
    let mut stream = client(&url).events(&[HEAD], PATIENCE);
    assert_eq!(stream.next().await.unwrap().topic, "a");
    let error = stream.next().await.unwrap_err();
    assert!(matches!(error, ReadError::Broken { .. }), "{error}");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error =
        client(&format!("http://127.0.0.1:{port}")).events(&[HEAD], PATIENCE).next().await.unwrap_err();
    assert!(matches!(error, ReadError::Unreachable { .. }), "{error}");
}
