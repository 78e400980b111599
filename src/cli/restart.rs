//! `beacondeck restart`: drain a beacon, restart it as the fleet file says, resume it when it is fit.

use std::process::ExitCode;

pub use super::operate::Args;
use super::{Global, ask, operate};
use crate::control::Order;
use crate::model::{BeaconName, Verb};

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let order = Order::Restart { beacon: BeaconName::new(args.name.as_str()), force: args.force };
    ask::run(global, async move |dir| operate::carry_out(&dir, args, Verb::Restart, order).await)
}
