//! `beacondeck silence`: tell nobody of an incident, or of whatever a culprit does, for a while.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::{Global, ask};
use crate::control::Order;
use crate::model::{FleetStatus, read_seconds};

/// Arguments of `silence`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What: an incident by its key, or who is to blame, now or later: `beacon b2`; without one, everything that is silenced
    #[arg(requires = "seconds")]
    key: Vec<String>,
    /// For how long, a day at most: 45s, 30m, 2h, 1h30m
    #[arg(long = "for", value_name = "TIME", value_parser = seconds, requires = "key")]
    seconds: Option<u64>,
    /// Why, in a few words for the others
    #[arg(long, value_name = "TEXT", requires = "key")]
    why: Option<String>,
}

fn seconds(text: &str) -> Result<u64, String> {
    read_seconds(text).ok_or_else(|| "write it as 45s, 30m, 2h or 1h30m".to_owned())
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    ask::run(global, async move |dir| {
        let Some(seconds) = args.seconds else {
            return ask::print(&list(&*ask::status(&dir).await?));
        };
        let order = Order::Silence { key: args.key.join(" "), seconds, why: args.why };
        let message = ask::order(&dir, order).await?;
        ask::print(&(message + "\n"))
    })
}

/// A line for each silence, and for what it keeps quiet now.
fn list(status: &FleetStatus) -> String {
    let mut out = String::new();
    for silence in &status.silences {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{} ({})", silence.key, silence.words());
        for incident in status.incidents.iter().filter(|incident| incident.silence.as_ref() == Some(silence))
        {
            let _ = writeln!(out, "  {}", incident.line());
        }
    }
    if out.is_empty() { "nothing is silenced\n".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{beacon, fleet, incidents};
    use crate::model::{Silence, UnixMs};

    #[test]
    fn the_list_says_what_is_silenced_until_when_and_what_is_quiet_by_it() {
        let mut status = fleet(vec![beacon("b1")]);
        assert_eq!(list(&status), "nothing is silenced\n");
        let silence = |key: &str, why: Option<&str>| Silence {
            key: key.into(),
            by: "alice".into(),
            at: UnixMs(0),
            until: UnixMs(7_200_000),
            why: why.map(str::to_owned),
        };
        status.silences = vec![silence("beacon beacon-2", Some("its disk")), silence("client vc-1", None)];
        status.incidents = incidents();
        status.incidents[0].silence = status.silences.first().cloned();
        let expected = "\
beacon beacon-2 (silenced until 1970-01-01T02:00:00Z by alice: its disk)
  incident 7: beacon beacon-2: does not answer (critical, open)
client vc-1 (silenced until 1970-01-01T02:00:00Z by alice)
";
        assert_eq!(list(&status), expected);
    }
}
