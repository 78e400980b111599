//! One file a command.
//!
//! Owns arguments, exit codes and what is printed; the work is done by the rooms. To add a command: a file here with
//! `Args` and `run`, its `mod` line, and one line in `commands!`.

mod abort;
mod ack;
mod agent;
mod ask;
mod audit;
mod beacons;
mod check;
mod console;
mod demo;
mod drain;
mod duties;
mod exit;
mod explain;
mod fix;
mod follow;
mod hand_over;
mod incidents;
mod journal;
mod lifecycle;
mod look;
mod notify;
mod operate;
mod output;
mod plain;
mod print;
mod replay;
mod restart;
mod resume;
mod screen;
mod serve;
mod silence;
mod slots;
mod snapshot;
mod status;
mod table;
mod try_out;
mod unsilence;
mod upgrade;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, LoadError, Loaded};

pub use exit::{Failure, fail};
pub use output::{complain, say};

const FLEET_HELP: &str =
    "The fleet file; else $BEACONDECK_FLEET, else ./fleet.yaml, else /etc/beacondeck/fleet.yaml";

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The fleet file.
    #[arg(long, global = true, value_name = "F", help = FLEET_HELP)]
    fleet: Option<PathBuf>,
}

impl Global {
    /// Where the fleet file is.
    pub fn path(&self) -> PathBuf {
        config::locate(self.fleet.as_deref(), &|name| std::env::var_os(name))
    }

    /// The fleet file, read and checked.
    ///
    /// # Errors
    /// The file is missing, cannot be read or has problems; [`fail`] shows all of them.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        config::load(&self.path())
    }

    /// The fleet file that somebody named, by `--fleet` or the environment.
    ///
    /// # Errors
    /// As of [`Self::load`].
    pub fn named(&self) -> Result<Option<Loaded>, LoadError> {
        let named = self.fleet.is_some() || std::env::var_os(config::VARIABLE).is_some();
        named.then(|| self.load()).transpose()
    }
}

#[derive(Debug, Parser)]
#[command(name = "beacondeck", version, about)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// Without a command: the console
    #[command(subcommand)]
    command: Option<Command>,
}

/// The registry: a line a command, its help and its file.
macro_rules! commands {
    ($($(#[doc = $help:literal])+ $name:ident => $file:ident,)+) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($(#[doc = $help])+ $name($file::Args),)+
        }

        impl Command {
            fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
                match self {
                    $(Command::$name(args) => $file::run(args, global),)+
                }
            }
        }
    };
}

commands! {
    /// Open the console: attach to the running serve, or route in this process
    Console => console,
    /// Check the fleet file: every problem at once, exit 78 if there is one
    Check => check,
    /// Route: stand between validator clients and the beacons of the fleet file; prints nothing but logs
    Serve => serve,
    /// Try it all against a simulated fleet on this machine: nothing to install
    Demo => demo,
    /// Show the fleet as the running serve sees it
    Status => status,
    /// Show each beacon in detail: state and why, peers, versions, answers
    Beacons => beacons,
    /// Show who is to blame for what is wrong: culprit, cause, cost, evidence, what was done, what to do
    Incidents => incidents,
    /// Show duties: who was to do what, by which beacons it went, what became of it on the chain
    Duties => duties,
    /// Give a beacon no new work, so that it can be stopped without harm
    Drain => drain,
    /// Give a drained beacon work again
    Resume => resume,
    /// Drain a beacon, restart its process as the fleet file says, resume it when it is fit
    Restart => restart,
    /// Drain a beacon, upgrade it as the fleet file says, resume it when it is fit
    Upgrade => upgrade,
    /// End the restart or upgrade that runs at a beacon
    Abort => abort,
    /// Hand over to the program as it is on disk now: the next serve, without a client's noticing
    HandOver => hand_over,
    /// Acknowledge something that is wrong, so that others see that somebody is at it
    Ack => ack,
    /// Tell nobody of an incident, or of whatever a culprit does, for a while; it is shown all the same
    Silence => silence,
    /// End a silence before its time
    Unsilence => unsilence,
    /// Explain where requests went: who answered, who was tried before, who was skipped and why
    Explain => explain,
    /// Try the notifiers of the fleet file: a test incident, opened and ended
    Notify => notify,
    /// Show who ordered what, when, and what became of it
    Journal => journal,
    /// Open a recording in the console, or print the changes of its incidents
    Replay => replay,
    /// Check this machine, once: disks, network, processors, memory, with what helps
    Audit => audit,
    /// Report this host to the routers it is paired with, and do what its own file allows by name
    Agent => agent,
    /// Write what the checks read of this machine to a file, for support
    Snapshot => snapshot,
    /// Print what comes with the program
    Print => print,
}

/// Parses the arguments and runs the command.
///
/// # Errors
/// What made the command fail; [`fail`] prints it and knows its exit code.
pub fn run() -> anyhow::Result<ExitCode> {
    match Cli::try_parse() {
        Ok(cli) => match cli.command {
            Some(command) => command.run(&cli.global),
            None => console::run(console::Args::default(), &cli.global),
        },
        Err(error) => {
            // Help and version are answers, on standard output; if nobody reads them, nothing is lost.
            let _ = error.print();
            Ok(if error.use_stderr() { exit::USAGE.into() } else { ExitCode::SUCCESS })
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent_and_every_command_has_help() {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        assert!(cli.get_subcommands().all(|command| command.get_about().is_some()));
    }
}
