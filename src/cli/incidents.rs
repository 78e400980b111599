//! `beacondeck incidents`: who is to blame, why, what it costs, what was done, what to do.

use std::collections::HashMap;
use std::process::ExitCode;

use super::table::{Side, cell, span, wrap};
use super::{Global, ask, follow::follow};
use crate::control::{Event, Wanted};
use crate::model::{FleetStatus, Incident, UnixMs};

/// Arguments of `incidents`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Args {
    /// The last that have ended, too
    #[arg(long)]
    all: bool,
    /// Print one JSON object an incident, one a line
    #[arg(long)]
    json: bool,
    /// Print an incident again whenever its state, culprit or severity changed, through restarts of serve
    #[arg(long)]
    watch: bool,
}

/// Runs the command.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    ask::run(global, async move |dir| {
        if args.watch {
            let mut shown = HashMap::new();
            return follow(dir, "incidents", Wanted::default(), |event| {
                let Event::Snapshot(status) = event else { return Ok(()) };
                let list: Vec<&Incident> = news(&mut shown, &status).into_iter().collect();
                show(&list, &status, args.json)
            })
            .await;
        }
        let status = ask::status(&dir).await?;
        let list: Vec<&Incident> =
            status.incidents.iter().filter(|incident| args.all || incident.state.is_live()).collect();
        if list.is_empty() && !args.json {
            let ended = status.incidents.len();
            let more = if ended > 0 { format!(" ({ended} have ended: --all)") } else { String::new() };
            return ask::print(&format!("no incident goes on{more}\n"));
        }
        show(&list, &status, args.json)
    })
}

/// Incidents whose state, severity, culprit or cause is not the one that was shown last.
fn news<'a>(shown: &mut HashMap<u64, String>, status: &'a FleetStatus) -> Vec<&'a Incident> {
    let said = |incident: &Incident| {
        format!("{:?} {:?} {} {}", incident.state, incident.severity, incident.who(), incident.cause)
    };
    let first = shown.is_empty();
    let is_new = |incident: &&Incident| {
        let said = said(incident);
        let old = shown.insert(incident.id, said.clone());
        if first && old.is_none() { incident.state.is_live() } else { old.as_ref() != Some(&said) }
    };
    status.incidents.iter().filter(is_new).collect()
}

fn show(list: &[&Incident], status: &FleetStatus, json: bool) -> anyhow::Result<()> {
    if json {
        return list.iter().try_for_each(ask::print_json);
    }
    let text: String = list.iter().map(|incident| render(incident, status, ask::now())).collect();
    ask::print(&text)
}

/// Four lines and more an incident: what, since when and at what cost, the evidence, what was done, what to do.
fn render(incident: &Incident, status: &FleetStatus, now: UnixMs) -> String {
    let mut out = String::new();
    let mut line = |text: &str, first: usize| out.push_str(&(wrap(text, first, first + 4) + "\n"));
    let state = cell(&incident.state.word().to_uppercase(), 9, Side::Left);
    let id = incident.id;
    line(&format!("{state} #{id} {}: {} ({})", incident.who(), incident.cause, incident.severity.word()), 0);
    let since = match incident.ended {
        None => format!("for {}, since slot {}", span(now.since(incident.since)), incident.slot),
        Some(ended) => format!("lasted {}, from slot {}", span(ended.since(incident.since)), incident.slot),
    };
    line(&format!("{since}; {}; confidence {:.0} %", incident.cost.words(), incident.confidence * 100.0), 2);
    for (word, list) in [
        ("evidence", &incident.evidence),
        ("folded", &incident.folded),
        ("ruled out", &incident.ruled_out),
        ("done", &incident.done),
    ] {
        if !list.is_empty() {
            line(&format!("{word}: {}", list.join("; ")), 2);
        }
    }
    if !incident.ambiguous_with.is_empty() {
        let like: Vec<String> = incident.ambiguous_with.iter().map(ToString::to_string).collect();
        line(&format!("cannot be told apart from {}", like.join(", ")), 2);
    }
    if let Some(ack) = status.ack(&incident.key()) {
        line(&ack.words(), 2);
    }
    if let Some(silence) = &incident.silence {
        line(&silence.words(), 2);
    }
    if incident.state.is_live() {
        line(&format!("next: {}", incident.next), 2);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::table::WIDTH;
    use crate::model::{Cost, Culprit, CulpritKind, IncidentState, Severity, Slot};

    fn incident() -> Incident {
        let culprits = vec![Culprit { kind: CulpritKind::Beacon, name: "b2".into() }];
        let begun = Incident::new(7, culprits, "does not answer".into(), Slot(1234), UnixMs(1_000));
        Incident {
            state: IncidentState::Mitigated,
            severity: Severity::Notice,
            confidence: 0.981,
            cost: Cost { validators: 96, due: 300, missed: 12, late: 3, ..Cost::default() },
            evidence: vec!["probes not answered: 3 of 3, 0.3 % is usual".into()],
            ruled_out: vec!["client vc-1: 0 of 40 without beacon b2".into()],
            done: vec!["b2 is routed around: hung".into()],
            next: "d: drain b2".into(),
            ..begun
        }
    }

    #[test]
    fn an_incident_reads_as_intended() {
        let expected = "\
MITIGATED #7 beacon b2: does not answer (notice)
  for 1 min, since slot 1234; about 96 validators, 12 of 300 attestations
      missed, 3 late; confidence 98 %
  evidence: probes not answered: 3 of 3, 0.3 % is usual
  ruled out: client vc-1: 0 of 40 without beacon b2
  done: b2 is routed around: hung
  next: d: drain b2
";
        let shown = render(&incident(), &FleetStatus::default(), UnixMs(61_000));
        assert_eq!(shown, expected, "\n{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn a_watch_tells_what_goes_on_and_then_each_change() {
        let ended = Incident { id: 6, state: IncidentState::Resolved, ..incident() };
        let status = |list: &[Incident]| FleetStatus { incidents: list.to_vec(), ..FleetStatus::default() };
        let mut shown = HashMap::new();
        let mut look = |list: &[Incident]| -> Vec<u64> {
            news(&mut shown, &status(list)).iter().map(|incident| incident.id).collect()
        };
        assert_eq!(look(&[incident(), ended.clone()]), [7]);
        assert_eq!(look(&[incident(), ended.clone()]), [0; 0]);
        let counted = Incident { cost: Cost::default(), ..incident() };
        assert_eq!(look(&[counted, ended.clone()]), [0; 0], "counts alone are no news");
        let resolved = Incident { state: IncidentState::Resolved, ..incident() };
        assert_eq!(look(&[resolved, ended]), [7]);
    }
}
