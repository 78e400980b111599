//! What `restart`, `upgrade` and `abort` share: give the order, then follow the operation step by step.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::lifecycle::Say;
use super::{Failure, ask};
use crate::control::{Answer, Order, Request};
use crate::model::{BeaconName, Ending, FleetStatus, Operation, Verb};

/// Time between two looks while waiting.
const LOOK: Duration = Duration::from_millis(250);

/// Arguments of `restart` and `upgrade`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the beacon in the fleet file
    pub name: String,
    /// Follow it to its end, at most so many seconds (3600); exit 69 if it fails or is not done by then
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "3600",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub wait: Option<u64>,
    /// Even if no other healthy beacon is left
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object a sentence, one a line
    #[arg(long)]
    pub json: bool,
}

/// Tells the consequences, gives the order and, with `wait`, follows it.
pub async fn carry_out(dir: &Path, args: Args, verb: Verb, order: Order) -> anyhow::Result<()> {
    let (beacon, say) = (BeaconName::new(args.name), Say { json: args.json });
    let status = ask::status(dir).await?;
    ask::find(&status, &beacon)?;
    let before = status.operations.last().map_or(0, |last| last.id);
    if !args.json {
        let asked =
            ask::ask(dir, Request::Preflight { intent: verb.into(), beacons: vec![beacon.clone()] }).await?;
        let Answer::Consequences(told) = asked else { return Err(ask::off_topic().into()) };
        for fact in &told.facts {
            ask::print(&format!("{:<10} {}\n", fact.about, fact.words))?;
        }
    }
    let message = ask::order(dir, order).await?;
    say.sentence(&beacon, &message, args.wait.is_none())?;
    match args.wait {
        Some(seconds) => follow(dir, &beacon, before, say, seconds).await,
        None => Ok(()),
    }
}

async fn follow(dir: &Path, beacon: &BeaconName, before: u64, say: Say, seconds: u64) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut said = String::new();
    loop {
        let status = ask::status(dir).await?;
        if let Some(operation) = ours(&status, beacon, before) {
            match &operation.end {
                Some((Ending::Succeeded, _, words)) => return say.sentence(beacon, words, true),
                Some((_, _, words)) => {
                    let output = &operation.output;
                    let output =
                        if output.is_empty() { String::new() } else { format!("; it printed:\n{output}") };
                    return Err(Failure::Unavailable(format!("{words}{output}")).into());
                }
                None => {
                    let sentence = operation.now_at();
                    if sentence != said {
                        say.sentence(beacon, &sentence, false)?;
                        said = sentence;
                    }
                }
            }
        }
        if Instant::now() >= end {
            let sentence = format!("gave up after {seconds} s: {said}; it goes on, see `beacondeck status`");
            return Err(Failure::Unavailable(sentence).into());
        }
        sleep(LOOK).await;
    }
}

fn ours<'a>(status: &'a FleetStatus, beacon: &BeaconName, before: u64) -> Option<&'a Operation> {
    status.operations.iter().rev().find(|one| one.beacon == *beacon && one.id > before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{beacon, fleet};

    fn operation(id: u64, name: &str) -> Operation {
        let text = format!(
            r#"{{"id":{id},"verb":"restart","beacon":"{name}","who":"alice","began":0,"steps":[
            {{"step":"drain","state":"done","detail":"nothing is in flight"}},
            {{"step":"run","state":"running","detail":"at work"}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_operation_that_was_ordered_is_followed_and_no_older_one() {
        let operations = vec![operation(3, "b1"), operation(4, "b2"), operation(5, "b1")];
        let status = FleetStatus { operations, ..fleet(vec![beacon("b1")]) };
        let b1 = BeaconName::new("b1");
        assert_eq!(ours(&status, &b1, 4).map(|one| one.id), Some(5));
        assert!(ours(&status, &b1, 5).is_none());
        assert_eq!(status.operations[2].now_at(), "run: at work");
    }
}
