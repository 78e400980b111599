//! `beacondeck unsilence`: end a silence before its time.

use std::process::ExitCode;

use super::{Global, ask};
use crate::control::Order;

/// Arguments of `unsilence`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What was silenced: `beacondeck silence` lists it
    #[arg(required = true)]
    key: Vec<String>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    ask::run(global, async move |dir| {
        let message = ask::order(&dir, Order::Unsilence { key: args.key.join(" ") }).await?;
        ask::print(&(message + "\n"))
    })
}
