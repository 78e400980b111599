//! Where a host's clock is asked after: each witness by name, its answer as text that a record can keep.
//!
//! Owns the asking of this machine; what is said is judged elsewhere. To add a witness, add its word to [`DAEMONS`] and
//! its arm to `ask`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::chrony::{self, ChronyError, Door};
use super::reading::Reading;
use super::steps::Glance;
use super::{ntpd_rs, timesyncd};
use crate::host::sys;

/// Time daemons that can be asked: each answers with a [`Reading`].
pub const DAEMONS: &[&str] = &["chrony", "ntpd-rs", "timesyncd"];
/// The kernel: answers with a [`KernelClock`](super::KernelClock).
pub const KERNEL: &str = "kernel";
/// Both clocks of this moment: a [`Glance`].
pub const GLANCE: &str = "glance";

/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a witness is waited for altogether.
const LONGEST: Duration = Duration::from_secs(3);
/// chronyd's command port unless configured.
const CHRONY_PORT: u16 = 323;
/// chronyd's command socket unless configured.
const CHRONY_SOCKET: &str = "/run/chrony/chronyd.sock";
/// The system bus.
const BUS: &str = "/run/dbus/system_bus_socket";

/// What a witness says of this machine's clock, as JSON on one line.
///
/// # Errors
/// `NotFound`: it is not on this machine. `PermissionDenied`: it is, and this user may not ask it. Others: it does not
/// answer as it should.
pub fn ask(witness: &str) -> io::Result<String> {
    match witness {
        KERNEL => text(&sys::kernel_clock()?),
        GLANCE => text(&glance()),
        "chrony" => wait(chrony()),
        "ntpd-rs" => wait(ntpd_rs::read(Path::new(ntpd_rs::SOCKET))),
        "timesyncd" => wait(timesyncd()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn text(said: &impl Serialize) -> io::Result<String> {
    serde_json::to_string(said).map_err(io::Error::other)
}

/// Checks read at once and may do so from within a task: a thread of its own waits for the answer.
fn wait(asked: impl Future<Output = io::Result<Reading>> + Send) -> io::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = async { tokio::time::timeout(LONGEST, asked).await };
    let waited = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(answer)).join());
    match waited {
        Ok(Ok(reading)) => text(&reading?),
        Ok(Err(_)) => Err(io::Error::other(format!("no answer within {} s", LONGEST.as_secs()))),
        Err(_) => Err(io::Error::other("asking it failed")),
    }
}

async fn chrony() -> io::Result<Reading> {
    let mut denied = false;
    let mut failure = None;
    for door in [
        Door::Udp(SocketAddr::from((Ipv4Addr::LOCALHOST, CHRONY_PORT))),
        Door::Udp(SocketAddr::from((Ipv6Addr::LOCALHOST, CHRONY_PORT))),
        Door::Unix(CHRONY_SOCKET.into()),
    ] {
        match chrony::ask(&door, PATIENCE).await {
            Ok(report) => return Ok(report.reading(wall_us())),
            Err(ChronyError::Unreachable { source, .. }) => {
                denied |= source.kind() == io::ErrorKind::PermissionDenied;
            }
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) => Err(io::Error::other(error)),
        None if denied => Err(io::ErrorKind::PermissionDenied.into()),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

async fn timesyncd() -> io::Result<Reading> {
    if !Path::new(BUS).exists() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let bus = zbus::Connection::system().await.map_err(io::Error::other)?;
    let message = timesyncd::read(&bus).await.map_err(io::Error::other)?;
    let message = message.ok_or(io::ErrorKind::NotFound)?;
    Ok(message.reading(wall_us().max(0).unsigned_abs()))
}

/// Microseconds since the Unix epoch.
fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Both clocks at once. The monotonic one is told since boot, as the kernel counts it: two processes' glances compare.
fn glance() -> Glance {
    let before = Instant::now();
    let at = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let wall_us = wall_us();
    let took = before.elapsed();
    let before_us = at.tv_sec.unsigned_abs() * 1_000_000 + at.tv_nsec.unsigned_abs() / 1_000;
    Glance { before_us, wall_us, after_us: before_us + took.as_micros() as u64 + 1 }
}
