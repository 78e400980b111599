//! `beacondeck duties`: who was to do what, by which path it went, what became of it.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::table::{Side, cell, column};
use super::{Global, ask};
use crate::control::{Answer, Request};
use crate::model::{BeaconName, DutiesAsked, DutyTold, Epoch, Slot, ValidatorIndex};

/// Arguments of `duties`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only those of this validator (its index)
    #[arg(long, value_name = "N")]
    validator: Option<u64>,
    /// Only those of this client's validators (its name in the fleet file)
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// Only those whose data this beacon served, or whose message it took
    #[arg(long, value_name = "NAME")]
    beacon: Option<String>,
    /// Only those due in this slot
    #[arg(long, value_name = "N")]
    slot: Option<u64>,
    /// Only those due in this epoch
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,
    /// Only those that were missed, late, or voted wrongly
    #[arg(long)]
    bad: bool,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON object a duty, one a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    ask::run(global, async move |dir| {
        let json = args.json;
        let asked = DutiesAsked {
            validator: args.validator.map(ValidatorIndex),
            client: args.client,
            beacon: args.beacon.map(BeaconName::new),
            slot: args.slot.map(Slot),
            epoch: args.epoch.map(Epoch),
            bad: args.bad,
            limit: args.limit,
        };
        let Answer::Duties(duties) = ask::ask(&dir, Request::Duties(asked)).await? else {
            return Err(ask::off_topic().into());
        };
        if json {
            return duties.iter().try_for_each(ask::print_json);
        }
        if duties.is_empty() {
            return ask::print("no duty is known that matches; the last four epochs are kept\n");
        }
        ask::print(&render(&duties))
    })
}

/// A line a duty, newest first.
fn render(duties: &[DutyTold]) -> String {
    let client = column(duties.iter().map(|duty| duty.client.as_deref().unwrap_or("-")), 6, 16);
    let data = column(duties.iter().map(|duty| duty.data_by.as_ref().map_or("-", BeaconName::as_str)), 4, 12);
    let mut out = format!(
        "{} {} {} {} {} {} {}\n",
        cell("SLOT", 9, Side::Left),
        cell("VALIDATOR", 9, Side::Left),
        cell("DUTY", 12, Side::Left),
        cell("CLIENT", client, Side::Left),
        cell("DATA", data, Side::Left),
        cell("SENT", 8, Side::Right),
        "BECAME",
    );
    for duty in duties {
        let by = duty.data_by.as_ref().map_or("-", BeaconName::as_str);
        let sent = duty.published_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:+} ms"));
        let line = format!(
            "{} {} {} {} {} {} {}",
            cell(&duty.slot.to_string(), 9, Side::Left),
            cell(&duty.validator.to_string(), 9, Side::Left),
            cell(&duty.kind, 12, Side::Left),
            cell(duty.client.as_deref().unwrap_or("-"), client, Side::Left),
            cell(by, data, Side::Left),
            cell(&sent, 8, Side::Right),
            became(duty),
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `included +1`, and what was wrong of it.
fn became(duty: &DutyTold) -> String {
    let mut words = duty.fate.word().to_owned();
    if let Some(distance) = duty.distance {
        // Writing to a string cannot fail.
        let _ = write!(words, " +{distance}");
    }
    if let Some(votes) = duty.votes {
        for (right, what) in [(votes.source, "source"), (votes.target, "target"), (votes.head, "head")] {
            if !right {
                let _ = write!(words, " ✗{what}");
            }
        }
    }
    if duty.payload_right == Some(false) {
        words.push_str(" ✗payload");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::table::WIDTH;
    use crate::model::{DutyFate, VotesRight};

    #[test]
    fn duties_read_as_intended() {
        let included = DutyTold {
            validator: ValidatorIndex(1_048_575),
            slot: Slot(9_876_543),
            kind: "attestations".into(),
            client: Some("vc-1".into()),
            duties_by: None,
            data_by: Some(BeaconName::new("b2")),
            data_ms: Some(3),
            published_ms: Some(-41),
            via: vec![BeaconName::new("b2")],
            fate: DutyFate::Included,
            distance: Some(2),
            votes: Some(VotesRight { source: true, target: true, head: false }),
            payload_right: None,
        };
        let missed = DutyTold {
            client: None,
            data_by: None,
            published_ms: None,
            fate: DutyFate::Missed,
            distance: None,
            votes: None,
            ..included.clone()
        };
        let payload = DutyTold {
            kind: "payload attestations".into(),
            distance: None,
            votes: None,
            payload_right: Some(false),
            ..included.clone()
        };
        let expected = "\
SLOT      VALIDATOR DUTY         CLIENT DATA     SENT BECAME
9876543   1048575   attestations vc-1   b2     -41 ms included +2 ✗head
9876543   1048575   attestations -      -           - missed
9876543   1048575   payload att… vc-1   b2     -41 ms included ✗payload
";
        let shown = render(&[included, missed, payload]);
        assert_eq!(shown, expected, "\n{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH));
    }
}
