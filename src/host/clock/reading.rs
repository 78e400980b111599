//! What one source says of a clock, in the words all sources share.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::interval::Interval;

/// Who says something about a host's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// chronyd, by its command protocol.
    Chrony,
    /// ntpd-rs, by its observation socket.
    NtpdRs,
    /// systemd-timesyncd, by D-Bus.
    Timesyncd,
    /// Time servers asked by ourselves.
    Sntp,
}

impl Witness {
    /// As a person writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chrony => "chrony",
            Self::NtpdRs => "ntpd-rs",
            Self::Timesyncd => "timesyncd",
            Self::Sntp => "SNTP",
        }
    }

    /// Whether it disciplines the clock, rather than only measuring it.
    pub fn disciplines(self) -> bool {
        self != Self::Sntp
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a source still follows its references.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It follows them.
    Synchronised,
    /// It did, and has lost them; what it says grows worse with age.
    FreeRunning,
    /// It never did, or says itself that it does not.
    Unsynchronised,
}

/// What one source says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reading {
    /// Who.
    pub witness: Witness,
    /// Where the host's clock less true time lies, widened by age; nothing if it cannot say.
    pub offset: Option<Interval>,
    /// Whether it follows its references.
    pub standing: Standing,
    /// Milliseconds since its last measurement.
    pub age_ms: Option<u64>,
    /// How many servers lie between the host and a clock; nothing if it does not tell or does not know.
    pub stratum: Option<u8>,
    /// Spread of its measurements, microseconds.
    pub jitter_us: Option<u64>,
    /// References it reaches, and those of them it found to be wrong.
    pub sources: Option<Sources>,
    /// Frequency error of the oscillator it corrects, parts per million.
    pub frequency_ppm: Option<i64>,
}

/// References of a time daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sources {
    /// That answer.
    pub reachable: u16,
    /// That answer and are contradicted by the others.
    pub false_tickers: u16,
}
