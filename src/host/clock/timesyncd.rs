//! systemd-timesyncd, by its property on the system bus (org.freedesktop.timesync1(5)).
//!
//! Owns the reading and what it means. It never starts timesyncd: a bus starts whom one asks for, so it is asked first
//! whether anyone is there.

use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::{Connection, OwnedVariant, Proxy};

use super::interval::Interval;
use super::reading::{Reading, Sources, Standing, Witness};

const NAME: &str = "org.freedesktop.timesync1";
const PATH: &str = "/org/freedesktop/timesync1";
const MANAGER: &str = "org.freedesktop.timesync1.Manager";
/// Polls missed before its server is lost.
const INTERVALS: u64 = 8;
/// An oscillator that nobody corrects may drift by this, parts per million (RFC 5905, PHI).
const DRIFT_PPM: u64 = 15;

/// The property `NTPMessage`, and how often it polls. Times are in microseconds, moments since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Leap status: 3 is not synchronised.
    pub leap: u32,
    /// Stratum of its server.
    pub stratum: u32,
    /// Round trip from the server to its reference.
    pub root_delay: u64,
    /// Dispersion of the server.
    pub root_dispersion: u64,
    /// When the question was sent, by this host.
    pub sent: u64,
    /// When it came, by the server.
    pub came: u64,
    /// When the answer left, by the server.
    pub left: u64,
    /// When it was received, by this host.
    pub received: u64,
    /// Whether timesyncd took it for a spike and did not follow it.
    pub spike: bool,
    /// Answers received so far.
    pub packets: u64,
    /// Spread of its measurements.
    pub jitter: u64,
    /// Between two questions.
    pub poll: u64,
}

impl Message {
    /// In the words all sources share. `now_us` is this host's wall clock, microseconds since the Unix epoch.
    ///
    /// What was measured is being corrected since: the clock is somewhere between as far off as it was, and right.
    pub fn reading(&self, now_us: u64) -> Reading {
        let age = now_us.saturating_sub(self.received);
        let standing = if self.packets == 0 || self.leap == 3 || !(1..16).contains(&self.stratum) {
            Standing::Unsynchronised
        } else if age > self.poll.saturating_mul(INTERVALS) {
            Standing::FreeRunning
        } else {
            Standing::Synchronised
        };
        let seen = standing != Standing::Unsynchronised;
        Reading {
            witness: Witness::Timesyncd,
            offset: if seen { Some(self.offset(age)) } else { None },
            standing,
            age_ms: seen.then_some(age / 1_000),
            // The message is the server's: this host stands one further away.
            stratum: u8::try_from(self.stratum.saturating_add(1)).ok().filter(|_| seen),
            jitter_us: seen.then_some(self.jitter),
            sources: Some(Sources {
                reachable: u16::from(standing == Standing::Synchronised),
                false_tickers: 0,
            }),
            frequency_ppm: None,
        }
    }

    fn offset(&self, age: u64) -> Interval {
        let ahead = |ours: u64, theirs: u64| i128::from(ours) - i128::from(theirs);
        let ahead = i128::midpoint(ahead(self.sent, self.came), ahead(self.received, self.left));
        let ahead = i64::try_from(ahead).unwrap_or(i64::MAX);
        let inside = self.left.saturating_sub(self.came);
        let delay = self.received.saturating_sub(self.sent).saturating_sub(inside);
        let half = (delay / 2).saturating_add(self.root_delay / 2).saturating_add(self.root_dispersion);
        let drift = age.saturating_mul(DRIFT_PPM) / 1_000_000;
        let measured = Interval::around(ahead, half);
        let between = Interval::new(measured.low().min(0), measured.high().max(0)).unwrap_or(measured);
        // A spike was not followed, so nothing is being corrected.
        let now = if self.spike { measured } else { between };
        now.widened(drift.saturating_add(1))
    }
}

/// Fields of the property in their order.
type Raw = (u32, u32, u32, u32, i32, u64, u64, Vec<u8>, u64, u64, u64, u64, bool, u64, u64);

/// Reads the property; nothing if timesyncd is not on this bus.
///
/// # Errors
/// The bus, or timesyncd on it, does not answer as it should.
pub async fn read(bus: &Connection) -> zbus::Result<Option<Message>> {
    let there = DBusProxy::new(bus).await?.name_has_owner(BusName::try_from(NAME)?).await?;
    if !there {
        return Ok(None);
    }
    let manager = Proxy::new(bus, NAME, PATH, MANAGER).await?;
    let raw: Raw = manager.get_property::<OwnedVariant>("NTPMessage").await?.try_into()?;
    let poll = manager.get_property("PollIntervalUSec").await?;
    let (leap, _version, _mode, stratum, _precision, root_delay, root_dispersion, _reference, ..) = raw;
    let (.., sent, came, left, received, spike, packets, jitter) = raw;
    Ok(Some(Message {
        leap,
        stratum,
        root_delay,
        root_dispersion,
        sent,
        came,
        left,
        received,
        spike,
        packets,
        jitter,
        poll,
    }))
}
