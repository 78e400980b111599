//! `beacondeck drain`: take a beacon out of service.

use std::process::ExitCode;

use super::lifecycle::{Progress, Say, carry_out};
use super::{Global, ask};
use crate::control::Order;
use crate::model::{BeaconName, BeaconStatus, Lifecycle};

/// Arguments of `drain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the beacon in the fleet file
    name: String,
    /// Wait until it is idle, at most so many seconds (120); exit 69 if it is not by then
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "120",
        value_parser = clap::value_parser!(u64).range(1..=86_400), visible_alias = "watch")]
    wait: Option<u64>,
    /// Print one JSON object a sentence, one a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let beacon = BeaconName::new(args.name);
    let order = Order::Drain { beacon: beacon.clone() };
    let say = Say { json: args.json };
    ask::run(global, async move |dir| carry_out(&dir, &beacon, order, say, args.wait, progress).await)
}

/// How far the drain has come.
pub fn progress(beacon: &BeaconStatus) -> Progress {
    let name = &beacon.name;
    match beacon.lifecycle {
        Lifecycle::Drained => Progress::Done(format!("{name} is drained")),
        Lifecycle::Draining(1) => Progress::NotYet(format!("{name} is draining, 1 request in flight")),
        Lifecycle::Draining(n) => Progress::NotYet(format!("{name} is draining, {n} requests in flight")),
        Lifecycle::Active => Progress::NotYet(format!("{name} is still in use")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::console::fixture::beacon;

    #[rstest]
    #[case(Lifecycle::Active, Progress::NotYet("b1 is still in use".into()))]
    #[case(Lifecycle::Draining(1), Progress::NotYet("b1 is draining, 1 request in flight".into()))]
    #[case(Lifecycle::Draining(0), Progress::NotYet("b1 is draining, 0 requests in flight".into()))]
    #[case(Lifecycle::Drained, Progress::Done("b1 is drained".into()))]
    fn a_drain_ends_when_nothing_is_in_flight(#[case] lifecycle: Lifecycle, #[case] expected: Progress) {
        assert_eq!(progress(&BeaconStatus { lifecycle, ..beacon("b1") }), expected);
    }
}
