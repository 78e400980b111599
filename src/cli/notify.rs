//! `beacondeck notify test`: does what `notify:` of the fleet file names take a message?

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;

use super::{Failure, Global, say};
use crate::incidents::notify::{Event, News, Patience, Sender, message};
use crate::model::{Culprit, CulpritKind, Incident, IncidentState, Notifier, Severity, Slot, UnixMs};

/// Arguments of `notify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tell each notifier of a test incident, opened and then ended, and print what it answered; exit 69 if one failed
    Test {
        /// This one only
        name: Option<String>,
    },
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let What::Test { name } = args.what;
    let fleet = global.load()?.fleet;
    let chosen: Vec<&Notifier> = fleet
        .notify
        .iter()
        .filter(|notifier| name.as_ref().is_none_or(|name| *name == notifier.name))
        .collect();
    if chosen.is_empty() {
        return Err(Failure::Usage(nobody(&fleet.name, name.as_deref(), &fleet.notify)).into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut failed = Vec::new();
    for notifier in chosen {
        if !runtime.block_on(test(notifier, &fleet.name))? {
            failed.push(notifier.name.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Unavailable(format!("not told: {}", failed.join(", "))).into())
}

fn nobody(fleet: &str, name: Option<&str>, all: &[Notifier]) -> String {
    let names: Vec<&str> = all.iter().map(|notifier| notifier.name.as_str()).collect();
    match name {
        Some(name) if !names.is_empty() => {
            format!("fleet {fleet} has no notifier {name}; it has {}", names.join(", "))
        }
        _ => format!("fleet {fleet} has no notifiers: give it `notify:`, see `beacondeck print config`"),
    }
}

/// Whether it took both messages.
async fn test(notifier: &Notifier, fleet: &str) -> anyhow::Result<bool> {
    let sender = Sender::new(notifier, Patience::default())?;
    let incident = test_incident(now());
    for event in [Event::Opened, Event::Ended] {
        let now = now();
        let mut incident = incident.clone();
        if event == Event::Ended {
            (incident.state, incident.ended) = (IncidentState::Resolved, Some(now));
        }
        let news = News { fleet, event, incident: &incident, before: None, now };
        let outcome = sender.send(&message(notifier, &news)).await;
        let words = match &outcome {
            Ok(answer) => format!("answered {answer}"),
            Err(error) => error.to_string(),
        };
        let (name, kind) = (&notifier.name, notifier.target.word());
        say(&format!("{name} ({kind}), {}: {words}", event.word()))?;
        if outcome.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn now() -> UnixMs {
    UnixMs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64)
}

/// An incident that says of itself that it is a test; number 0 is no real one's.
pub fn test_incident(now: UnixMs) -> Incident {
    let culprits = vec![Culprit { kind: CulpritKind::Router, name: "test".to_owned() }];
    let cause = "a test of notifications, nothing is wrong".to_owned();
    // Tells the key of this test from those before.
    let slot = Slot(now.0 / 1_000);
    let begun = Incident::new(0, culprits, cause, slot, now);
    Incident {
        state: IncidentState::Open,
        severity: Severity::Notice,
        confidence: 1.0,
        evidence: vec!["somebody ran `beacondeck notify test`".to_owned()],
        next: "nothing".to_owned(),
        ..begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_there_is_told_who_is() {
        let words = nobody("home", None, &[]);
        assert!(words.starts_with("fleet home has no notifiers: give it `notify:`"), "{words}");
        assert_eq!(nobody("home", Some("x"), &[]), words);
    }
}
