//! One file a command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod ask;
pub mod beacons;
pub mod explain;
#[cfg(test)]
mod fixture;
pub mod lifecycle;
pub mod print;
pub mod status;
mod table;

/// What every command is given.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// Fleet file
    #[arg(long, global = true, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
}

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "beacondeck", version, about)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Args),
    Beacons(beacons::Args),
    Drain(lifecycle::DrainArgs),
    Resume(lifecycle::ResumeArgs),
    Explain(explain::Args),
    Print(print::Args),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let global = &self.global;
        match self.command {
            Command::Status(args) => status::run(args, global),
            Command::Beacons(args) => beacons::run(args, global),
            Command::Drain(args) => lifecycle::drain(args, global),
            Command::Resume(args) => lifecycle::resume(args, global),
            Command::Explain(args) => explain::run(args, global),
            Command::Print(args) => print::run(args, global),
        }
    }
}
