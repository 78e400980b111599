//! HTTP as a validator client speaks it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use super::{Job, Worker};
use crate::sim::wire::FORK;

/// Idle connections are kept so long, as Rust and Go clients do.
const IDLE: Duration = Duration::from_secs(90);

/// Why a call gave nothing usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallError {
    /// No connection.
    Connect,
    /// No whole answer in time.
    TimedOut,
    /// The connection broke.
    Broken,
    /// An answer with this status.
    Status(u16),
    /// 200, but not what was asked for.
    Shape,
    /// 200, but of a head that is not verified.
    Optimistic,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Connect => f.write_str("connect"),
            CallError::TimedOut => f.write_str("timeout"),
            CallError::Broken => f.write_str("broken"),
            CallError::Status(status) => status.fmt(f),
            CallError::Shape => f.write_str("shape"),
            CallError::Optimistic => f.write_str("optimistic"),
        }
    }
}

/// An answer of status 200 or 202.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    /// Whether the body is SSZ.
    pub(super) fn is_ssz(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("application/octet-stream"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn json(&self) -> Result<Value, CallError> {
        serde_json::from_slice(&self.body).map_err(|_| CallError::Shape)
    }
}

/// A body to post.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    Json(Value),
    Ssz(Vec<u8>),
}

/// One client's connections.
#[derive(Debug)]
pub(super) struct Http {
    /// None: the client has ended.
    client: ArcSwapOption<Client<HttpConnector, Full<Bytes>>>,
    base: String,
    timeout_ms: AtomicU64,
}

impl Http {
    pub(super) fn new(base: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        let timeout_ms = AtomicU64::new(super::MIN_TIMEOUT.as_millis() as u64);
        let client = ArcSwapOption::from_pointee(client);
        Self { client, base: base.trim_end_matches('/').to_owned(), timeout_ms }
    }

    pub(super) fn set_timeout(&self, timeout: Duration) {
        self.timeout_ms.store(timeout.as_millis() as u64, Ordering::Relaxed);
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.load(Ordering::Relaxed))
    }

    /// The head of an answer; its body may go on for ever.
    pub(super) async fn open(&self, path: &str, accept: &str) -> Result<Response<Incoming>, CallError> {
        let request = Request::get(format!("{}{path}", self.base))
            .header(ACCEPT, accept)
            .body(Full::default())
            .map_err(|_| CallError::Shape)?;
        let answer = tokio::time::timeout(self.timeout(), self.send(request));
        let response = answer.await.map_err(|_| CallError::TimedOut)??;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(CallError::Status(response.status().as_u16()))
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
        let client = self.client.load_full().ok_or(CallError::Connect)?;
        let answer = client.request(request).await;
        answer.map_err(|error| if error.is_connect() { CallError::Connect } else { CallError::Broken })
    }

    /// Closes its connections, as the end of a process does.
    pub(super) fn close(&self) {
        self.client.store(None);
    }

    async fn call(&self, path: &str, accept: &str, payload: Option<&Payload>) -> Result<Reply, CallError> {
        let mut request = Request::builder().uri(format!("{}{path}", self.base)).header(ACCEPT, accept);
        let body = match payload {
            None => Bytes::new(),
            Some(Payload::Json(value)) => {
                request = request.header(CONTENT_TYPE, "application/json");
                value.to_string().into()
            }
            Some(Payload::Ssz(bytes)) => {
                request = request.header(CONTENT_TYPE, "application/octet-stream");
                bytes.clone().into()
            }
        };
        if payload.is_some() {
            request = request.method(Method::POST).header("Eth-Consensus-Version", FORK);
        }
        let request = request.body(Full::new(body)).map_err(|_| CallError::Shape)?;
        let exchange = async {
            let (head, body) = self.send(request).await?.into_parts();
            let body = body.collect().await.map_err(|_| CallError::Broken)?.to_bytes();
            match head.status.as_u16() {
                200 | 202 => Ok(Reply { headers: head.headers, body }),
                status => Err(CallError::Status(status)),
            }
        };
        tokio::time::timeout(self.timeout(), exchange).await.map_err(|_| CallError::TimedOut)?
    }
}

impl Worker {
    /// One call, counted.
    pub(super) async fn call(
        &self,
        job: Job,
        path: &str,
        accept: &str,
        payload: Option<&Payload>,
    ) -> Result<Reply, CallError> {
        let result = self.http.call(path, accept, payload).await;
        self.count(job, result.as_ref().map(|_| ()).map_err(|error| *error));
        result
    }

    /// A call that is made a second time when the first fails, as clients with a single URL do.
    pub(super) async fn call_twice(
        &self,
        job: Job,
        path: &str,
        accept: &str,
        payload: Option<&Payload>,
    ) -> Result<Reply, CallError> {
        match self.call(job, path, accept, payload).await {
            Ok(reply) => Ok(reply),
            Err(_) => self.call(job, path, accept, payload).await,
        }
    }

    /// GET of JSON.
    pub(super) async fn get(&self, job: Job, path: &str) -> Result<Value, CallError> {
        self.call(job, path, "application/json", None).await?.json()
    }

    /// POST of JSON.
    pub(super) async fn post(&self, job: Job, path: &str, body: Value) -> Result<Reply, CallError> {
        self.call(job, path, "application/json", Some(&Payload::Json(body))).await
    }

    /// Counts what became of something.
    pub(super) fn count(&self, job: Job, outcome: Result<(), CallError>) {
        let word = outcome.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        self.tally(|tally| *tally.calls.entry(job).or_default().entry(word).or_default() += 1);
    }

    /// What this client prefers to be answered where the API has SSZ.
    pub(super) fn accept(&self) -> &'static str {
        if self.style.ssz {
            "application/octet-stream;q=1,application/json;q=0.9"
        } else {
            "application/json"
        }
    }
}
