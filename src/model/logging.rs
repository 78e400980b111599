//! How the program logs.

use std::path::PathBuf;

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// A `tracing` filter; default `info`.
    pub filter: String,
    /// Form of a line.
    pub format: LogFormat,
    /// Directory of daily files; none: standard error.
    pub directory: Option<PathBuf>,
    /// Files kept; default 14.
    pub keep: usize,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
