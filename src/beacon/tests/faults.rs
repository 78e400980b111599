//! What goes wrong between us and a beacon, and how it is told apart.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;

use super::server::{Answer, End, Server, blunt};
use super::{PATIENCE, beacon, client};
use crate::beacon::{BeaconClient, ReadError};

const PATH: &str = "/eth/v1/node/syncing";
/// Long enough for loopback on a busy machine, short enough to wait for.
const SHORT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = client(&format!("http://127.0.0.1:{port}")).syncing().await.unwrap_err();
    assert!(matches!(error, ReadError::Unreachable { .. }), "{error}");
    assert_eq!(error.to_string(), format!("cannot connect to beacon beacon-1 for {PATH}"));
    assert!(error.source().is_some());
}

#[tokio::test]
async fn the_name_does_not_resolve() {
    let error = client("http://beacon.invalid:5052").syncing().await.unwrap_err();
    assert!(matches!(error, ReadError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn it_is_connected_and_silent() {
    // The kernel accepts for a listener that nobody serves: connected, and never an answer.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = BeaconClient::new(&beacon(&url), SHORT).unwrap();
    let error = client.probe().await.unwrap_err();
    assert!(matches!(error, ReadError::TimedOut { after: SHORT, .. }), "{error}");
}

#[tokio::test]
async fn it_stops_in_the_middle() {
    let server = Server::start(&[(PATH, Answer::new(200, r#"{"data":"#).ending(End::Never))]).await;
    let client = BeaconClient::new(&beacon(&server.url), SHORT).unwrap();
    let error = client.syncing().await.unwrap_err();
    assert!(matches!(error, ReadError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_tried_once_more() {
    let url = blunt(&["", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"]);
    assert_eq!(client(&url).raw(PATH).await.unwrap(), "{}");
    let url = blunt(&["", ""]);
    let error = client(&url).raw(PATH).await.unwrap_err();
    assert!(matches!(error, ReadError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_truncated_answer_is_broken_not_short() {
    let url = blunt(&["HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{}"]);
    let error = client(&url).raw(PATH).await.unwrap_err();
    assert!(matches!(error, ReadError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_refusal_carries_its_words() {
    let body = r#"{"code":503,"message":"beacon node\n is syncing\u0007","stacktraces":[]}"#;
    let server = Server::start(&[(PATH, Answer::new(503, body))]).await;
    let error = client(&server.url).syncing().await.unwrap_err();
    assert_eq!(error.status(), Some(503));
    assert_eq!(
        error.to_string(),
        format!("beacon beacon-1 answered {PATH} with 503: beacon node is syncing")
    );
}

#[tokio::test]
async fn a_refusal_without_words_is_still_a_sentence() {
    let server = Server::start(&[(PATH, Answer::new(502, ""))]).await;
    let error = client(&server.url).syncing().await.unwrap_err();
    assert_eq!(error.to_string(), format!("beacon beacon-1 answered {PATH} with 502"));
}

#[tokio::test]
async fn a_long_refusal_is_shortened() {
    let server = Server::start(&[(PATH, Answer::new(500, "x".repeat(200_000)))]).await;
    let error = client(&server.url).syncing().await.unwrap_err();
    assert_eq!(error.status(), Some(500));
    assert!((300..400).contains(&error.to_string().len()), "{error}");
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_still_a_refusal() {
    let url = blunt(&["HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nout of mem"]);
    let error = client(&url).syncing().await.unwrap_err();
    assert_eq!(error.to_string(), format!("beacon beacon-1 answered {PATH} with 500: out of mem"));
}

#[tokio::test]
async fn an_echoed_secret_is_taken_out() {
    let server = Server::start(&[(PATH, Answer::new(401, "bad token 'Bearer s3cret'"))]).await;
    let client = client(&server.url);
    let error = client.syncing().await.unwrap_err();
    let shown = format!("{error} {error:?} {client:?}");
    assert!(shown.contains("bad token '(secret)'") && !shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(&[(PATH, Answer::new(307, ""))]).await;
    assert_eq!(client(&server.url).syncing().await.unwrap_err().status(), Some(307));
}

/// A TLS server with a certificate of its own making, and that certificate as PEM.
fn tls_server() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
            // A client that does not trust us goes away in the handshake.
            if tls.read(&mut [0; 4096]).is_ok_and(|got| got > 0) {
                tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
                    .unwrap();
            }
        }
    });
    (url, made.cert.pem())
}

#[tokio::test]
async fn only_the_ca_file_is_trusted() {
    let (url, pem) = tls_server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let mut beacon = beacon(&url);
    beacon.ca_file = Some(file.clone());

    let error = BeaconClient::new(&beacon, PATIENCE).unwrap_err();
    assert!(matches!(error, ReadError::Setup { .. }), "{error}");
    assert!(error.to_string().contains("ca.pem"), "{error}");

    std::fs::write(&file, "no certificate").unwrap();
    assert!(BeaconClient::new(&beacon, PATIENCE).is_err(), "a file without a certificate trusts nobody");

    std::fs::write(&file, pem).unwrap();
    assert_eq!(BeaconClient::new(&beacon, PATIENCE).unwrap().raw(PATH).await.unwrap(), "{}");

    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&file, other.cert.pem()).unwrap();
    let error = BeaconClient::new(&beacon, PATIENCE).unwrap().raw(PATH).await.unwrap_err();
    assert!(matches!(error, ReadError::Unreachable { .. }), "{error}");
}
