//! The doors: accept, recognise, serve, and close in order.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::{Body, Frame, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::body::Answer;
use super::door::{Peer, handle};
use super::guarded::{Guarded, Patience, Phase};
use super::{Router, answer};
use crate::model::{self, ClientFrom, ClientId, Limits};

/// How long to wait before accepting again when the process is out of descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 1_024;
/// hyper's smallest head buffer.
const HEAD_FLOOR: usize = 8_192;

/// Why a door cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", hint(.source))]
pub struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

fn hint(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another process holds this address; stop it or choose another under listen:"
        }
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address; see `ip address`",
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE",
        _ => "the system refused",
    }
}

/// How connections are recognised as clients.
#[derive(Debug, Clone, Default)]
pub struct Clients(Vec<model::Client>);

impl Clients {
    /// The clients of a fleet file, in order of matching.
    pub fn new(clients: Vec<model::Client>) -> Self {
        Self(clients)
    }

    /// Who this connection is; 0 if nobody by name.
    fn find(&self, ip: IpAddr, door: SocketAddr) -> ClientId {
        let found = self.0.iter().position(|client| match client.from {
            ClientFrom::Net(net) => net.contains(&ip),
            ClientFrom::Listen(address) => address == door,
        });
        ClientId(found.map_or(0, |place| place as u16 + 1))
    }
}

/// One bound door.
pub struct Listener {
    socket: TcpListener,
    configured: SocketAddr,
    allow: Vec<IpNet>,
}

impl Listener {
    /// Binds a door; nobody is let in yet.
    pub async fn bind(listen: &model::Listen) -> Result<Self, ListenError> {
        let error = |source| ListenError { address: listen.address, source };
        let socket = TcpListener::bind(listen.address).await.map_err(error)?;
        Ok(Self { socket, configured: listen.address, allow: listen.allow.clone() })
    }

    /// The address bound, port included.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Lets clients in until `cancel`; connections are tracked by `tracker` and end after their request in flight.
    pub async fn serve(
        self,
        router: Arc<Router>,
        clients: Arc<Clients>,
        cancel: CancellationToken,
        tracker: TaskTracker,
    ) {
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => return,
                accepted = self.socket.accept() => accepted,
            };
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                    continue;
                }
            };
            let ip = from.ip().to_canonical();
            if let Some((status, why)) = self.refusal(&router, ip) {
                router.gauge.refused.fetch_add(1, Relaxed);
                tracing::debug!(%ip, why, "connection refused");
                turn_away(stream, status, &why);
                continue;
            }
            let peer = Peer { client: clients.find(ip, self.configured), ip };
            // Counted here: many may be accepted before the first of their tasks runs.
            let open = Open::new(router.clone());
            tracker.spawn(connection(open, stream, peer, cancel.clone()));
        }
    }

    /// Why this source is not let in now; none if it is.
    fn refusal(&self, router: &Router, ip: IpAddr) -> Option<(StatusCode, String)> {
        if !self.allow.is_empty() && !self.allow.iter().any(|net| net.contains(&ip)) {
            let why =
                format!("{ip} may not connect here; add it to allow: of this address in the fleet file");
            return Some((StatusCode::FORBIDDEN, why));
        }
        let most = router.limits.connections;
        (router.gauge.connections.load(Relaxed) >= most).then(|| {
            let why =
                format!("all {most} connections are in use; raise limits: connections: in the fleet file");
            (StatusCode::SERVICE_UNAVAILABLE, why)
        })
    }
}

/// Says why and hangs up. A fresh socket takes so few bytes at once or never; nobody waits for it.
fn turn_away(stream: TcpStream, status: StatusCode, why: &str) {
    let Ok(mut stream) = stream.into_std() else { return };
    let _ = stream.write(&answer::raw(status, why));
    let _ = stream.shutdown(Shutdown::Write);
    // What is unread when a socket closes makes it a reset, and the words are lost to some.
    let _ = stream.read(&mut [0; 8_192]);
}

/// An answer's body; its connection is busy until it is sent or given up.
struct Busy {
    body: Answer,
    phase: Arc<Phase>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.phase.end();
    }
}

impl Body for Busy {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counts a connection as open while it lives.
struct Open(Arc<Router>);

impl Open {
    fn new(router: Arc<Router>) -> Self {
        router.gauge.connections.fetch_add(1, Relaxed);
        Self(router)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.gauge.connections.fetch_sub(1, Relaxed);
    }
}

async fn connection(open: Open, stream: TcpStream, peer: Peer, cancel: CancellationToken) {
    let router = open.0.clone();
    let _ = stream.set_nodelay(true);
    let phase = Arc::new(Phase::default());
    let Limits { head_time, idle, body_time, .. } = router.limits;
    let patience = Patience { head: head_time, idle, take: body_time };
    let guarded = Guarded::new(stream, phase.clone(), patience);
    let head = router.limits.head.max(HEAD_FLOOR);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(head).max_headers(256);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(60)));
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        phase.begin(request.version() == Version::HTTP_2);
        let (router, phase) = (router.clone(), phase.clone());
        async move {
            let answering = AssertUnwindSafe(handle(router.clone(), peer, request)).catch_unwind();
            let response = answering.await.unwrap_or_else(|_| {
                router.gauge.panics.fetch_add(1, Relaxed);
                answer::error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the router failed on this request; see its log",
                )
            });
            Ok::<_, std::convert::Infallible>(response.map(|body| Busy { body, phase }))
        }
    });
    let serving = builder.serve_connection(TokioIo::new(guarded), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = cancel.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(ip = %peer.ip, %error, "connection ended");
    }
}
