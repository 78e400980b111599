//! `beacondeck hand-over`: the next serve, without a client's noticing.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Failure, Global, ask};
use crate::control::{Access, Client, ControlError, Order, Welcome};

/// Time between two looks while waiting.
const LOOK: Duration = Duration::from_millis(250);
/// How the status says that nothing was handed over.
const FAILED: &str = "serve was not handed over";

/// Arguments of `hand-over`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Wait until the next process serves, at most so many seconds (120); exit 69 if it does not by then
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "120",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait: Option<u64>,
}

/// Runs the command.
#[expect(clippy::needless_pass_by_value, reason = "all commands have one shape")]
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    ask::run(global, async move |dir| {
        let before = who(&dir).await.map_err(|error| ask::failure(&error))?;
        let message = ask::order(&dir, Order::HandOver).await?;
        ask::print(&(message + "\n"))?;
        match args.wait {
            Some(seconds) => ask::print(&next(&dir, before.pid, seconds).await?),
            None => Ok(()),
        }
    })
}

/// Who serves.
async fn who(dir: &Path) -> Result<Welcome, ControlError> {
    Ok(Client::connect(dir, Access::Observe, "hand-over").await?.welcome().clone())
}

/// Waits for another process than `before`; says which it is.
async fn next(dir: &Path, before: u32, seconds: u64) -> anyhow::Result<String> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match who(dir).await {
            Ok(welcome) if welcome.pid != before => {
                let Welcome { pid, beacondeck, .. } = welcome;
                return Ok(format!("process {pid} serves, beacondeck {beacondeck}\n"));
            }
            Ok(_) => {
                // It may let go of its sockets at any moment.
                let status = ask::status(dir).await.ok();
                let alerts = status.iter().flat_map(|status| &status.alerts);
                if let Some(alert) = alerts.into_iter().find(|alert| alert.starts_with(FAILED)) {
                    return Err(Failure::Unavailable(alert.clone()).into());
                }
            }
            Err(error) if error.passes() => {}
            Err(error) => return Err(ask::failure(&error).into()),
        }
        if Instant::now() >= end {
            let sentence =
                format!("gave up after {seconds} s: process {before} serves still; the order stands");
            return Err(Failure::Unavailable(sentence).into());
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_nobody_serves_that_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(who(dir.path()).await, Err(ControlError::NoServe { .. })));
        let gave_up = next(dir.path(), 7, 1).await.unwrap_err().to_string();
        assert!(
            gave_up.contains("gave up after 1 s") || gave_up.contains("no serve is running"),
            "{gave_up}"
        );
    }
}
