//! The doors: accept, recognise, and close in order. Who is let in is the gate's business (`gate`, `front`), how much one
//! client may take that of `limit`, what a connection does that of `connection`.
//!
//! A door outlives fleet files: each request looks up the router that is current when it comes, so that a kept-alive
//! connection crosses a reload, and each connection the rules that are current when it is made.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::StatusCode;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::connection;
use super::front::NotMet;
use super::gate::Gate;
use super::guest::{Caller, Guest};
use super::limit::Who;
use super::{DoorGauge, Router, answer};
use crate::model::{self, ClientFrom, ClientId, Limits};
use crate::tls::TlsError;

/// How long to wait before accepting again when the process is out of descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// Time to write a refusal to one who was met by TLS.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {}", hint(.source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error("cannot speak TLS on {address}; see `beacondeck check`")]
    Tls {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: TlsError,
    },
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
    pub fn find(&self, ip: IpAddr, door: SocketAddr) -> ClientId {
        let found = self.0.iter().position(|client| match client.from {
            ClientFrom::Net(net) => net.contains(&ip),
            ClientFrom::Listen(address) => address == door,
        });
        ClientId(found.map_or(0, |place| place as u16 + 1))
    }

    /// Whose limits hold for it.
    fn who(&self, ip: IpAddr, door: SocketAddr) -> Who {
        let named = usize::from(self.find(ip, door).0).checked_sub(1).and_then(|place| self.0.get(place));
        named.map_or(Who::Source(ip), |client| Who::Named(client.name.clone()))
    }
}

/// The two ways a door ends; both accept no more.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Connections end when they are idle, the others with the answer in flight.
    pub close: CancellationToken,
    /// Each connection may be used once more and is told so with the answer: somebody else serves this address, and a
    /// request sent at the moment an idle connection closes would be lost (HTTP/2 has GOAWAY for it).
    pub retire: CancellationToken,
}

impl Ends {
    /// Ends of one door, which ends with all others, too.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { close: self.close.child_token(), retire: self.retire.child_token() }
    }

    /// Either of them.
    pub async fn any(&self) {
        tokio::select! {
            () = self.close.cancelled() => {}
            () = self.retire.cancelled() => {}
        }
    }
}

/// One bound door.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    configured: SocketAddr,
}

impl Listener {
    /// Binds a door; nobody is let in yet.
    pub async fn bind(configured: SocketAddr) -> Result<Self, ListenError> {
        let error = |source| ListenError::Bind { address: configured, source };
        let socket = TcpListener::bind(configured).await.map_err(error)?;
        Ok(Self { socket, configured })
    }

