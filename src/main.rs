//! The binary: hands the command line to the library.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> anyhow::Result<ExitCode> {
    beacondeck::cli::Cli::parse().run()
}
