//! A unit of this machine's systemd, restarted over D-Bus (org.freedesktop.systemd1(5)).
//!
//! The signal `JobRemoved` is subscribed to before `RestartUnit` is called, or the end of a short job would be missed.

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use zbus::{Connection, OwnedObjectPath, Proxy, fdo};

use super::program::ProgramError;

const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// Restarts a unit, or starts it if it is not running, and waits for the job's end; `cancel` cancels the job.
pub async fn restart(unit: &str, cancel: &CancellationToken) -> Result<String, ProgramError> {
    let bus = Connection::system().await.map_err(|error| {
        ProgramError::Bus(format!(
            "the system bus cannot be reached ({error}); is this machine run by systemd?"
        ))
    })?;
    let manager = Proxy::new(&bus, NAME, PATH, MANAGER).await.map_err(|error| refused(unit, &error))?;
    manager.call_method("Subscribe", &()).await.map_err(|error| refused(unit, &error))?;
    let mut removed = manager.receive_signal("JobRemoved").await.map_err(|error| refused(unit, &error))?;
    let job: OwnedObjectPath =
        manager.call("RestartUnit", &(unit, "replace")).await.map_err(|error| refused(unit, &error))?;
    loop {
        let signal = tokio::select! {
            signal = removed.next() => signal,
            () = cancel.cancelled() => {
                let id: Option<u32> = job.rsplit('/').next().and_then(|id| id.parse().ok());
                // A job that has just ended cannot be cancelled; that it is aborted stands.
                if let Some(id) = id {
                    let _ = manager.call_method("CancelJob", &(id,)).await;
                }
                return Err(ProgramError::Aborted);
            }
        };
        let Some(signal) = signal else {
            return Err(ProgramError::Bus("the system bus hung up before the job ended".to_owned()));
        };
        let body = signal.body();
        let read: Result<(u32, OwnedObjectPath, String, String), _> = body.deserialize();
        let Ok((_, path, _, result)) = read else { continue };
        if path == job {
            return match result.as_str() {
                "done" => Ok(format!("{unit} is restarted")),
                _ => Err(ProgramError::Job { unit: unit.to_owned(), result }),
            };
        }
    }
}

fn refused(unit: &str, error: &zbus::Error) -> ProgramError {
    let words = match error {
        zbus::Error::MethodError(name, text, _) => match name.as_str().rsplit('.').next() {
            Some("NoSuchUnit") => format!("there is no unit {unit}"),
            _ => text.clone().unwrap_or_else(|| name.to_string()),
        },
        // Without a polkit the one, with it the other.
        zbus::Error::FDO(error)
            if matches!(
                **error,
                fdo::Error::AccessDenied(_) | fdo::Error::InteractiveAuthorizationRequired(_)
            ) =>
        {
            format!(
                "it may not restart {unit}; `beacondeck print unit polkit` (for an agent `print unit agent`) prints the polkit rule \
                 that allows it"
            )
        }
        other => other.to_string(),
    };
    ProgramError::Bus(words)
}
