//! Asking simulated beacons by hand.

use std::time::Duration;

use beacondeck::sim::{SimConfig, SimNetwork};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

pub type Http = Client<HttpConnector, Full<Bytes>>;

/// No answer of a healthy beacon takes so long.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

pub async fn send(
    http: &Http,
    method: &str,
    url: String,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<(StatusCode, HeaderMap, Bytes), String> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let exchange = async {
        let response = http.request(request.body(Full::new(body.into())).unwrap()).await;
        let (head, body) = response.map_err(|error| format!("{error:?}"))?.into_parts();
        let body = body.collect().await.map_err(|error| format!("body: {error:?}"))?;
        Ok((head.status, head.headers, body.to_bytes()))
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| "no answer".to_owned())?
}

pub async fn get(http: &Http, url: String) -> (StatusCode, Value) {
    let (status, _, body) = send(http, "GET", url, &[], "").await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub const POSTED: &[(&str, &str)] =
    &[("content-type", "application/json"), ("eth-consensus-version", "fulu")];

pub async fn post(http: &Http, url: String, body: &Value) -> (StatusCode, Value) {
    let (status, _, body) = send(http, "POST", url, POSTED, body.to_string()).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A chain that runs by itself, without clients.
pub async fn running() -> SimNetwork {
    SimNetwork::start(SimConfig {
        beacons: 2,
        slot_ms: 2000,
        past_epochs: 4,
        auto_blocks_ms: Some(0),
        ..SimConfig::default()
    })
    .await
    .unwrap()
}

/// Waits for a condition.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"));
}