    /// A door that is bound already, at the address the fleet file names so.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub fn adopt(socket: std::net::TcpListener, configured: SocketAddr) -> Result<Self, ListenError> {
        let error = |source| ListenError::Bind { address: configured, source };
        socket.set_nonblocking(true).map_err(error)?;
        let socket = TcpListener::from_std(socket).map_err(error)?;
        Ok(Self { socket, configured })
    }

    /// The address bound, port included.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Lets clients in until it ends; connections are tracked by `tracker`.
    pub async fn serve(
        self,
        router: Arc<ArcSwap<Router>>,
        gate: Arc<Gate>,
        ends: Ends,
        tracker: TaskTracker,
    ) {
        tracker.spawn(gate.clone().watch(ends.clone()));
        loop {
            let accepted = tokio::select! {
                () = ends.any() => return,
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
            let current = router.load_full();
            if let Some((status, why)) = refusal(&gate, &current, ip) {
                current.gauge.refused.fetch_add(1, Relaxed);
                gate.say(ip, &why);
                // One who begins a TLS handshake cannot read it, and a handshake is no courtesy for strangers.
                if gate.front().is_none() {
                    turn_away(stream, status, &why);
                }
                continue;
            }
            let caller = Caller { ip, door: self.configured };
            let share = current.gauge.crowd.share(current.clients.who(ip, self.configured));
            let guest = Guest { caller, gate: gate.clone(), share };
            // Counted here: many may be accepted before the first of their tasks runs.
            let open = Open::new(current.gauge.clone());
            tracker.spawn(welcome(open, stream, guest, router.clone(), ends.clone()));
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Why this source is not let in now; none if it is.
fn refusal(gate: &Gate, router: &Router, ip: IpAddr) -> Option<(StatusCode, String)> {
    if !gate.allows(ip) {
        let why = format!("{ip} may not connect here; add it to allow: of this address in the fleet file");
        return Some((StatusCode::FORBIDDEN, why));
    }
    let most = router.limits.connections;
    (router.gauge.connections.load(Relaxed) >= most).then(|| {
        let why = format!("all {most} connections are in use; raise limits: connections: in the fleet file");
        (StatusCode::SERVICE_UNAVAILABLE, why)
    })
}

/// Says why and hangs up. A fresh socket takes so few bytes at once or never; nobody waits for it.
fn turn_away(stream: TcpStream, status: StatusCode, why: &str) {
    let Ok(mut stream) = stream.into_std() else { return };
    let _ = stream.write(&answer::raw(status, why));
    let _ = stream.shutdown(Shutdown::Write);
    // What is unread when a socket closes makes it a reset, and the words are lost to some.
    let _ = stream.read(&mut [0; 8_192]);
}

/// Counts a connection as open while it lives.
struct Open(Arc<DoorGauge>);

impl Open {
    fn new(gauge: Arc<DoorGauge>) -> Self {
        gauge.connections.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

/// Finds a place for a connection and meets its client as the door wants it.
async fn welcome(open: Open, stream: TcpStream, guest: Guest, router: Arc<ArcSwap<Router>>, ends: Ends) {
    let gauge = &open.0;
    let _ = stream.set_nodelay(true);
    let Limits { connections_per_client: most, head_time, .. } = router.load().limits;
    // Whoever was accepted is served, even if the door ends at this moment: the client has asked by now.
    let place = guest.share.enter(most).await;
    let refusal = place.is_none().then(|| {
        gauge.refused.fetch_add(1, Relaxed);
        let why = format!(
            "this client has {most} connections already; raise limits: connections-per-client: in the fleet file, or let \
             it keep connections alive"
        );
        guest.gate.say(guest.caller.ip, &why);
        why
    });
    let Some(front) = guest.gate.front() else {
        match refusal {
            Some(why) => turn_away(stream, StatusCode::SERVICE_UNAVAILABLE, &why),
            None => connection(router, stream, guest, ends).await,
        }
        return;
    };
    let met = tokio::select! {
        biased;
        met = front.meet(stream, head_time) => met,
        () = ends.close.cancelled() => return,
    };
    match (met, refusal) {
        (Ok(stream), None) => Box::pin(connection(router, stream, guest, ends)).await,
        (Ok(stream), Some(why)) => farewell(stream, &why).await,
        (Err(NotMet::Plain(stream)), _) => {
            gauge.refused.fetch_add(1, Relaxed);
            let why = "this door speaks TLS: write https:// in the client's URL of the router";
            guest.gate.say(guest.caller.ip, "it does not speak TLS at a door that wants it");
            turn_away(stream, StatusCode::BAD_REQUEST, why);
        }
        (Err(NotMet::Failed(why)), _) => {
            gauge.refused.fetch_add(1, Relaxed);
            guest.gate.say(guest.caller.ip, &why);
        }
    }
}

/// Says to one who was met by TLS that there is no place. Over HTTP/2 it is not said: hanging up must do.
async fn farewell(mut stream: TlsStream<TcpStream>, why: &str) {
    let said = async {
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            stream.write_all(&answer::raw(StatusCode::SERVICE_UNAVAILABLE, why)).await?;
        }
        stream.shutdown().await
    };
    // Whether it was heard changes nothing.
    let _ = tokio::time::timeout(FAREWELL, said).await;
}
