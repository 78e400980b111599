//! `beacondeck audit`: the checks of this machine, once.

use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;

use super::{Global, complain, fix, look, say, table};
use crate::config::did_you_mean;
use crate::host::{self, Apply, Finding, Limit, Live, Machine, Overrides, Role, Verdict, Worst};
use crate::model::cost_words;

const EXIT: &str = "\
Exit status: 0 nothing worse than advice; 1 the worst is warn; 2 the worst is bad; 3 nothing is warn or bad, but \
something could not be told; 64 wrong arguments; 69 --root cannot be read; 78 the fleet file has a problem.";

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT)]
pub struct Args {
    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How to print: for people, or a finding a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// What this machine is for; may be given several times. Else by what runs on it, a beacon if nothing does
    #[arg(long, value_enum)]
    role: Vec<As>,
    #[command(flatten)]
    look: look::Args,
    /// Another threshold than the table's; may be given several times, and goes before the fleet file's
    #[arg(long, value_name = "NAME=NUMBER", value_parser = limit)]
    limit: Vec<(String, f64)>,
    /// Also print what is ok or does not apply
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    fix: fix::Args,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Plain,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    Beacon,
    Execution,
    /// Validator client or signer
    Validator,
    #[value(hide = true)]
    Signer,
}

impl From<As> for Role {
    fn from(role: As) -> Self {
        match role {
            As::Beacon => Self::Beacon,
            As::Execution => Self::Execution,
            As::Validator | As::Signer => Self::Validator,
        }
    }
}

fn limit(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("it is not NAME=NUMBER")?;
    if host::limits::named(name).is_none() {
        let near = did_you_mean(name, host::limits::ALL.iter().map(|limit| limit.name));
        let hint = near.unwrap_or_else(|| "`beacondeck audit --json` names them all".to_owned());
        return Err(format!("there is no limit `{name}`; {hint}"));
    }
    Limit::number(value)
        .map(|value| (name.to_owned(), value))
        .ok_or_else(|| "it is no number from 0 up".to_owned())
}

/// Looks twice, judges, prints; the exit status is the worst verdict's. Thresholds are those of the fleet file that was
/// named, if one was.
///
/// # Errors
/// The fleet file has a problem; the directory or snapshot cannot be read, or nothing can be printed.
pub fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let Args { json, format, role, look, limit, all, fix } = args;
    let fleet = global.named()?.map(|loaded| loaded.fleet);
    let mut limits: Overrides = fleet.as_ref().map(|fleet| fleet.host.limits.clone()).unwrap_or_default();
    limits.extend(limit);
    let roles: Vec<Role> = role.into_iter().map(Role::from).collect();
    if fix.writes() {
        let again = || Ok(host::audit_as(&look.record(fleet.as_ref())?, &roles, &limits));
        let machine = fix::Machine { root: &look.root, fleet: fleet.as_ref(), look: &again };
        return fix::run(&fix, &machine).map(|()| ExitCode::SUCCESS);
    }
    let record = look.record(fleet.as_ref())?;
    let machine = Live::new(&look.root).is_here().then(Machine::here);
    let findings = host::audit_as(&record, &roles, &limits);
    let format = if json { Format::Json } else { format };
    say(&match format {
        Format::Json => serde_json::to_string_pretty(&as_json(machine.as_ref(), &findings, &limits))?,
        Format::Plain => findings.iter().map(plain).collect::<Vec<_>>().join("\n"),
        Format::Text => text(machine.as_ref(), &findings, all),
    })?;
    if let Some(words) = machine.as_ref().and_then(|_| fix::cut_off(&look.root, fix.state(fleet.as_ref()))) {
        complain(&words);
    }
    Ok(ExitCode::from(match findings.iter().map(|finding| finding.verdict.worst()).max() {
        None | Some(Worst::Fine) => 0,
        Some(Worst::Warn) => 1,
        Some(Worst::Bad) => 2,
        Some(Worst::Unknown) => 3,
    }))
}

fn as_json(machine: Option<&Machine>, findings: &[Finding], limits: &Overrides) -> serde_json::Value {
    let limits: Vec<_> = host::limits::ALL
        .iter()
        .map(|limit| {
            let value = limits.get(limit.name).copied().unwrap_or(limit.value);
            json!({ "name": limit.name, "value": value, "unit": limit.unit })
        })
        .collect();
    json!({ "machine": machine, "findings": findings, "limits": limits })
}

fn plain(finding: &Finding) -> String {
    finding.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn text(machine: Option<&Machine>, findings: &[Finding], all: bool) -> String {
    let shown =
        |finding: &&Finding| all || !matches!(finding.verdict, Verdict::Ok | Verdict::NotApplicable(_));
    let mut out: Vec<String> = machine.map(Machine::words).into_iter().collect();
    out.extend(findings.iter().filter(shown).map(paragraph));
    out.push(summary(findings));
    out.join("\n")
}

fn paragraph(finding: &Finding) -> String {
    let mut out = table::wrap(&plain(finding), 0, 2);
    if !matches!(finding.verdict, Verdict::Advice | Verdict::Warn | Verdict::Bad) {
        return out;
    }
    let cost = format!("{} ({})", finding.why, cost_words((finding.cost.from_ms, finding.cost.to_ms)));
    out = format!("{out}\n{}", table::wrap(&cost, 2, 4));
    let apply = if finding.apply == Apply::Investigate { "" } else { finding.apply.words() };
    for (label, what) in
        [("now", &finding.remedy), ("for good", &finding.persistent), ("undo", &finding.revert)]
    {
        if !what.is_empty() {
            // A command is one line, however long, so that it can be copied.
            out = format!("{out}\n  {label:>8}: {what}");
        }
    }
    let fix =
        if finding.change.is_some() { format!(", `audit --fix {}`", finding.id) } else { String::new() };
    if apply.is_empty() { out } else { format!("{out}\n            ({apply}{fix})") }
}

fn summary(findings: &[Finding]) -> String {
    let counts: Vec<String> = ["bad", "warn", "advice", "unknown", "ok", "n/a"]
        .iter()
        .map(|word| {
            let count = findings.iter().filter(|finding| finding.verdict.word() == *word).count();
            format!("{count} {word}")
        })
        .collect();
    format!("{} checks: {}", findings.len(), counts.join(", "))
}
