//! `console`: the screen. Attaches to the running serve of the fleet file, or routes in this process.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Global, complain};
use crate::config::Loaded;
use crate::console::command::Bandwidth;
use crate::console::event::Routing;
use crate::console::shell::{self, Ended, Setup, ShellError, Terminal, UserFiles};
use crate::console::state::{Options, Seat};
use crate::console::theme::{DEFAULT, Depth};
use crate::control::{Access, ControlError, Reach};
use crate::engine::{Engine, Inherited, Manager, Program, Tell, system_clock};
use crate::model::Logging;
use crate::telemetry;

/// What the console calls itself where it looks whether a serve runs.
const PROGRAM: &str = "console";

/// Open the console
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Look, but give no orders
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    look: Look,
}

/// How things look.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Look {
    /// A theme by name; `beacondeck print theme` lists them
    #[arg(long, env = "BEACONDECK_THEME", value_name = "NAME")]
    theme: Option<String>,
    /// Colours: auto, always, never, 16, 256, true
    #[arg(long, value_name = "DEPTH")]
    color: Option<String>,
    /// Letters of ASCII only; else by the locale
    #[arg(long)]
    ascii: bool,
}

/// Reads the environment.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Look {
    /// The options of a console of this look, of a fleet that may have a theme of its own.
    ///
    /// # Errors
    /// There is no such depth of colour, or no such theme.
    pub fn options(&self, fleet: &str, own: Option<&str>, seat: Seat) -> anyhow::Result<Options> {
        let mut files = UserFiles::read(UserFiles::directory(&env).as_deref());
        let color = self.color.as_deref().unwrap_or("auto");
        if !["auto", "always", "never", "mono", "16", "256", "true"].contains(&color) {
            let words = format!("--color {color} is none of auto, always, never, 16, 256, true");
            return Err(Failure::Usage(words).into());
        }
        let theme = match (&self.theme, own) {
            (Some(asked), _) if !files.themes.has(asked) => {
                let known: Vec<&str> = files.themes.names().collect();
                let words = format!("there is no theme {asked}; there are {}", known.join(", "));
                return Err(Failure::Usage(words).into());
            }
            (Some(asked), _) => asked.as_str(),
            (None, Some(own)) if files.themes.has(own) => own,
            // The console opens whatever the fleet file says of its colours.
            (None, Some(own)) => {
                let words = format!("there is no theme {own}, which the fleet file wants; this is {DEFAULT}");
                files.problems.push(words);
                DEFAULT
            }
            (None, None) => DEFAULT,
        };
        let theme = theme.to_owned();
        Ok(Options {
            fleet: fleet.to_owned(),
            seat,
            read_only: false,
            can_hand_over: false,
            ascii: self.ascii || !utf8(&env),
            depth: Depth::decide(color, &env),
            theme,
            themes: files.themes,
            keymap: files.keymap,
            bandwidth: Bandwidth::Auto,
            problems: files.problems,
        })
    }
}

/// Whether the locale's letters are UTF-8.
fn utf8(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let set =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env(name).filter(|value| !value.is_empty()));
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Runs the console.
#[expect(clippy::needless_pass_by_value, reason = "all commands have one shape")]
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let loaded = global.load()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(console(&args, &loaded));
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

async fn console(args: &Args, loaded: &Loaded) -> anyhow::Result<()> {
    let reach = Reach::Sockets(loaded.fleet.control.clone());
    match reach.client(Access::Observe, PROGRAM).await {
        Ok(_) => {
            let mut options =
                args.look.options(&loaded.fleet.name, loaded.fleet.theme.as_deref(), Seat::Attached)?;
            options.read_only = args.read_only;
            Ok(show(options, reach).await.map(drop)?)
        }
        Err(ControlError::NoServe { .. }) => embedded(args, loaded).await,
        Err(error) => Err(Failure::Unavailable(format!("{:#}", anyhow::Error::from(error))).into()),
    }
}

/// Opens the screen on whatever is reached.
///
/// # Errors
/// There is no terminal, or it cannot be used.
pub async fn show(options: Options, reach: Reach) -> Result<Ended, ShellError> {
    let setup = Setup { options, reach, clock: system_clock(), terminal: Terminal::of(&env) };
    Box::pin(shell::run(setup)).await
}

