//! What the commands that ask a running serve share: the road to it, printing, and how they end.

use std::future::Future;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep};

use super::{Failure, Global};
use crate::control::{Access, Answer, Client, ControlError, Order, Request};
use crate::model::{BeaconName, BeaconStatus, FleetStatus, UnixMs};

/// How long an order whose answer was lost is given again: a restart of serve takes less.
const RESTART: Duration = Duration::from_secs(30);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(250);
/// What this program calls itself where nobody watches.
const PROGRAM: &str = "command";

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

/// One question on a connection of its own. Errors: nobody answers, or the answer is a refusal.
pub async fn ask(dir: &Path, request: Request) -> anyhow::Result<Answer> {
    let asked = async { Client::connect(dir, Access::Observe, PROGRAM).await?.call(request).await };
    answered(asked.await.map_err(|error| failure(&error))?)
}

/// Gives an order and returns the sentence of its success. When the connection breaks before the answer, the order is
/// given again under the same id, so that it is carried out once.
pub async fn order(dir: &Path, what: Order) -> anyhow::Result<String> {
    let request = Request::order(what);
    let mut until = None;
    loop {
        let error = match Client::connect(dir, Access::Control, PROGRAM).await {
            Ok(mut client) => match client.call(request.clone()).await {
                Ok(answer) => {
                    return match answered(answer)? {
                        Answer::Done { message } => Ok(message),
                        _ => Err(off_topic().into()),
                    };
                }
                Err(error) => {
                    until.get_or_insert_with(|| Instant::now() + RESTART);
                    error
                }
            },
            Err(error) => error,
        };
        if !error.passes() || until.is_none_or(|until| Instant::now() > until) {
            return Err(failure(&error).into());
        }
        sleep(PAUSE).await;
    }
}

fn answered(answer: Answer) -> anyhow::Result<Answer> {
    match answer {
        Answer::Refused { message } | Answer::Failed { message } => Err(Failure::Unavailable(message).into()),
        answer => Ok(answer),
    }
}

/// The failure of a command that could not ask: one sentence.
pub fn failure(error: &ControlError) -> Failure {
    match error {
        ControlError::Forbidden { .. } => Failure::Forbidden(error.to_string()),
        // Nobody listening is said in full by its own sentence; elsewhere the cause is news.
        ControlError::NoServe { .. } => Failure::Unavailable(error.to_string()),
        other => Failure::Unavailable(words(other)),
    }
}

/// The sentence of an error with its cause.
pub fn words(error: &ControlError) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or(error.to_string(), |cause| format!("{error}: {cause}"))
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
    failure(&ControlError::OffTopic)
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
