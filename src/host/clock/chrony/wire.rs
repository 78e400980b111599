//! The datagrams: questions as bytes, bytes as answers. Pure.
//!
//! Integers are big-endian. A request is answered only if it is at least as long as the answer would be, so that chronyd
//! amplifies nobody's traffic; all are padded to [`REQUEST`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Length of every request: no answer is longer. Bytes.
pub const REQUEST: usize = 416;
/// Answers longer than this are none of chronyd's. Bytes.
pub const LONGEST: usize = 1_024;

const VERSION: u8 = 6;
const IS_REQUEST: u8 = 1;
const IS_REPLY: u8 = 2;
/// Header of a request, before its body.
const REQUEST_HEAD: usize = 20;
/// Header of a reply, before its data.
const REPLY_HEAD: usize = 28;
/// High half of seconds when the sender knows only the low one.
const NO_HIGH_SECONDS: u32 = 0x7fff_ffff;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// How the clock stands.
    Tracking,
    /// How many references are configured.
    SourceCount,
    /// The reference at this place.
    Source(u32),
    /// What was measured of the reference at this place.
    SourceStats(u32),
}

impl Question {
    fn command(self) -> u16 {
        match self {
            Self::SourceCount => 14,
            Self::Source(_) => 15,
            Self::Tracking => 33,
            Self::SourceStats(_) => 34,
        }
    }

    fn place(self) -> u32 {
        match self {
            Self::Source(place) | Self::SourceStats(place) => place,
            Self::Tracking | Self::SourceCount => 0,
        }
    }

    /// As bytes; `sequence` comes back in the answer.
    pub fn encode(self, sequence: u32) -> [u8; REQUEST] {
        let mut bytes = [0; REQUEST];
        bytes[0] = VERSION;
        bytes[1] = IS_REQUEST;
        bytes[4..6].copy_from_slice(&self.command().to_be_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_be_bytes());
        bytes[REQUEST_HEAD..REQUEST_HEAD + 4].copy_from_slice(&self.place().to_be_bytes());
        bytes
    }
}

/// Why bytes are no answer to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Too short for what it says it is.
    #[error("chronyd's answer of {0} bytes is cut short")]
    Short(usize),
    /// No answer, or to another question.
    #[error("a datagram came that answers no question asked of chronyd")]
    Stray,
    /// Another version of the protocol.
    #[error("chronyd speaks version {0} of its command protocol, not 6")]
    Version(u8),
    /// It declined.
    #[error("chronyd declined with status {0}{hint}", hint = if *.0 == 2 { " (not authorised)" } else { "" })]
    Declined(u16),
    /// It answered with data of another kind.
    #[error("chronyd answered with data of kind {0}, which was not asked for")]
    Kind(u16),
}

/// Whether a leap second is near, or the clock follows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leap {
    /// Neither.
    Normal,
    /// The last minute of the day has a second more.
    Insert,
    /// Or one less.
    Delete,
    /// The clock is not synchronised.
    Unsynchronised,
}

/// Answer to [`Question::Tracking`].
#[derive(Debug, Clone, PartialEq)]
pub struct Tracking {
    /// Stratum of this host.
    pub stratum: u16,
    /// Leap status.
    pub leap: Leap,
    /// Wall clock at the last update, microseconds since the Unix epoch.
    pub reference_us: i64,
    /// What is yet to be added to the host's clock, seconds: positive if the host is *behind*.
    pub correction: f64,
    /// Error of the oscillator that is being corrected, parts per million.
    pub frequency_ppm: f64,
    /// Bound of the error of that, parts per million.
    pub skew_ppm: f64,
    /// Round trip to the primary reference, seconds.
    pub root_delay: f64,
    /// Dispersion gathered on the way from it, seconds.
    pub root_dispersion: f64,
    /// Between the last two updates, seconds.
    pub update_interval: f64,
}

/// What chronyd thinks of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// The clock follows it, alone or with those [`Self::Combined`].
    Selected,
    /// Not reached, or nothing measured yet.
    Unusable,
    /// Contradicted by the others.
    FalseTicker,
    /// Spreads too much.
    Jittery,
    /// Used together with the selected one.
    Combined,
    /// Usable, not used.
    Selectable,
}

/// Answer to [`Question::Source`].
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its address; none of a reference clock.
    pub address: Option<IpAddr>,
    /// It is asked every 2 to this power seconds.
    pub poll: i16,
    /// What chronyd thinks of it.
    pub state: SourceState,
    /// The last eight polls, one bit each: answered.
    pub reach: u16,
}

/// Answer to [`Question::SourceStats`].
#[derive(Debug, Clone, PartialEq)]
pub struct SourceStats {
    /// Measurements kept.
    pub samples: u32,
    /// Their standard deviation, seconds.
    pub deviation: f64,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To [`Question::Tracking`].
    Tracking(Tracking),
    /// To [`Question::SourceCount`].
    SourceCount(u32),
    /// To [`Question::Source`].
    Source(Source),
    /// To [`Question::SourceStats`].
    SourceStats(SourceStats),
}

impl Answer {
    /// The answer, if it is to [`Question::Tracking`].
    pub fn tracking(self) -> Option<Tracking> {
        if let Self::Tracking(tracking) = self { Some(tracking) } else { None }
    }

