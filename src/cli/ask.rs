//! What the commands that ask a running serve share: the road to it, printing, and how a command ends.

use std::future::Future;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config;
use crate::control::{Answer, Client, ControlError, Request};
use crate::model::{BeaconName, BeaconStatus, FleetStatus, UnixMs};

/// `EX_USAGE` of sysexits.h: the command line asks for what does not exist.
pub const USAGE: u8 = 64;
/// `EX_UNAVAILABLE`: serve does not run, or does not do it.
pub const UNAVAILABLE: u8 = 69;
/// `EX_CONFIG`: the fleet file cannot be used.
pub const CONFIG: u8 = 78;

/// Why a command ends before its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// With an exit code and a sentence for the operator.
    Exit(u8, String),
    /// Whoever read our output has gone; nothing to say and nobody to say it to.
    Unread,
}

impl Stop {
    /// Exit 69 with a sentence.
    pub fn unavailable(sentence: impl Into<String>) -> Self {
        Self::Exit(UNAVAILABLE, sentence.into())
    }
}

impl From<ControlError> for Stop {
    fn from(error: ControlError) -> Self {
        // Nobody listening is said in full by its own sentence; elsewhere the cause is news.
        let cause = match &error {
            ControlError::NoServe { .. } => None,
            other => std::error::Error::source(other).map(ToString::to_string),
        };
        Self::unavailable(cause.map_or(error.to_string(), |cause| format!("{error}: {cause}")))
    }
}

/// Runs a command that asks serve, and turns its end into an exit code.
pub fn run(work: impl Future<Output = Result<(), Stop>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    finish(runtime.block_on(work))
}

/// Turns the end of a command into an exit code; the sentence goes to standard error.
pub fn finish(end: Result<(), Stop>) -> anyhow::Result<ExitCode> {
    match end {
        Ok(()) | Err(Stop::Unread) => Ok(ExitCode::SUCCESS),
        Err(Stop::Exit(code, sentence)) => {
            writeln!(std::io::stderr(), "beacondeck: {sentence}")?;
            Ok(ExitCode::from(code))
        }
    }
}

/// Writes text to standard output and flushes it.
pub fn print(text: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Stop::Unread),
        Err(error) => Err(Stop::unavailable(format!("standard output cannot be written: {error}"))),
    }
}

/// Writes one value as a line of JSON.
pub fn print_json<T: serde::Serialize>(value: &T) -> Result<(), Stop> {
    let text = serde_json::to_string(value)
        .map_err(|error| Stop::unavailable(format!("the answer has no JSON form: {error}")))?;
    print(&(text + "\n"))
}

/// The control directory of the fleet file in use.
pub fn control_dir(global: &super::Global) -> Result<PathBuf, Stop> {
    let path = config::locate(global.fleet.as_deref());
    match config::load(&path) {
        Ok(loaded) => Ok(loaded.fleet.control),
        Err(error) => Err(Stop::Exit(CONFIG, error.to_string())),
    }
}

/// One question on a connection of its own. Refusals end the command with exit 69.
pub async fn ask(dir: &Path, request: Request) -> Result<Answer, Stop> {
    match Client::connect(dir).await?.call(request).await? {
        Answer::Refused { message } => Err(Stop::unavailable(message)),
        answer => Ok(answer),
    }
}

/// The fleet as it is now.
pub async fn status(dir: &Path) -> Result<Arc<FleetStatus>, Stop> {
    match ask(dir, Request::Status).await? {
        Answer::Status(status) => Ok(status),
        _ => Err(off_topic()),
    }
}

/// What is said when serve answers another question.
pub fn off_topic() -> Stop {
    Stop::unavailable("serve gave an answer of another kind: is it another version of beacondeck?")
}

/// The beacon with a name, or which there are (exit 64).
pub fn find<'a>(status: &'a FleetStatus, name: &BeaconName) -> Result<&'a BeaconStatus, Stop> {
    status.beacons.iter().find(|beacon| beacon.name == *name).ok_or_else(|| {
        let known: Vec<&str> = status.beacons.iter().map(|beacon| beacon.name.as_str()).collect();
        let known = known.join(", ");
        Stop::Exit(USAGE, format!("fleet {} has no beacon {name}; it has {known}", status.fleet))
    })
}

/// The wall clock, to tell an operator how old a snapshot is.
pub fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(since.as_millis() as u64)
}
