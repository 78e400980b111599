//! What the commands that ask a running serve share: the road to it, printing, and how they end.

use std::future::Future;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Failure, Global};
use crate::control::{Answer, Client, ControlError, Request};
use crate::model::{BeaconName, BeaconStatus, FleetStatus, UnixMs};

/// Whoever read our output has gone: a command that prints on and on ends, and nothing was wrong.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads standard output")]
struct Unread;

/// Runs a command that asks the serve of a fleet file; `work` is given its control directory.
pub fn run<W>(global: &Global, work: impl FnOnce(PathBuf) -> W) -> anyhow::Result<ExitCode>
where
    W: Future<Output = anyhow::Result<()>>,
{
    let dir = global.load()?.fleet.control;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(work(dir)) {
        Err(error) if !error.is::<Unread>() => Err(error),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Writes text to standard output as it is and flushes it. Errors: it cannot be written.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Unread.into()),
        written => Ok(written?),
    }
}

/// Writes one value as a line of JSON.
pub fn print_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    print(&(serde_json::to_string(value)? + "\n"))
}

/// One question on a connection of its own. Errors: nobody answers, or the answer is a refusal; both exit 69.
pub async fn ask(dir: &Path, request: Request) -> anyhow::Result<Answer> {
    let asked = async { Client::connect(dir).await?.call(request).await };
    match asked.await.map_err(|error| unavailable(&error))? {
        Answer::Refused { message } => Err(Failure::Unavailable(message).into()),
        answer => Ok(answer),
    }
}

fn unavailable(error: &ControlError) -> Failure {
    // Nobody listening is said in full by its own sentence; elsewhere the cause is news.
    let cause = match error {
        ControlError::NoServe { .. } => None,
        other => std::error::Error::source(other).map(ToString::to_string),
    };
    Failure::Unavailable(cause.map_or(error.to_string(), |cause| format!("{error}: {cause}")))
}

/// The fleet as it is now.
pub async fn status(dir: &Path) -> anyhow::Result<Arc<FleetStatus>> {
    match ask(dir, Request::Status).await? {
        Answer::Status(status) => Ok(status),
        _ => Err(off_topic().into()),
    }
}

/// What is said when serve answers another question.
pub fn off_topic() -> Failure {
    Failure::Unavailable("serve gave an answer of another kind: is it another version of beacondeck?".into())
}

/// The beacon with a name. Errors: there is none, it says which there are; exit 64.
pub fn find<'a>(status: &'a FleetStatus, name: &BeaconName) -> Result<&'a BeaconStatus, Failure> {
    status.beacons.iter().find(|beacon| beacon.name == *name).ok_or_else(|| {
        let known: Vec<&str> = status.beacons.iter().map(|beacon| beacon.name.as_str()).collect();
        let known = known.join(", ");
        Failure::Usage(format!("fleet {} has no beacon {name}; it has {known}", status.fleet))
    })
}

/// The wall clock, to tell an operator how old a snapshot is.
pub fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(since.as_millis() as u64)
}
