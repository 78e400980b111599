//! A line of the daemon's own log, as operators are shown it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::UnixMs;

/// How much a line matters, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Somebody must act.
    Error,
    /// Somebody should know.
    Warn,
    /// What was done.
    Info,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LogLevel::Error => "ERROR",
            LogLevel::Warn => "WARN",
            LogLevel::Info => "INFO",
        })
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// Running number within one process.
    pub id: u64,
    /// When it was written.
    pub at: UnixMs,
    /// How much it matters.
    pub level: LogLevel,
    /// The room that wrote it, e.g. `beacondeck::pool`.
    pub from: String,
    /// The sentence and its fields, without line breaks.
    pub text: String,
}
