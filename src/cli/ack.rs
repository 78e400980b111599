//! `beacondeck ack`: take note of something that is wrong, so that others see that somebody is at it.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::{Global, ask};
use crate::control::Order;
use crate::model::{FleetStatus, Incident};

/// Arguments of `ack`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What: its key; without one, everything that is wrong now and who has acknowledged it
    key: Vec<String>,
    /// Why, or what is being done, in a few words for the others
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    ask::run(global, async move |dir| {
        if args.key.is_empty() {
            return ask::print(&list(&*ask::status(&dir).await?));
        }
        let order = Order::Ack { key: args.key.join(" "), why: args.why };
        let message = ask::order(&dir, order).await?;
        ask::print(&(message + "\n"))
    })
}

/// A line for each key.
fn list(status: &FleetStatus) -> String {
    let mut out = String::new();
    for key in status.pages() {
        // Writing to a string cannot fail.
        let what = status.incidents.iter().find(|incident| incident.key() == key).map(Incident::line);
        let what = what.as_ref().unwrap_or(&key);
        let _ = match status.ack(&key) {
            Some(ack) => writeln!(out, "{what} ({})", ack.words()),
            None => writeln!(out, "{what}"),
        };
    }
    if out.is_empty() { "nothing is wrong\n".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::fixture::{beacon, fleet};
    use crate::model::{Ack, Reason, UnixMs};

    #[test]
    fn the_list_says_what_is_wrong_and_who_has_it() {
        assert_eq!(list(&fleet(vec![beacon("b1")])), "nothing is wrong\n");
        let mut status = fleet(vec![beacon("b1"), beacon("b2")]);
        (status.beacons[1].healthy, status.beacons[1].reasons) = (false, vec![Reason::Hung]);
        status.alerts.push("no beacon is healthy".into());
        let why = Some("it is being restarted".into());
        status.acks = vec![Ack { key: "hung b2".into(), by: "alice".into(), at: UnixMs(1), why }];
        assert_eq!(
            list(&status),
            "no beacon is healthy\nhung b2 (acknowledged by alice: it is being restarted)\n"
        );
    }
}
