//! `beacondeck print`: what comes with the program.

mod prometheus;
mod unit;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Subcommand};
use clap_complete::Shell;

use super::{Failure, Global, say, screen};
use crate::config::{self, LoadError};
use crate::console::shell::UserFiles;
use crate::console::theme::SHIPPED;
use crate::model::{How, Procedure};
use unit::Part;

/// The commented fleet file.
const EXAMPLE: &str = include_str!("../../../fleet.example.yaml");

/// The commented file of an agent.
const AGENT_EXAMPLE: &str = include_str!("agent.yaml");

/// Print what comes with the program
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A fleet file with every setting explained
    Config,
    /// An agent's file with every setting explained
    AgentConfig,
    /// What makes serve a service of systemd: unit, user, directories, who may restart it
    Unit {
        /// Which file; its first line says where it goes
        #[arg(default_value = "all")]
        part: Part,
    },
    /// Alert rules for Prometheus, over the metrics of serve
    Rules,
    /// A dashboard for Grafana, to be imported
    Grafana,
    /// The console's key table, with the changes of the user's file
    Keys,
    /// The console's themes, or one of them as a file
    Theme {
        /// Which
        name: Option<String>,
    },
    /// The console as a picture: of the running serve, or of a saved recording
    Screen(screen::Args),
    /// Completions for a shell, to be sourced by it
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { what } = args;
    let text = match what {
        What::Config => EXAMPLE.to_owned(),
        What::AgentConfig => AGENT_EXAMPLE.to_owned(),
        What::Unit { part } if part.is_of_agent() => part.text(&units_of_agent(&config::locate_agent(None))?),
        What::Unit { part } => part.text(&if part.names_units() { units(global)? } else { Vec::new() }),
        What::Rules => prometheus::RULES.to_owned(),
        What::Grafana => prometheus::GRAFANA.to_owned(),
        What::Keys => keys()?,
        What::Theme { name } => theme(name.as_deref())?,
        What::Screen(args) => screen::draw(&args, global)?,
        What::Completions { shell } => completions(shell),
    };
    say(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// The units that the fleet file names for its beacons, each once; none if there is no fleet file yet.
fn units(global: &Global) -> anyhow::Result<Vec<String>> {
    let fleet = match global.load() {
        Ok(loaded) => loaded.fleet,
        Err(LoadError::Find { .. }) if global.fleet.is_none() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    Ok(named(fleet.beacons.iter().flat_map(|beacon| [&beacon.restart, &beacon.upgrade]).flatten()))
}

/// The units that the agent's file names, each once; none if there is no such file yet.
fn units_of_agent(path: &Path) -> anyhow::Result<Vec<String>> {
    match config::load_agent(path) {
        Ok((file, _)) => Ok(named(file.restart.values().chain(file.upgrade.values()))),
        Err(LoadError::FindAgent { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The units that procedures name, each once.
fn named<'a>(procedures: impl Iterator<Item = &'a Procedure>) -> Vec<String> {
    let mut units: Vec<String> = procedures
        .filter_map(|procedure| match &procedure.how {
            How::Systemd(unit) => Some(unit.clone()),
            How::Command(_) | How::Agent { .. } => None,
        })
        .collect();
    units.sort();
    units.dedup();
    units
}

/// The keys as they are here.
fn keys() -> anyhow::Result<String> {
    let files = UserFiles::read(UserFiles::directory(&|name| std::env::var(name).ok()).as_deref());
    match files.problems.as_slice() {
        [] => Ok(files.keymap.markdown()),
        problems => Err(Failure::Config(problems.join("\n")).into()),
    }
}

fn theme(name: Option<&str>) -> anyhow::Result<String> {
    let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    let Some(name) = name else { return Ok(known.join("\n")) };
    match SHIPPED.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => Ok((*text).to_owned()),
        None => {
            Err(Failure::Usage(format!("there is no theme {name}; there are {}", known.join(", "))).into())
        }
    }
}

fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::Cli::command(), "beacondeck", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_know_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions(shell);
            for word in ["beacondeck", "drain", "explain", "completions"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