    /// The answer, if it is to [`Question::SourceCount`].
    pub fn count(self) -> Option<u32> {
        if let Self::SourceCount(count) = self { Some(count) } else { None }
    }

    /// The answer, if it is to [`Question::Source`].
    pub fn source(self) -> Option<Source> {
        if let Self::Source(source) = self { Some(source) } else { None }
    }

    /// The answer, if it is to [`Question::SourceStats`].
    pub fn stats(self) -> Option<SourceStats> {
        if let Self::SourceStats(stats) = self { Some(stats) } else { None }
    }
}

/// Reads bytes as the answer to `question` sent with `sequence`.
pub fn decode(question: Question, sequence: u32, bytes: &[u8]) -> Result<Answer, WireError> {
    let mut head = Fields { bytes, whole: bytes.len() };
    let (version, packet) = (head.byte()?, head.byte()?);
    head.skip(2)?;
    let (command, kind, status) = (head.u16()?, head.u16()?, head.u16()?);
    head.skip(6)?;
    let theirs = head.u32()?;
    if packet != IS_REPLY || theirs != sequence {
        return Err(WireError::Stray);
    }
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    if command != question.command() {
        return Err(WireError::Stray);
    }
    if status != 0 {
        return Err(WireError::Declined(status));
    }
    let mut data = Fields { bytes: bytes.get(REPLY_HEAD..).unwrap_or_default(), whole: bytes.len() };
    match (question, kind) {
        (Question::SourceCount, 2) => Ok(Answer::SourceCount(data.u32()?)),
        (Question::Source(_), 3) => data.source().map(Answer::Source),
        (Question::Tracking, 5) => data.tracking().map(Answer::Tracking),
        (Question::SourceStats(_), 6) => data.stats().map(Answer::SourceStats),
        _ => Err(WireError::Kind(kind)),
    }
}

/// What is left of a datagram.
struct Fields<'a> {
    bytes: &'a [u8],
    /// Length of the whole, for the error.
    whole: usize,
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(WireError::Short(self.whole))?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), WireError> {
        self.bytes = self.bytes.get(bytes..).ok_or(WireError::Short(self.whole))?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, WireError> {
        self.take().map(|[byte]: [u8; 1]| byte)
    }

    fn u16(&mut self) -> Result<u16, WireError> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, WireError> {
        self.take().map(u32::from_be_bytes)
    }

    /// 7 bits of signed exponent, 25 bits of signed coefficient.
    fn float(&mut self) -> Result<f64, WireError> {
        let raw = self.u32()?.cast_signed();
        let (exponent, coefficient) = (raw >> 25, (raw << 7) >> 7);
        Ok(f64::from(coefficient) * f64::from(exponent - 25).exp2())
    }

    fn address(&mut self) -> Result<Option<IpAddr>, WireError> {
        let raw: [u8; 16] = self.take()?;
        let family = self.u16()?;
        self.skip(2)?;
        Ok(match family {
            1 => Some(Ipv4Addr::new(raw[0], raw[1], raw[2], raw[3]).into()),
            2 => Some(Ipv6Addr::from(raw).into()),
            _ => None,
        })
    }

    /// Microseconds since the Unix epoch.
    fn moment(&mut self) -> Result<i64, WireError> {
        let (high, low, nanos) = (self.u32()?, self.u32()?, self.u32()?);
        let high = if high == NO_HIGH_SECONDS { 0 } else { high };
        let seconds = (u64::from(high) << 32 | u64::from(low)).cast_signed();
        Ok(seconds.saturating_mul(1_000_000).saturating_add(i64::from(nanos / 1_000)))
    }

    fn tracking(&mut self) -> Result<Tracking, WireError> {
        self.skip(4)?; // reference id
        self.address()?;
        let stratum = self.u16()?;
        let leap = match self.u16()? {
            0 => Leap::Normal,
            1 => Leap::Insert,
            2 => Leap::Delete,
            _ => Leap::Unsynchronised,
        };
        let reference_us = self.moment()?;
        let correction = self.float()?;
        self.skip(8)?; // last and root mean square offset: small while a large correction is pending
        let frequency_ppm = self.float()?;
        self.skip(4)?; // residual frequency
        let (skew_ppm, root_delay, root_dispersion) = (self.float()?, self.float()?, self.float()?);
        let update_interval = self.float()?;
        Ok(Tracking {
            stratum,
            leap,
            reference_us,
            correction,
            frequency_ppm,
            skew_ppm,
            root_delay,
            root_dispersion,
            update_interval,
        })
    }

    fn source(&mut self) -> Result<Source, WireError> {
        let address = self.address()?;
        let poll = self.u16()?.cast_signed();
        self.skip(2)?; // its stratum
        let state = match self.u16()? {
            0 => SourceState::Selected,
            2 => SourceState::FalseTicker,
            3 => SourceState::Jittery,
            4 => SourceState::Combined,
            5 => SourceState::Selectable,
            _ => SourceState::Unusable,
        };
        self.skip(4)?; // mode, flags
        let reach = self.u16()?;
        Ok(Source { address, poll, state, reach })
    }

    fn stats(&mut self) -> Result<SourceStats, WireError> {
        self.skip(4)?; // reference id
        self.address()?;
        let samples = self.u32()?;
        self.skip(8)?; // runs, span
        Ok(SourceStats { samples, deviation: self.float()? })
    }
}
