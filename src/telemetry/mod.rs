//! Logs: where they go and in which form, and the latest lines for operators who ask.
//!
//! Owns the one subscriber of the process. Lines pass a bounded queue to a thread of their own, so that no request waits
//! for a disk or a pipe; what does not fit is dropped and counted. Never decides what is logged.

mod lines;

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::LazyLock;

use thiserror::Error;
use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Dispatch, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::model::{LogFormat, Logging};

pub use lines::Lines;

/// Lines waiting to be written.
const QUEUE: usize = 16_384;

/// There is one log in a process, so there is one tail of it.
static LINES: LazyLock<Lines> = LazyLock::new(Lines::default);

/// The latest lines of this process's log; empty until logs have started.
pub fn lines() -> Lines {
    LINES.clone()
}

/// Why logs cannot start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("cannot read the log filter `{filter}`")]
    Filter {
        /// The filter.
        filter: String,
        /// Why.
        source: ParseError,
    },
    /// The directory of log files cannot be used.
    #[error("cannot open a log file in {directory}")]
    Open {
        /// The directory.
        directory: String,
        /// Why.
        source: InitError,
    },
    /// The directory cannot be made.
    #[error("cannot make the log directory {directory}")]
    Directory {
        /// Which.
        directory: String,
        /// Why.
        source: io::Error,
    },
    /// A subscriber was there before.
    #[error("logs were started twice in this process")]
    Install(#[source] SetGlobalDefaultError),
}

/// Keeps logs running; writes what is queued when dropped.
#[derive(Debug)]
pub struct Guard {
    lost: ErrorCounter,
    _worker: WorkerGuard,
}

impl Guard {
    /// Lines dropped since the start because the queue was full.
    pub fn lost(&self) -> usize {
        self.lost.dropped_lines()
    }
}

/// Starts logs for the whole process.
///
/// # Errors
/// The filter is not one, the directory cannot be used, or logs run already.
pub fn start(logging: &Logging) -> Result<Guard, TelemetryError> {
    let (dispatch, guard) = build(logging)?;
    tracing::dispatcher::set_global_default(dispatch).map_err(TelemetryError::Install)?;
    Ok(guard)
}

fn build(logging: &Logging) -> Result<(Dispatch, Guard), TelemetryError> {
    let filter = EnvFilter::builder()
        .parse(&logging.filter)
        .map_err(|source| TelemetryError::Filter { filter: logging.filter.clone(), source })?;
    let (writer, worker) = match &logging.directory {
        Some(directory) => queue(files(directory, logging.keep)?),
        None => queue(io::stderr()),
    };
    let colour = logging.directory.is_none() && io::stderr().is_terminal();
    let guard = Guard { lost: writer.error_counter(), _worker: worker };
    Ok((Dispatch::from(subscriber(filter, writer, logging.format, colour)), guard))
}

fn files(directory: &Path, keep: usize) -> Result<RollingFileAppender, TelemetryError> {
    // Said as an error of ours, not as a line of the appender's on standard error.
    std::fs::create_dir_all(directory)
        .map_err(|source| TelemetryError::Directory { directory: directory.display().to_string(), source })?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("beacondeck")
        .filename_suffix("log")
        .max_log_files(keep)
        .build(directory)
        .map_err(|source| TelemetryError::Open { directory: directory.display().to_string(), source })
}

fn queue(writer: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().buffered_lines_limit(QUEUE).thread_name("logs").finish(writer)
}

fn subscriber(
    filter: EnvFilter,
    writer: NonBlocking,
    format: LogFormat,
    colour: bool,
) -> Box<dyn Subscriber + Send + Sync> {
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colour);
    match format {
        LogFormat::Text => Box::new(base.finish().with(lines())),
        LogFormat::Json => Box::new(base.json().flatten_event(true).finish().with(lines())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn logging(directory: &Path, format: LogFormat) -> Logging {
        Logging { filter: "info".into(), format, directory: Some(directory.to_owned()), keep: 2 }
    }

    fn written(directory: &Path) -> String {
        let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
        files.map(|file| fs::read_to_string(file).unwrap()).collect()
    }

    #[test]
    fn a_dropped_guard_has_written_every_line_that_passes_the_filter() {
        let directory = tempfile::tempdir().unwrap();
        let (dispatch, guard) = build(&logging(directory.path(), LogFormat::Json)).unwrap();
        tracing::dispatcher::with_default(&dispatch, || {
            for number in 0..1000 {
                tracing::info!(number, "line");
                tracing::debug!("unseen");
            }
        });
        assert_eq!(guard.lost(), 0);
        drop(guard);
        let text = written(directory.path());
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1000);
        assert_eq!((&lines[999]["number"], &lines[999]["message"]), (&999.into(), &"line".into()));
    }

    #[test]
    fn what_is_written_can_be_asked_for_and_what_the_filter_stops_cannot() {
        let directory = tempfile::tempdir().unwrap();
        let quiet = Logging { filter: "warn".into(), ..logging(directory.path(), LogFormat::Text) };
        let (dispatch, _guard) = build(&quiet).unwrap();
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::warn!("the tail has this line of its test");
            tracing::info!("the tail lacks this line of its test");
        });
        let (recent, _) = lines().tail(usize::MAX);
        let seen = |text: &str| recent.iter().any(|line| line.text.contains(text));
        assert!(seen("has this line of its test"));
        assert!(!seen("lacks this line of its test"));
    }

    #[test]
    fn text_has_no_escape_sequences_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let (dispatch, guard) = build(&logging(directory.path(), LogFormat::Text)).unwrap();
        tracing::dispatcher::with_default(&dispatch, || tracing::warn!(beacon = "lh-1", "late"));
        drop(guard);
        let text = written(directory.path());
        assert!(text.contains("WARN") && text.contains("late") && text.contains("lh-1"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn older_files_go() {
        let directory = tempfile::tempdir().unwrap();
        for day in 1..6 {
            fs::write(directory.path().join(format!("beacondeck.2020-01-0{day}.log")), "old").unwrap();
        }
        let (_dispatch, _guard) = build(&logging(directory.path(), LogFormat::Text)).unwrap();
        assert!(fs::read_dir(directory.path()).unwrap().count() <= 2);
    }

    #[test]
    fn what_cannot_start_says_why() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let inside = logging(&file.path().join("logs"), LogFormat::Text);
        assert!(matches!(build(&inside), Err(TelemetryError::Directory { .. })));
        let filter = Logging { filter: "info,a=b=c".into(), ..inside };
        assert!(matches!(build(&filter), Err(TelemetryError::Filter { .. })));
    }
}
