//! An agent's door: who is let in, how many, how fast. Refusals are logged, a bounded number of lines of them.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::identity::{Identity, key_of};
use super::pin::{self, Stranger};
use super::rate::{Bucket, Hush};
use super::session::{self, House};
use crate::model::AgentKey;

/// Time for the handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes under way at once.
pub const HANDSHAKES: usize = 16;
/// Connections of one router at once.
pub const CONNECTIONS: usize = 8;
/// Connections that are accepted at once, and a second after that.
const ACCEPTS: (u32, u32) = (40, 20);
/// Lines about refusals of one kind in a minute.
const LINES: u32 = 10;
/// Kinds of refusals, apart from those of [`Door::admits`].
const ACCEPT: &str = "accept";
const HANDSHAKE_FAILED: &str = "handshake";
const STRANGER: &str = "stranger";
const SEATS: &str = "seats";
const SESSION: &str = "session";
/// An accept that failed is tried again after so long: file descriptors may be short.
const AGAIN: Duration = Duration::from_millis(200);

/// Why an agent cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// A bound door.
pub struct Server {
    listener: TcpListener,
    door: Arc<Door>,
}

/// What every connection passes.
struct Door {
    acceptor: TlsAcceptor,
    allow: Vec<IpNet>,
    house: House,
    handshakes: Arc<Semaphore>,
    inside: Mutex<BTreeMap<AgentKey, usize>>,
    hush: Mutex<BTreeMap<&'static str, Hush>>,
}

impl Server {
    /// Binds; `allow` are the networks that may connect, all if there is none.
    ///
    /// # Errors
    /// The address cannot be had, or TLS cannot be set up.
    pub async fn bind(
        address: SocketAddr,
        allow: Vec<IpNet>,
        identity: &Identity,
        house: House,
    ) -> Result<Self, ServeError> {
        let config = pin::server(identity, house.paired.clone())?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| ServeError::Bind { address, source })?;
        let door = Door {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            allow,
            house,
            handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
            inside: Mutex::default(),
            hush: Mutex::default(),
        };
        Ok(Self { listener, door: Arc::new(door) })
    }

    /// Where it listens, port included.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Lets routers in until `cancel`.
    pub async fn run(self, tracker: &TaskTracker, cancel: &CancellationToken) {
        let mut accepts = Bucket::new(ACCEPTS.0, ACCEPTS.1, Instant::now());
        loop {
            let (stream, peer) = tokio::select! {
                () = cancel.cancelled() => return,
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        self.door.say(ACCEPT, &"?", &format_args!("no connection can be accepted: {error}"));
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                },
            };
            let permit = match self.door.admits(peer.ip(), &mut accepts) {
                Ok(permit) => permit,
                Err(why) => {
                    self.door.say(why, &peer, &why);
                    continue;
                }
            };
            let (door, ends) = (self.door.clone(), cancel.clone());
            tracker.spawn(async move {
                tokio::select! {
                    () = ends.cancelled() => {}
                    () = door.serve(stream, peer, permit) => {}
                }
            });
        }
    }
}

impl Door {
    /// Before a byte is read.
    fn admits(&self, from: IpAddr, accepts: &mut Bucket) -> Result<OwnedSemaphorePermit, &'static str> {
        let from = from.to_canonical();
        if !self.allow.is_empty() && !self.allow.iter().any(|net| net.contains(&from)) {
            return Err("its network is not in `allow`");
        }
        if !accepts.take(Instant::now()) {
            return Err("too many connections a second");
        }
        self.handshakes.clone().try_acquire_owned().map_err(|_| "too many handshakes at once")
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        let mut stream = match timeout(HANDSHAKE, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.refuse_handshake(peer, &error),
            Err(_) => {
                let words = format_args!("no handshake within {} s", HANDSHAKE.as_secs());
                return self.say(HANDSHAKE_FAILED, &peer, &words);
            }
        };
        drop(permit);
        // A handshake without a key, or without our protocol, has failed before.
        let Some(router) = key_shown(&stream) else {
            return self.say(HANDSHAKE_FAILED, &peer, &"it showed no key");
        };
        let Some(_seat) = Seat::take(self, router) else {
            let words = format_args!("router {router} has {CONNECTIONS} connections already");
            return self.say(SEATS, &peer, &words);
        };
        match session::answer(&mut stream, router, &self.house).await {
            Ok(()) => tracing::debug!(%peer, %router, "a router has gone"),
            Err(why) => self.say(SESSION, &peer, &format_args!("router {router}: {why}")),
        }
    }

    fn refuse_handshake(&self, peer: SocketAddr, error: &io::Error) {
        match Stranger::of(error) {
            Some(Stranger(key)) => {
                let hint = format_args!(
                    "its key {key} is not paired; if it is your router's: `beacondeck agent pair {key}`"
                );
                self.say(STRANGER, &peer, &hint);
            }
            None => self.say(HANDSHAKE_FAILED, &peer, &format_args!("the handshake failed: {error}")),
        }
    }

    /// One kind's refusals do not hide another's.
    fn say(&self, kind: &'static str, peer: &dyn std::fmt::Display, why: &dyn std::fmt::Display) {
        let (mut all, now) = (self.hush.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        let hush = all.entry(kind).or_insert_with(|| Hush::new(LINES, Duration::from_secs(60), now));
        if let Some(before) = hush.say(now) {
            tracing::warn!(%peer, %why, unsaid = before, "refused");
        }
    }
}

fn key_shown(stream: &TlsStream<TcpStream>) -> Option<AgentKey> {
    let (_, connection) = stream.get_ref();
    connection.peer_certificates()?.first().map(|shown| key_of(shown))
}

/// A place among a router's connections.
struct Seat<'a> {
    door: &'a Door,
    router: AgentKey,
}

impl<'a> Seat<'a> {
    fn take(door: &'a Door, router: AgentKey) -> Option<Self> {
        let mut inside = door.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = inside.entry(router).or_default();
        if *taken >= CONNECTIONS {
            return None;
        }
        *taken += 1;
        Some(Self { door, router })
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut inside = self.door.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = inside.get_mut(&self.router) {
            *taken -= 1;
        }
        inside.retain(|_, taken| *taken > 0);
    }
}
