//! One beacon's HTTP server: accepts, applies the fault, asks `routes` for the answer.
//!
//! It knows sockets and delays, never what an endpoint means.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::body::{AnswerBody, stream, truncated, whole};
use super::clock::SimClock;
use super::fault::Fault;
use super::gate::{Door, Gate, Gated, Order};
use super::routes::{self, Answer, Request};
use super::world::{Event, Shared};

/// Largest request body that is read.
const BODY_LIMIT: usize = 64 << 20;
/// Events that may wait for a reader.
const EVENT_QUEUE: usize = 256;

/// Header whose values are counted, so that a test can follow one request through a router.
const TAG: &str = "x-sim-tag";
/// Values that are counted.
const TAGS: usize = 1 << 20;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What the connections of one beacon share.
#[derive(Debug)]
pub(super) struct Server {
    /// Its place in the world.
    pub(super) node: usize,
    /// The world.
    pub(super) world: Shared,
    /// The clock.
    pub(super) clock: SimClock,
    /// What is wrong at present.
    pub(super) fault: Mutex<Option<Fault>>,
    /// Milliseconds each answer takes when nothing is wrong.
    pub(super) latency_ms: u64,
    /// Requests whose head arrived.
    pub(super) requests: AtomicU64,
    /// How often a request with each value of the tag header arrived.
    pub(super) tags: Mutex<HashMap<String, u32>>,
    /// Silence of connections.
    pub(super) gate: Arc<Gate>,
    /// Number of the last order for the door that was carried out.
    pub(super) obeyed: watch::Sender<u64>,
}

impl Server {
    fn tag(&self, tag: &str) {
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        if tags.len() < TAGS {
            *tags.entry(tag.to_owned()).or_default() += 1;
        }
    }

    fn fault(&self) -> Option<Fault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until cancelled; follows the door.
pub(super) async fn run(
    server: Arc<Server>,
    listener: TcpListener,
    mut orders: watch::Receiver<Order>,
    cancel: CancellationToken,
) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    // A bound socket that does not listen keeps the port for us while connections are refused.
    let mut held: Option<TcpSocket> = None;
    let mut connections = JoinSet::new();
    let mut last = Order::OPEN;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            changed = orders.changed() => {
                if changed.is_err() {
                    return;
                }
                let order = *orders.borrow_and_update();
                if order.kicks != last.kicks {
                    connections.shutdown().await;
                }
                if matches!(order.door, Door::Closed | Door::Away) {
                    listener = None;
                    held = held.or_else(|| bind(address));
                } else if listener.is_none() {
                    listener = held.take().or_else(|| bind(address)).and_then(|socket| socket.listen(BACKLOG).ok());
                }
                last = order;
                server.obeyed.send_replace(order.turn);
            }
            Some(stream) = accept(listener.as_ref()) => {
                let gated = Gated::new(stream, server.gate.clone());
                if last.door != Door::Reset {
                    connections.spawn(serve(server.clone(), gated));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

fn bind(address: SocketAddr) -> Option<TcpSocket> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind(address).ok()?;
    Some(socket)
}

/// The next connection; waits for ever when nobody listens.
async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => {
            let (stream, _) = listener.accept().await.ok()?;
            // Small answers must not wait for an acknowledgement; a socket that is already gone may.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        None => std::future::pending().await,
    }
}

async fn serve(server: Arc<Server>, stream: Gated) {
    let service = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(handle(&server, request).await) }
    });
    // A connection that breaks is the other side's business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(server: &Server, request: hyper::Request<Incoming>) -> Response<AnswerBody> {
    server.requests.fetch_add(1, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    if let Some(tag) = head.headers.get(TAG).and_then(|tag| tag.to_str().ok()) {
        server.tag(tag);
    }
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return render(Answer::error(413, "request body too large or broken off"), false),
    };
    let slow = if let Some(Fault::Slow(ms)) = server.fault() { ms } else { 0 };
    if server.latency_ms + slow > 0 {
        tokio::time::sleep(Duration::from_millis(server.latency_ms + slow)).await;
    }
    let fault = server.fault();
    if let Some(Fault::Errors(status)) = fault {
        return render(Answer::error(status, "the simulated beacon is told to fail"), false);
    }
    let request = Request::new(head, body);
    if request.path() == "/eth/v1/events" && request.is_get() {
        return match routes::topics(&request) {
            Ok(topics) => events(server, topics),
            Err(answer) => render(answer, false),
        };
    }
    let now = server.clock.now();
    let answer = server.world.with(|world| {
        world.advance(server.node, now);
        routes::answer(world, server.node, &request, now)
    });
    let mut response = render(answer, fault == Some(Fault::Truncate));
    let own = now.0.saturating_add_signed(fault.map_or(0, Fault::clock_ms));
    if let Ok(date) = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(own)).parse() {
        response.headers_mut().insert(DATE, date);
    }
    response
}

fn render(answer: Answer, truncate: bool) -> Response<AnswerBody> {
    let length = answer.body.len();
    let mut response = Response::builder()
        .status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(CONTENT_LENGTH, length);
    if let Some(kind) = answer.kind {
        response = response.header(CONTENT_TYPE, kind);
    }
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = if truncate && length > 1 { truncated(answer.body) } else { whole(answer.body) };
    response.body(body).unwrap_or_else(|_| Response::new(whole(Bytes::new())))
}

/// Streams a beacon's events of some topics, with a comment each slot to keep the connection alive.
fn events(server: &Server, topics: Vec<String>) -> Response<AnswerBody> {
    let (sender, receiver) = mpsc::channel(EVENT_QUEUE);
    let (source, every) =
        server.world.with(|world| (world.nodes[server.node].subscribe(), world.config.slot_ms));
    tokio::spawn(pump(source, sender, topics, Duration::from_millis(every.clamp(100, 10_000))));
    Response::builder()
        .header(CONTENT_TYPE, "text/event-stream")
        .header("cache-control", "no-cache")
        .body(stream(receiver))
        .unwrap_or_else(|_| Response::new(whole(Bytes::new())))
}

async fn pump(
    mut source: broadcast::Receiver<Event>,
    sender: mpsc::Sender<Bytes>,
    topics: Vec<String>,
    every: Duration,
) {
    loop {
        let chunk = tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(every) => Bytes::from_static(b":\n\n"),
            event = source.recv() => match event {
                Ok(event) if topics.iter().any(|topic| topic == event.topic) => {
                    Bytes::from(format!("event: {}\ndata: {}\n\n", event.topic, event.data))
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            },
        };
        // A reader that does not read is dropped, as real beacons do.
        if sender.try_send(chunk).is_err() {
            return;
        }
    }
}
