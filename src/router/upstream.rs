//! The connections to the beacons: one pool of kept-alive connections each, and one attempt at a time through it.
//!
//! This file knows how to ask one beacon once. Whom to ask and what follows is the runners' business.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;

use super::body::{self, BodyError};
use super::offer::BUILDER_URL;
use crate::chain::BlockKey;
use crate::endpoint::{Body, Inspect, Meaning, Row, Strategy, Verb, meaning};
use crate::model::{self, Attempt, BeaconId, BeaconName, Clock, Moment, Outcome, Use};
use crate::pool::Gauge;

/// Idle upstream connections kept per beacon.
const IDLE_CONNECTIONS: usize = 256;
/// Idle upstream connections are closed after this: a Node.js server (Lodestar) closes its side after five seconds.
const IDLE_TIME: Duration = Duration::from_secs(4);
/// A connection that takes longer to be made is given up.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// Answers held whole are bounded by this.
const ANSWER_LIMIT: usize = 64 << 20;

/// Why a beacon cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Its URL.
    #[error("beacon {beacon}: its url is no http or https url")]
    Url {
        /// Which beacon.
        beacon: BeaconName,
    },
    /// Its bundle of certificates.
    #[error("beacon {beacon}: its ca-file cannot be used: {why}")]
    CaFile {
        /// Which beacon.
        beacon: BeaconName,
        /// What is wrong with it.
        why: String,
    },
}

/// One beacon as the router reaches it.
pub struct Upstream {
    /// Which beacon.
    pub id: BeaconId,
    /// Its name.
    pub name: BeaconName,
    /// Its name as a header value.
    pub label: HeaderValue,
    /// Shared with the pool.
    pub gauge: Arc<Gauge>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    scheme: Scheme,
    authority: Authority,
    prefix: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    permits: Arc<Semaphore>,
}

/// What is sent, the same for each beacon.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The endpoint.
    pub row: &'static Row,
    /// Method.
    pub method: Method,
    /// Path and query, byte for byte.
    pub path: PathAndQuery,
    /// Headers as beacons get them.
    pub headers: HeaderMap,
    /// Body, shared.
    pub body: Bytes,
    /// When the client's head arrived.
    pub arrived: Moment,
    /// The beacon that named the builder whose URL the headers have: no other is told of it.
    pub origin: Option<BeaconId>,
    /// The signed block that is published, if it is one.
    pub block: Option<BlockKey>,
}

impl Ask {
    /// Whether its silence says something of the beacon: bulk reads and block production may take their time.
    pub fn is_quick(&self) -> bool {
        self.row.body == Body::Buffer && !matches!(self.row.strategy, Strategy::One | Strategy::Pinned)
    }
}

/// A beacon's answer.
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers as they came.
    pub headers: HeaderMap,
    /// The body.
    pub body: ReplyBody,
}

/// The body of a reply.
pub enum ReplyBody {
    /// Read whole.
    Whole(Bytes),
    /// To be passed through.
    Through(Incoming, InFlight),
}

impl Reply {
    /// The bytes, where read whole.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.body {
            ReplyBody::Whole(bytes) => Some(bytes),
            ReplyBody::Through(..) => None,
        }
    }
}

