//! `beacondeck print`: what comes with the program.

mod unit;

use std::process::ExitCode;

use clap::{CommandFactory as _, Subcommand};
use clap_complete::Shell;

use super::{Global, say};
use unit::Part;

/// The commented fleet file.
const EXAMPLE: &str = include_str!("../../../fleet.example.yaml");

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
    /// What makes serve a service of systemd: unit, user, directories, who may restart it
    Unit {
        /// Which file; its first line says where it goes
        #[arg(default_value = "all")]
        part: Part,
    },
    /// Completions for a shell, to be sourced by it
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Runs the command.
pub fn run(args: Args, _global: &Global) -> anyhow::Result<ExitCode> {
    let Args { what } = args;
    let text = match what {
        What::Config => EXAMPLE.to_owned(),
        What::Unit { part } => part.text(),
        What::Completions { shell } => completions(shell),
    };
    say(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
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
