//! `serve`: the routing layer, headless.

use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, Global};
use crate::config::Loaded;
use crate::engine::{Engine, EngineError, House};
use crate::telemetry;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Routes until SIGTERM or SIGINT, then lets what is in flight finish; SIGHUP reads the fleet file again.
pub fn run(_args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let loaded = global.load()?;
    let logs = telemetry::start(&loaded.fleet.logging)?;
    for warning in &loaded.warnings {
        tracing::warn!(line = warning.line, path = warning.path, hint = warning.hint, "{}", warning.message);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(&loaded));
    runtime.shutdown_background();
    if logs.lost() > 0 {
        tracing::warn!(lines = logs.lost(), "log lines were lost");
    }
    ended.map(|()| ExitCode::SUCCESS)
}

async fn serve(loaded: &Loaded) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let mut hang_up = signal(SignalKind::hangup()).context("SIGHUP cannot be handled")?;
    let mut engine = Engine::serve(loaded).await.map_err(unavailable)?;
    let reloading = reload_at(&mut hang_up, engine.house());
    let died = tokio::select! {
        () = reloading => None,
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        died = engine.watch() => Some(died),
    };
    tracing::info!("stopping: no new requests, those in flight finish");
    engine.stop().await;
    tracing::info!("stopped");
    died.map_or(Ok(()), |died| Err(died.into()))
}

/// Reads the fleet file again at each SIGHUP; what becomes of it is in the log and in the status.
async fn reload_at(hang_up: &mut Signal, house: House) {
    while hang_up.recv().await.is_some() {
        drop(house.reload().await);
    }
}

/// What an operator must change outside of the fleet file is exit 69.
fn unavailable(error: EngineError) -> anyhow::Error {
    let is_config = matches!(&error, EngineError::Store(error) if error.is_config());
    let words = format!("{:#}", anyhow::Error::from(error));
    if is_config { Failure::Config(words) } else { Failure::Unavailable(words) }.into()
}
