//! Asking chronyd: one small datagram a question, over UDP on loopback or its unix socket, each with its patience.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::{UdpSocket, UnixDatagram};
use tokio::time::{Instant, timeout_at};

use super::report::Report;
use super::wire::{Answer, LONGEST, Question, Source, SourceStats, WireError, decode};

/// References asked for at most.
const SOURCES: u32 = 64;
/// How often a question is asked before there is no answer.
const ATTEMPTS: u32 = 2;
/// Datagrams that answer nothing, before one gives up on a socket.
const STRAYS: u32 = 16;

/// Where chronyd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// `cmdport`, 323 unless configured; loopback only, for any user.
    Udp(SocketAddr),
    /// `bindcmdaddress`, `/run/chrony/chronyd.sock` unless configured; root and chronyd's own user only.
    Unix(PathBuf),
}

impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Udp(address) => write!(f, "udp {address}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why chronyd gave no report.
#[derive(Debug, thiserror::Error)]
pub enum ChronyError {
    /// It cannot be asked.
    #[error("cannot ask chronyd at {door}; is it running, with its command port open?")]
    Unreachable {
        /// Where.
        door: Door,
        /// Why.
        source: io::Error,
    },
    /// It does not answer.
    #[error("chronyd at {door} did not answer within {} ms", patience.as_millis())]
    Silent {
        /// Where.
        door: Door,
        /// How long it was waited for, each time.
        patience: Duration,
    },
    /// It answered otherwise than its protocol says.
    #[error("chronyd at {door} gave no usable answer")]
    Answer {
        /// Where.
        door: Door,
        /// Why.
        source: WireError,
    },
}

/// Asks for everything a [`Report`] holds; each question waits `patience`, twice at most.
pub async fn ask(door: &Door, patience: Duration) -> Result<Report, ChronyError> {
    let line = Line::open(door, patience).await?;
    let tracking = line.ask(Question::Tracking, Answer::tracking).await?;
    let count = line.ask(Question::SourceCount, Answer::count).await?.min(SOURCES);
    let mut sources = Vec::with_capacity(count as usize);
    for place in 0..count {
        match line.pair(place).await {
            Ok(pair) => sources.push(pair),
            // One may have been taken away since they were counted.
            Err(ChronyError::Answer { source: WireError::Declined(_), .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(Report { tracking, sources })
}

enum Socket {
    Udp(UdpSocket),
    Unix { socket: UnixDatagram, _own: OwnPath },
}

/// The file of our own end of a unix socket; gone when dropped.
struct OwnPath(PathBuf);

impl Drop for OwnPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Line<'a> {
    door: &'a Door,
    socket: Socket,
    patience: Duration,
}

impl<'a> Line<'a> {
    async fn open(door: &'a Door, patience: Duration) -> Result<Line<'a>, ChronyError> {
        let socket = match door {
            Door::Udp(address) => udp(*address).await,
            Door::Unix(path) => unix(path),
        };
        let socket = socket.map_err(|source| ChronyError::Unreachable { door: door.clone(), source })?;
        Ok(Line { door, socket, patience })
    }

    async fn pair(&self, place: u32) -> Result<(Source, SourceStats), ChronyError> {
        let source = self.ask(Question::Source(place), Answer::source).await?;
        Ok((source, self.ask(Question::SourceStats(place), Answer::stats).await?))
    }

    /// An answer of the kind that `of` takes.
    async fn ask<T>(&self, question: Question, of: fn(Answer) -> Option<T>) -> Result<T, ChronyError> {
        of(self.answer(question).await?).ok_or_else(|| self.wrong(WireError::Stray))
    }

    fn wrong(&self, source: WireError) -> ChronyError {
        ChronyError::Answer { door: self.door.clone(), source }
    }

    async fn answer(&self, question: Question) -> Result<Answer, ChronyError> {
        for _ in 0..ATTEMPTS {
            let sequence = sequence();
            self.send(&question.encode(sequence)).await.map_err(|source| self.unreachable(source))?;
            let until = Instant::now() + self.patience;
            for _ in 0..STRAYS {
                let mut buffer = [0; LONGEST];
                let Ok(received) = timeout_at(until, self.receive(&mut buffer)).await else { break };
                let length = received.map_err(|source| self.unreachable(source))?;
                match decode(question, sequence, buffer.get(..length).unwrap_or_default()) {
                    Ok(answer) => return Ok(answer),
                    Err(WireError::Stray) => {}
                    Err(error) => return Err(self.wrong(error)),
                }
            }
        }
        Err(ChronyError::Silent { door: self.door.clone(), patience: self.patience })
    }

    fn unreachable(&self, source: io::Error) -> ChronyError {
        ChronyError::Unreachable { door: self.door.clone(), source }
    }

    async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match &self.socket {
            Socket::Udp(socket) => socket.send(bytes).await.map(drop),
            Socket::Unix { socket, .. } => socket.send(bytes).await.map(drop),
        }
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.socket {
            Socket::Udp(socket) => socket.recv(buffer).await,
            Socket::Unix { socket, .. } => socket.recv(buffer).await,
        }
    }
}

async fn udp(address: SocketAddr) -> io::Result<Socket> {
    let own: SocketAddr = if address.is_ipv4() {
        ([127, 0, 0, 1], 0).into()
    } else {
        (std::net::Ipv6Addr::LOCALHOST, 0).into()
    };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(address).await?;
    Ok(Socket::Udp(socket))
}

/// chronyd answers to the file our own end is bound to, so it must be one its user may write to.
fn unix(path: &Path) -> io::Result<Socket> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("beacondeck.{}.{}.sock", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let own = path.with_file_name(name);
    let socket = UnixDatagram::bind(&own)?;
    let own = OwnPath(own);
    std::fs::set_permissions(&own.0, std::fs::Permissions::from_mode(0o666))?;
    socket.connect(path)?;
    Ok(Socket::Unix { socket, _own: own })
}

/// Not to be guessed by another program on this host. Without randomness, one after the other.
fn sequence() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    getrandom::u32().unwrap_or_else(|_| NEXT.fetch_add(1, Ordering::Relaxed))
}
