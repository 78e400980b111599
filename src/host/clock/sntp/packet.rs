//! One question and its answer: the 48 bytes of RFC 5905 (section 7.3), and the offset they tell. Pure.

use std::time::Duration;

use thiserror::Error;

use crate::host::clock::interval::Interval;
use crate::host::clock::reading::{Reading, Standing, Witness};

/// Length of a packet without extensions. Bytes.
pub const PACKET: usize = 48;
/// No leap warning, version 4, client.
const QUESTION: u8 = 0b00_100_011;
const SERVER: u8 = 4;
const UNSYNCHRONISED: u8 = 3;
/// Further from its reference than this a server is of no use (RFC 5905, `MAXDIST`). Microseconds.
const FURTHEST_US: u64 = 1_500_000;
/// A server may seem to take this much longer than the whole exchange: two clocks tick differently. Microseconds.
const TICKS_US: i64 = 1_000;
/// From 1900 to 1970, seconds.
const TO_UNIX: u64 = 2_208_988_800;

/// Why an answer tells no time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SntpError {
    /// Too short.
    #[error("the answer has {0} bytes, {PACKET} are the least")]
    Short(usize),
    /// Not an answer to this question.
    #[error("a packet came that answers no question asked")]
    Stray,
    /// It tells us to go away, with its reason (RFC 5905, section 7.4).
    #[error("the server declines with `{0}`: ask it less, or another one")]
    Kiss(String),
    /// It has no time itself.
    #[error("the server is not synchronised itself")]
    Unsynchronised,
    /// What it says cannot be.
    #[error("the server's answer makes no sense: {0}")]
    Absurd(&'static str),
    /// Too uncertain.
    #[error("the server is {} ms from its reference, too far to be of use", .0 / 1_000)]
    Distant(u64),
    /// No answer.
    #[error("no answer within {} ms; is UDP port 123 open to it?", .0.as_millis())]
    Silent(Duration),
    /// No way there.
    #[error("it cannot be asked: {0}")]
    Unreachable(String),
}

/// What one exchange told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Host less true time.
    pub offset: Interval,
    /// Round trip, microseconds.
    pub delay_us: u64,
    /// How many servers lie between it and a clock.
    pub stratum: u8,
}

impl Sample {
    /// In the words all sources share.
    pub fn reading(&self) -> Reading {
        Reading {
            witness: Witness::Sntp,
            offset: Some(self.offset),
            standing: Standing::Synchronised,
            age_ms: Some(0),
            stratum: self.stratum.checked_add(1),
            jitter_us: None,
            sources: None,
            frequency_ppm: None,
        }
    }
}

/// A moment of a wall clock as NTP writes it: seconds since 1900 and their 2^32 parts, around every 136 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(u64);

impl Stamp {
    /// Of a time since 1970.
    pub fn since_1970(time: Duration) -> Self {
        let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
        Self(time.as_secs().wrapping_add(TO_UNIX) << 32 | fraction)
    }

    /// Microseconds from `other` to this; right as long as they are less than 68 years apart, whatever the era.
    fn since(self, other: Self) -> i64 {
        let parts = i128::from(self.0.wrapping_sub(other.0).cast_signed());
        ((parts * 1_000_000) >> 32) as i64
    }
}

/// The question. `cookie` stands where a client may write its own time; it comes back, and is not to be guessed.
pub fn encode(cookie: u64) -> [u8; PACKET] {
    let mut bytes = [0; PACKET];
    bytes[0] = QUESTION;
    bytes[40..].copy_from_slice(&cookie.to_be_bytes());
    bytes
}

/// Reads the answer to the question with this `cookie`, which was sent and answered at these moments of the host's clock.
pub fn decode(cookie: u64, sent: Stamp, received: Stamp, bytes: &[u8]) -> Result<Sample, SntpError> {
    let packet: &[u8; PACKET] = bytes.first_chunk().ok_or(SntpError::Short(bytes.len()))?;
    let long = |at: usize| packet[at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let short_us = |at: usize| {
        let parts = packet[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        (u64::from(parts) * 1_000_000).div_ceil(1 << 16)
    };
    let (leap, mode, stratum) = (packet[0] >> 6, packet[0] & 0b111, packet[1]);
    if mode != SERVER || long(24) != cookie {
        return Err(SntpError::Stray);
    }
    if stratum == 0 {
        let code = packet[12..16].iter().filter(|byte| byte.is_ascii_graphic());
        return Err(SntpError::Kiss(code.map(|byte| char::from(*byte)).collect()));
    }
    if leap == UNSYNCHRONISED || stratum > 15 {
        return Err(SntpError::Unsynchronised);
    }
    let (there, back) = (Stamp(long(32)), Stamp(long(40)));
    if long(32) == 0 || long(40) == 0 {
        return Err(SntpError::Absurd("it names no time"));
    }
    let (round, inside) = (received.since(sent), back.since(there));
    if inside < 0 {
        return Err(SntpError::Absurd("it answered before it was asked"));
    }
    let delay = round.saturating_sub(inside);
    if round < 0 || delay < -TICKS_US {
        return Err(SntpError::Absurd("it took longer than the whole exchange"));
    }
    let distance = (short_us(4) / 2).saturating_add(short_us(8));
    if distance > FURTHEST_US {
        return Err(SntpError::Distant(distance));
    }
    let delay_us = delay.max(0).unsigned_abs();
    let ahead = i64::midpoint(sent.since(there), received.since(back));
    // What a tick is worth, for what was rounded on the way.
    let half = delay_us.div_ceil(2) + distance + 2;
    Ok(Sample { offset: Interval::around(ahead, half), delay_us, stratum })
}
