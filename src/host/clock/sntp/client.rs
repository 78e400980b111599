//! Asking a time server a few times, and keeping the exchange that tells most.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout_at};

use super::packet::{Sample, SntpError, Stamp, decode, encode};

/// Longest packet looked at: 48 bytes and extensions. Bytes.
const LONGEST: usize = 1_024;
/// Packets that answer nothing, before one gives up on an exchange.
const STRAYS: u32 = 16;
/// Most exchanges of one measurement, whatever is asked for.
const MOST: u32 = 8;

/// How often a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Exchanges; eight at most are made.
    pub exchanges: u32,
    /// Between two of them.
    pub apart: Duration,
    /// How long an answer is waited for.
    pub patience: Duration,
}

impl Default for Pace {
    /// Four, a second apart: the first after a pause is the worst.
    fn default() -> Self {
        Self { exchanges: 4, apart: Duration::from_secs(1), patience: Duration::from_secs(1) }
    }
}

/// The exchange with the narrowest bounds of those that succeeded; why the last failed, if none did. A server that declines
/// is not asked again.
pub async fn measure(server: SocketAddr, pace: Pace) -> Result<Sample, SntpError> {
    let (mut best, mut failure) = (None::<Sample>, SntpError::Silent(pace.patience));
    for turn in 0..pace.exchanges.clamp(1, MOST) {
        if turn > 0 {
            sleep(pace.apart).await;
        }
        match exchange(server, pace.patience).await {
            Ok(sample) if best.is_none_or(|best| sample.offset.half() < best.offset.half()) => {
                best = Some(sample);
            }
            Ok(_) => {}
            Err(declined @ SntpError::Kiss(_)) => return Err(declined),
            Err(error) => failure = error,
        }
    }
    best.ok_or(failure)
}

async fn exchange(server: SocketAddr, patience: Duration) -> Result<Sample, SntpError> {
    let lost = |error: std::io::Error| SntpError::Unreachable(error.to_string());
    let own: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(own).await.map_err(lost)?;
    socket.connect(server).await.map_err(lost)?;
    let cookie = getrandom::u64().map_err(|error| SntpError::Unreachable(error.to_string()))?;
    let question = encode(cookie);
    let (sent, began) = (wall()?, Instant::now());
    socket.send(&question).await.map_err(lost)?;
    for _ in 0..STRAYS {
        let mut buffer = [0; LONGEST];
        let Ok(received) = timeout_at(began + patience, socket.recv(&mut buffer)).await else { break };
        // The monotonic clock tells how long it took: a wall clock that is set meanwhile does not.
        let took = began.elapsed();
        let length = received.map_err(lost)?;
        let bytes = buffer.get(..length).unwrap_or_default();
        let (sent, received) = (Stamp::since_1970(sent), Stamp::since_1970(sent + took));
        match decode(cookie, sent, received, bytes) {
            Err(SntpError::Stray) => {}
            answer => return answer,
        }
    }
    Err(SntpError::Silent(patience))
}

fn wall() -> Result<Duration, SntpError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_err(|_| SntpError::Unreachable("the clock of this host stands before 1970".to_owned()))
}
