//! `beacondeck abort`: end the restart or upgrade that runs at a beacon.

use std::process::ExitCode;

use super::{Global, ask};
use crate::control::Order;
use crate::model::BeaconName;

/// Arguments of `abort`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the beacon in the fleet file
    name: String,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let order = Order::Abort { beacon: BeaconName::new(args.name) };
    ask::run(global, async move |dir| {
        let message = ask::order(&dir, order).await?;
        ask::print(&(message + "\n"))
    })
}
