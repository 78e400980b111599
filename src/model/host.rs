//! Hosts as everyone is shown them: what was found on each, and where its clock lies.

use serde::{Deserialize, Serialize};

use super::{AgentStatus, BeaconName, HostLevel, HostRemedy, UnixMs};

/// A machine beacons run on, or the one that runs this program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostStatus {
    /// The beacons' label `host`, else the beacon's own name; of this machine without beacons its host name.
    pub name: String,
    /// The beacons that run there.
    pub beacons: Vec<BeaconName>,
    /// When it was looked at; none: nobody looks at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<UnixMs>,
    /// What was found, worst first; what is ok or does not apply is counted only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<HostFinding>,
    /// Every part of the machine that was looked at, and the worst of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<(String, HostLevel)>,
    /// Where its clock lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<HostClock>,
    /// Its agent; none: the fleet file names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentStatus>,
    /// Remedies that were begun there, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<HostRemedy>,
    /// What came and went since serve looks, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<HostChange>,
}

/// A finding that came, changed or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostChange {
    /// When it was seen.
    pub at: UnixMs,
    /// The check.
    pub check: String,
    /// How bad it was.
    pub was: HostLevel,
    /// How bad it is since; ok: it went.
    pub is: HostLevel,
    /// What it is since; of what went, what it was.
    pub actual: String,
}

/// A cost in milliseconds, on a usual bad slot and on the worst, as a person reads it: `10 to 500 ms`, `0 ms to 10 min`.
pub fn cost_words((usual_ms, worst_ms): (u32, u32)) -> String {
    match worst_ms {
        0..60_000 => format!("{usual_ms} to {worst_ms} ms"),
        _ => format!("{usual_ms} ms to {} min", worst_ms / 60_000),
    }
}

/// What a check of a host found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostFinding {
    /// The check: `time.offset`.
    pub check: String,
    /// How bad.
    pub level: HostLevel,
    /// What it is.
    pub actual: String,
    /// What it should be.
    pub expected: String,
    /// Why it matters.
    pub why: String,
    /// What it can cost before an attestation is due, on a usual bad slot and on the worst, in milliseconds.
    pub cost_ms: (u32, u32),
    /// The command that helps now.
    pub remedy: String,
    /// What makes it last.
    pub persistent: String,
    /// What takes it back.
    pub revert: String,
    /// What the remedy does to the running machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub risk: String,
    /// Whether a value written is all of the remedy: it can be ordered.
    #[serde(default)]
    pub writes: bool,
    /// Since when it is as bad; none: it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixMs>,
}

/// Where a host's clock lies, host less true time: within an interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostClock {
    /// From here, in milliseconds.
    pub low_ms: f64,
    /// To here, in milliseconds.
    pub high_ms: f64,
    /// Who says so: `chrony`, or `Date of its answers`.
    pub by: String,
    /// Whether it is estimated from HTTP answers: against the fleet's majority, not against true time.
    pub estimate: bool,
    /// How bad.
    pub level: HostLevel,
    /// How it was measured, as far as that is told.
    #[serde(default)]
    pub measured: ClockMeasured,
}

/// How a clock's offset was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ClockMeasured {
    /// When it was last, by the clock of who tells this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<UnixMs>,
    /// How many servers lie between the host and a clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stratum: Option<u8>,
    /// Spread of the measurements, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// References that answer, and those of them that the others contradict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<(u16, u16)>,
    /// Jumps that were seen, oldest first: when, and by how many milliseconds; none: nobody looks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<(UnixMs, f64)>>,
}

impl HostStatus {
    /// The worst of it; ok where nothing is known.
    pub fn level(&self) -> HostLevel {
        let clock = self.clock.iter().map(|clock| clock.level);
        self.findings.iter().map(|finding| finding.level).chain(clock).max().unwrap_or(HostLevel::Ok)
    }
}

impl HostLevel {
    /// The word people are shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Advice => "advice",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}