/// Routes in this process for as long as the console is open.
async fn embedded(args: &Args, loaded: &Loaded) -> anyhow::Result<()> {
    let mut options = args.look.options(&loaded.fleet.name, loaded.fleet.theme.as_deref(), Seat::Embedded)?;
    options.read_only = args.read_only;
    options.can_hand_over = true;
    let logging = logging(loaded);
    let _logs = telemetry::start(&logging)?;
    let mut engine = Engine::serve(loaded, Manager::default(), Inherited::default())
        .await
        .map_err(|error| Failure::Unavailable(format!("{:#}", anyhow::Error::from(error))))?;
    let reach = Reach::Process(engine.desk.clone());
    let over = tokio::select! {
        ended = show(options, reach) => Ok(ended),
        died = engine.watch() => Err(died),
    };
    if over.as_ref().is_ok_and(|ended| shell::routing(ended) == Routing::HandOver) {
        leave_routing(engine, loaded).await?;
    } else {
        complain("stopping: requests in flight finish");
        engine.stop().await;
    }
    Ok(over?.map(drop)?)
}

/// Routing goes on in a `serve` of its own, which gets the sockets of this process; while none comes to serve, here.
async fn leave_routing(mut engine: Engine, loaded: &Loaded) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    // The terminal is not raw any more: its Ctrl-Z would stop who routes.
    let stop = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
    let _caught = signal(stop).context("SIGTSTP cannot be handled")?;
    let mut asks = engine.house().asks();
    let mut ask: Option<Tell> = None;
    loop {
        let outcome = engine.house().hand_over(successor(loaded)).await;
        let told = outcome.as_ref().map_err(ToString::to_string).copied();
        // Whoever asked may have gone.
        let _ = ask.take().map(|tell| tell.send(told));
        match outcome {
            Ok(id) => {
                complain(&format!("routing goes on in process {id}; `beacondeck` attaches to it"));
                engine.retire().await;
                return Ok(());
            }
            Err(error) => {
                let id = std::process::id();
                tracing::error!(%error, "routing could not be handed over and goes on here");
                complain(&format!(
                    "routing could not be handed over ({error}); it goes on here, in process {id}: \
                     `beacondeck hand-over` tries again, SIGTERM ends it"
                ));
            }
        }
        tokio::select! {
            Some(tell) = asks.recv() => ask = Some(tell),
            _ = terminate.recv() => {
                engine.stop().await;
                return Ok(());
            }
            died = engine.watch() => {
                engine.stop().await;
                return Err(died.into());
            }
        }
    }
}

/// The `serve` that routing is left to.
fn successor(loaded: &Loaded) -> Program {
    let mut program = Program::again();
    program.args = ["serve".into(), "--fleet".into(), loaded.path.clone().into()].into();
    if loaded.fleet.logging.directory.is_none() {
        // Not to this terminal, which is the operator's or is gone.
        program.args.extend(["--log-directory".into(), logs_beside_state(loaded).into()]);
    }
    program
}

/// Lines on standard error would be written over the screen: without a directory they go below the state's.
fn logging(loaded: &Loaded) -> Logging {
    let directory = loaded.fleet.logging.directory.clone().unwrap_or_else(|| logs_beside_state(loaded));
    Logging { directory: Some(directory), ..loaded.fleet.logging.clone() }
}

fn logs_beside_state(loaded: &Loaded) -> PathBuf {
    loaded.fleet.state.join("logs")
}

/// A saved picture's state, or that of the running serve.
pub async fn state_of(
    look: &Look,
    from: Option<&std::path::Path>,
    global: &Global,
) -> anyhow::Result<crate::console::state::State> {
    let (text, theme) = if let Some(path) = from {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", path.display())))?;
        (text, None)
    } else {
        let fleet = global.load()?.fleet;
        let status = super::ask::status(&fleet.control).await?;
        (serde_json::to_string(status.as_ref())?, fleet.theme)
    };
    let options = look.options("", theme.as_deref(), Seat::Saved)?;
    crate::console::recording::replay(options, &text).context("the recording cannot be shown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_the_locale() {
        let of = |pairs: &[(&str, &str)]| {
            utf8(&|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(of(&[("LANG", "de_DE.UTF-8")]));
        assert!(of(&[("LC_ALL", ""), ("LANG", "C.utf8")]));
        assert!(!of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!of(&[]));
    }
}