/// Counts a request as in flight while it lives.
pub struct InFlight(Arc<Gauge>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Upstream {
    /// Sets up the connections to one beacon; nothing is connected yet.
    pub fn new(
        id: BeaconId,
        beacon: &model::Beacon,
        tls: rustls::ClientConfig,
        gauge: Arc<Gauge>,
        in_flight: usize,
    ) -> Result<Self, UpstreamError> {
        let url = || UpstreamError::Url { beacon: beacon.name.clone() };
        let uri: Uri = beacon.url.parse().map_err(|_| url())?;
        let scheme = uri.scheme().cloned().ok_or_else(url)?;
        let authority = uri.authority().cloned().ok_or_else(url)?;
        let headers = beacon
            .headers
            .iter()
            .filter_map(|header| {
                let mut value = HeaderValue::from_str(header.value.reveal()).ok()?;
                value.set_sensitive(true);
                Some((HeaderName::from_bytes(header.name.as_bytes()).ok()?, value))
            })
            .collect();
        Ok(Self {
            id,
            name: beacon.name.clone(),
            label: HeaderValue::from_str(beacon.name.as_str()).map_err(|_| url())?,
            gauge,
            client: client(tls, beacon.h2c),
            scheme,
            authority,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            headers,
            permits: Arc::new(Semaphore::new(in_flight)),
        })
    }

    /// The same beacon at another place of the fleet file: it shares connections, gauge and what is in flight.
    #[must_use]
    pub fn at(&self, id: BeaconId) -> Self {
        Self {
            id,
            name: self.name.clone(),
            label: self.label.clone(),
            gauge: self.gauge.clone(),
            client: self.client.clone(),
            scheme: self.scheme.clone(),
            authority: self.authority.clone(),
            prefix: self.prefix.clone(),
            headers: self.headers.clone(),
            permits: self.permits.clone(),
        }
    }

    /// Another bound on its requests in flight; those under way do not count against it.
    #[must_use]
    pub fn bounded(mut self, in_flight: usize) -> Self {
        self.permits = Arc::new(Semaphore::new(in_flight));
        self
    }

    /// Asks once. Never fails: what went wrong is the attempt's outcome, [`Outcome::None`] if it was not asked because it
    /// has been drained since it was chosen.
    pub async fn attempt(&self, ask: &Ask, limit: Duration, clock: &Clock) -> (Attempt, Option<Reply>) {
        let began = clock();
        let mut attempt = Attempt {
            beacon: self.id,
            outcome: Outcome::Overtaken,
            start_us: micros(began, ask.arrived),
            ..Attempt::default()
        };
        let Ok(_permit) = self.permits.try_acquire() else {
            attempt.outcome = Outcome::Failed;
            return (attempt, None);
        };
        let quick = ask.is_quick();
        if !self.gauge.begin(began, quick) {
            attempt.outcome = Outcome::None;
            return (attempt, None);
        }
        let flight = InFlight(self.gauge.clone());
        let result = tokio::time::timeout(limit, self.exchange(ask, began, clock, flight)).await;
        attempt.took_us = micros(clock(), began);
        match result {
            Ok(Ok((outcome, reply))) => {
                attempt.status = reply.status.as_u16();
                attempt.outcome = outcome;
                // A success that counts as failed is one nobody may be given.
                let usable = outcome != Outcome::Failed || !reply.status.is_success();
                (attempt, usable.then_some(reply))
            }
            Ok(Err(Unanswered { outcome, status })) => {
                self.gauge.failure();
                attempt.outcome = outcome;
                attempt.status = status;
                (attempt, None)
            }
            Err(_) => {
                self.gauge.timeout();
                attempt.outcome = Outcome::TimedOut;
                (attempt, None)
            }
        }
    }

    async fn exchange(
        &self,
        ask: &Ask,
        began: Moment,
        clock: &Clock,
        flight: InFlight,
    ) -> Result<(Outcome, Reply), Unanswered> {
        let response = self.client.request(self.request(ask)).await.map_err(|error| {
            let outcome = if error.is_connect() { Outcome::Unreachable } else { Outcome::Broken };
            Unanswered { outcome, status: 0 }
        })?;
        let now = clock();
        let status = response.status();
        // Publications wait for signatures to be verified: they say little of how long a read takes.
        let timed = ask.is_quick() && ask.row.verb == Verb::Get && !status.is_server_error();
        self.gauge.answer(now, u64::from(micros(now, began)), timed);
        if ask.row.inspect == Inspect::ProducedBlock && status.is_success() {
            self.gauge.produced(now);
        }
        let reply = read(ask, response, flight).await?;
        let outcome = outcome(ask.row, status, reply.bytes());
        match outcome {
            // Some clients answer 500 for an aggregate they have not (Lodestar #6634): that says nothing of them.
            Outcome::Failed if ask.row.strategy != Strategy::Subscribed => self.gauge.error(),
            Outcome::Ok | Outcome::Empty => self.gauge.good(),
            _ => {}
        }
        Ok((outcome, reply))
    }

    fn request(&self, ask: &Ask) -> Request<Full<Bytes>> {
        let mut parts = hyper::http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = if self.prefix.is_empty() {
            Some(ask.path.clone())
        } else {
            PathAndQuery::try_from(format!("{}{}", self.prefix, ask.path)).ok()
        };
        let mut request = Request::new(Full::new(ask.body.clone()));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        *request.headers_mut() = ask.headers.clone();
        if ask.origin != Some(self.id) {
            request.headers_mut().remove(BUILDER_URL);
        }
        if ask.body.is_empty() && ask.method != Method::GET {
            // Nobody else says so, and some servers answer 411 (RFC 9110, section 8.6).
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        request
    }
}

/// Why there is no answer: what became of the attempt, and the status if there was one.
struct Unanswered {
    outcome: Outcome,
    status: u16,
}

async fn read(ask: &Ask, response: Response<Incoming>, flight: InFlight) -> Result<Reply, Unanswered> {
    let (head, mut body) = response.into_parts();
    let unanswered = |outcome| Unanswered { outcome, status: head.status.as_u16() };
    if head.status.is_informational() {
        // Nobody asked to switch protocols.
        return Err(unanswered(Outcome::Broken));
    }
    // Errors are read whole whatever the row: the next beacon may do better.
    let body = if ask.row.body == Body::Buffer || !head.status.is_success() {
        // The attempt's own limit bounds the wait; a body may not outlive it.
        let bytes = body::whole(&mut body, ANSWER_LIMIT, None, |_| true).await;
        ReplyBody::Whole(bytes.map_err(|error| {
            unanswered(if let BodyError::TooLarge(_) = error { Outcome::Failed } else { Outcome::Broken })
        })?)
    } else {
        ReplyBody::Through(body, flight)
    };
    Ok(Reply { status: head.status, headers: head.headers, body })
}

fn outcome(row: &Row, status: StatusCode, body: Option<&Bytes>) -> Outcome {
    let publishes = row.verb == Verb::Post;
    match status.as_u16() {
        200 if row.needs == Use::Sign && is_optimistic(body) => Outcome::Failed,
        204 | 404 => Outcome::Empty,
        200..=399 => Outcome::Ok,
        code if publishes && meaning(code, body.map_or(&[], |bytes| bytes)) == Meaning::AlreadyKnown => {
            Outcome::AlreadyKnown
        }
        408 | 425 | 429 => Outcome::Failed,
        400..=499 => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

/// Some beacons answer what gets signed while optimistic and say so in the answer (`execution_optimistic`, Beacon API
/// `getBlockRoot`); only small JSON answers carry the word.
fn is_optimistic(body: Option<&Bytes>) -> bool {
    const WORD: &[u8] = b"\"execution_optimistic\":true";
    let Some(body) = body.filter(|body| body.len() <= 4_096) else { return false };
    body.first() == Some(&b'{') && body.windows(WORD.len()).any(|window| window == WORD)
}

fn client(tls: rustls::ClientConfig, h2c: bool) -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIME));
    http.set_keepalive(Some(Duration::from_secs(30)));
    http.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIME)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http2_only(h2c)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .http2_adaptive_window(true)
        .build(connector)
}

/// Microseconds from `earlier` to `later`, as traces keep them.
pub fn micros(later: Moment, earlier: Moment) -> u32 {
    u32::try_from(later.mono_us.saturating_sub(earlier.mono_us)).unwrap_or(u32::MAX)
}
