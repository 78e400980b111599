//! `serve`: the routing layer, headless.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::sentence;
use super::{Failure, Global};
use crate::config::Loaded;
use crate::engine::{Birth, Engine, EngineError, House, Inherited, Manager, Program};
use crate::telemetry;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write logs to daily files in this directory, whatever the fleet file says
    #[arg(long, value_name = "DIR")]
    log_directory: Option<PathBuf>,
}

/// Routes until SIGTERM or SIGINT, then lets what is in flight finish; SIGHUP reads the fleet file again, and SIGUSR2 hands
/// over to this program as it is on disk now.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    // Before there are threads: it changes the environment.
    let (manager, birth) = (Manager::of_process(), Birth::of_process());
    let inherited = match birth {
        Birth::Serve(inherited) => inherited,
        Birth::Between(step) => {
            step.take().context("the next process cannot be started")?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let farewell = inherited.farewell();
    let routed = route(args, global, manager, inherited);
    if let Err(error) = &routed {
        farewell.say(sentence(error));
    }
    routed
}

fn route(args: Args, global: &Global, manager: Manager, inherited: Inherited) -> anyhow::Result<ExitCode> {
    let loaded = global.load()?;
    let mut logging = loaded.fleet.logging.clone();
    logging.directory = args.log_directory.or(logging.directory);
    let logs = telemetry::start(&logging)?;
    for warning in &loaded.warnings {
        tracing::warn!(line = warning.line, path = warning.path, hint = warning.hint, "{}", warning.message);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(&loaded, manager, inherited));
    runtime.shutdown_background();
    if logs.lost() > 0 {
        tracing::warn!(lines = logs.lost(), "log lines were lost");
    }
    drop(logs);
    let handed_over = ended?;
    // What another process took over does not stop.
    if !handed_over {
        manager.stopping();
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether another process serves instead when it returns.
async fn serve(loaded: &Loaded, manager: Manager, inherited: Inherited) -> anyhow::Result<bool> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let mut hang_up = signal(SignalKind::hangup()).context("SIGHUP cannot be handled")?;
    let mut user = signal(SignalKind::user_defined2()).context("SIGUSR2 cannot be handled")?;
    let mut engine = Engine::serve(loaded, manager, inherited).await.map_err(unavailable)?;
    let reloading = reload_at(&mut hang_up, engine.house());
    let handing_over = hand_over_at(&mut user, engine.house());
    let end = tokio::select! {
        () = reloading => End::Asked,
        () = handing_over => End::HandedOver,
        _ = terminate.recv() => End::Asked,
        _ = interrupt.recv() => End::Asked,
        died = engine.watch() => End::Died(died),
    };
    match end {
        End::HandedOver => {
            tracing::info!("retiring: the next process serves, what is in flight here finishes");
            // Whoever asks for an end now means the next process, too; this one hurries.
            tokio::select! {
                () = engine.retire() => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("retired");
            Ok(true)
        }
        End::Asked => {
            stop(engine).await;
            Ok(false)
        }
        End::Died(died) => {
            stop(engine).await;
            Err(died.into())
        }
    }
}

/// Why this process ends.
enum End {
    Asked,
    HandedOver,
    Died(EngineError),
}

async fn stop(engine: Engine) {
    tracing::info!("stopping: no new requests, those in flight finish");
    engine.stop().await;
    tracing::info!("stopped");
}

/// Returns once another process serves instead of this one: it is started at SIGUSR2, and by order. One that does not come to
/// serve is no reason to end; why is in the log and in the status.
async fn hand_over_at(user: &mut Signal, house: House) {
    let mut asks = house.asks();
    loop {
        let ask = tokio::select! {
            Some(()) = user.recv() => None,
            Some(tell) = asks.recv() => Some(tell),
            else => return std::future::pending().await,
        };
        let outcome = house.hand_over(Program::again()).await;
        let is_over = outcome.is_ok();
        // Whoever asked may have gone.
        let _ = ask.map(|tell| tell.send(outcome.map_err(|error| error.to_string())));
        if is_over {
            return;
        }
    }
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
