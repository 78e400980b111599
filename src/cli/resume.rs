//! `beacondeck resume`: put a beacon back into service.

use std::process::ExitCode;

use super::lifecycle::{Progress, Say, carry_out};
use super::{Global, ask};
use crate::control::Order;
use crate::model::{BeaconName, BeaconStatus, Lifecycle};

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the beacon in the fleet file
    name: String,
    /// Wait until it is healthy and used, at most so many seconds (600); exit 69 if it is not by then
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "600",
        value_parser = clap::value_parser!(u64).range(1..=86_400), visible_alias = "watch")]
    wait: Option<u64>,
    /// Print one JSON object a sentence, one a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let beacon = BeaconName::new(args.name);
    let order = Order::Resume { beacon: beacon.clone() };
    let say = Say { json: args.json };
    ask::run(global, async move |dir| carry_out(&dir, &beacon, order, say, args.wait, progress).await)
}

/// How far the resume has come.
pub fn progress(beacon: &BeaconStatus) -> Progress {
    let name = &beacon.name;
    match (beacon.lifecycle, beacon.healthy) {
        (Lifecycle::Active, true) => Progress::Done(format!("{name} is up and used")),
        (Lifecycle::Active, false) => {
            let reason = beacon.reasons.first().map_or("not healthy", |reason| reason.words());
            Progress::NotYet(format!("{name} is not up yet: {reason}"))
        }
        _ => Progress::NotYet(format!("{name} is still out of use")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::console::fixture::beacon;
    use crate::model::Reason;

    #[rstest]
    #[case(Lifecycle::Drained, true, Progress::NotYet("b1 is still out of use".into()))]
    #[case(Lifecycle::Active, false, Progress::NotYet("b1 is not up yet: warming up".into()))]
    #[case(Lifecycle::Active, true, Progress::Done("b1 is up and used".into()))]
    fn a_resume_ends_when_the_beacon_is_used(
        #[case] lifecycle: Lifecycle,
        #[case] healthy: bool,
        #[case] expected: Progress,
    ) {
        let reasons = vec![Reason::WarmingUp];
        assert_eq!(progress(&BeaconStatus { lifecycle, healthy, reasons, ..beacon("b1") }), expected);
    }
}
