//! `beacondeck audit --fix` and `--revert`: write a remedy, take it back.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::try_out::try_out;
use super::{Failure, ask, say, slots};
use crate::config::{STATE, did_you_mean};
use crate::host::apply::{ApplyError, Entry, Journal, NotOffered, Plan, Workshop, command, verified};
use crate::host::{Apply, CHECKS, Finding, check_of};
use crate::model::Fleet;

/// Arguments of `audit` that write.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Write the remedy of these checks: shown first, written when confirmed, one at a time
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', conflicts_with_all = ["json", "format", "probe_dir", "metrics"])]
    fix: Vec<String>,
    /// Take back what `--fix` wrote for a check, as far as nobody has changed it since; without ID all of it
    #[arg(long, value_name = "ID", num_args = 0.., conflicts_with_all = ["json", "format", "fix"])]
    revert: Option<Vec<String>>,
    /// Do not ask: for scripts
    #[arg(long)]
    yes: bool,
    /// Write no file that makes it last over a reboot
    #[arg(long, requires = "fix")]
    live_only: bool,
    /// Directory of the journal of what was written; else `state:` of the fleet file, else /var/lib/beacondeck
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// The machine, and what is known of it.
pub struct Machine<'a> {
    /// Its `/`.
    pub root: &'a Path,
    /// The fleet file that was named.
    pub fleet: Option<&'a Fleet>,
    /// What the checks say now.
    pub look: &'a dyn Fn() -> anyhow::Result<Vec<Finding>>,
}

impl Args {
    /// Whether something is to be written.
    pub fn writes(&self) -> bool {
        !self.fix.is_empty() || self.revert.is_some()
    }

    /// The command that takes back what is written for a check.
    fn undo(&self, machine: &Machine<'_>, check: &str) -> String {
        command("revert", check, machine.root, self.state(machine.fleet), Path::new(STATE))
    }

    /// Directory of the journal.
    pub fn state<'a>(&'a self, fleet: Option<&'a Fleet>) -> &'a Path {
        let of_fleet = fleet.map_or(Path::new(STATE), |fleet| &fleet.state);
        self.state.as_deref().unwrap_or(of_fleet)
    }
}

/// What was begun and cut off, for whoever looks only.
pub fn cut_off(root: &Path, state: &Path) -> Option<String> {
    let entries = Journal::cut_off(state);
    let checks: Vec<&str> = entries.iter().map(|entry| entry.check.as_str()).collect();
    (!checks.is_empty()).then(|| {
        let (checks, back) = (checks.join(", "), command("revert", "", root, state, Path::new(STATE)));
        format!("cut off while it was written: {checks}; take it back with `{back}`")
    })
}

/// Fixes or takes back.
///
/// # Errors
/// An id is of no check; the remedy is not one to write; something has changed, cannot be written or was not taken.
pub fn run(args: &Args, machine: &Machine<'_>) -> anyhow::Result<()> {
    for id in args.fix.iter().chain(args.revert.iter().flatten()) {
        known(id)?;
    }
    if !machine.root.is_dir() {
        let words = format!("{} is no machine that can be written", machine.root.display());
        return Err(Failure::Usage(words).into());
    }
    let mut workshop = Workshop::open(machine.root, args.state(machine.fleet)).map_err(failure)?;
    for entry in workshop.unfinished() {
        say(&format!("{}: was cut off while it was written; it is taken back first", entry.check))?;
        take_back(&mut workshop, &entry, "was cut off")?;
    }
    match &args.revert {
        Some(ids) => revert(args, &mut workshop, ids),
        None => args.fix.iter().try_for_each(|id| fix(args, machine, &mut workshop, id)),
    }
}

fn known(id: &str) -> Result<(), Failure> {
    if check_of(id).is_some() {
        return Ok(());
    }
    let near = did_you_mean(id, CHECKS.iter().map(|check| check.id));
    let hint = near.unwrap_or_else(|| "`beacondeck audit --all` names them all".to_owned());
    Err(Failure::Usage(format!("there is no check `{id}`; {hint}")))
}

fn revert(args: &Args, workshop: &mut Workshop, ids: &[String]) -> anyhow::Result<()> {
    let mut entries = workshop.standing();
    entries.retain(|entry| ids.is_empty() || ids.contains(&entry.check));
    if entries.is_empty() {
        let of = if ids.is_empty() { String::new() } else { format!(" for {}", ids.join(", ")) };
        return Ok(say(&format!("nothing that was written{of} stands"))?);
    }
    for entry in &entries {
        for file in &entry.files {
            say(&format!("{}: write back {} = {}", entry.check, file.shown(), file.was))?;
        }
        if let Some(own) = &entry.drop_in {
            say(&format!("{}: remove {}", entry.check, own.path))?;
        }
    }
    if !confirmed(args.yes, "take it back?")? {
        return Ok(say("nothing was taken back")?);
    }
    entries.iter().try_for_each(|entry| take_back(workshop, entry, "asked for"))
}

fn take_back(workshop: &mut Workshop, entry: &Entry, why: &str) -> anyhow::Result<()> {
    let said = workshop.take_back(entry, ask::now(), why).map_err(failure)?;
    said.iter().try_for_each(|words| Ok(say(&format!("{}: {words}", entry.check))?))
}

fn fix(args: &Args, machine: &Machine<'_>, workshop: &mut Workshop, id: &str) -> anyhow::Result<()> {
    let found: Vec<Finding> = (machine.look)()?.into_iter().filter(|finding| finding.id == id).collect();
    let mut plans = Vec::new();
    for finding in &found {
        match Plan::of(finding, workshop.hands(), !args.live_only) {
            Ok(plan) => plans.push((finding.process.clone(), plan)),
            Err(NotOffered::Well(words)) => say(&format!("{words}: nothing to write"))?,
            Err(NotOffered::ByHand(words)) => {
                let words = format!("{id} is not for a program to write; by hand: {words}");
                return Err(Failure::Unavailable(words).into());
            }
            Err(NotOffered::Cannot(words)) => {
                return Err(Failure::Unavailable(format!("{id}: {words}")).into());
            }
        }
    }
    if found.is_empty() {
        let words = format!("{id} is not judged for what this machine is for; see --role");
        return Err(Failure::Usage(words).into());
    }
    for (process, plan) in plans {
        if plan.apply == Apply::Resets && (args.yes || !io::stdin().is_terminal()) {
            let words = format!(
                "{id} stops the link, and somebody has to keep it then: run it on a terminal, without --yes"
            );
            return Err(Failure::Usage(words).into());
        }
        say(&format!("{plan}      undo: {}", args.undo(machine, id)))?;
        if !confirmed(args.yes, "write it?")? {
            say("nothing was written")?;
            continue;
        }
        if plan.apply.disturbs() {
            wait(machine.fleet)?;
        }
        let who = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default();
        if plan.apply == Apply::Resets {
            let (entry, kept) = try_out(|| workshop.try_out(&plan, &who, ask::now()).map_err(failure))?;
            match kept {
                Ok(()) => workshop.keep(&entry, ask::now()).map_err(failure)?,
                Err(why) => {
                    // Whoever listened may be gone.
                    let _ = say(&format!("{id}: {why}"));
                    take_back(workshop, &entry, why)?;
                    continue;
                }
            }
        } else {
            match workshop.carry_out(&plan, &who, ask::now()) {
                Err(refused @ ApplyError::Refused { .. }) => {
                    say(&format!("{id} {}", refused.sentence()))?;
                    continue;
                }
                written => written.map_err(failure)?,
            };
        }
        verify(machine, id, &process)?;
    }
    Ok(())
}

/// What disturbs waits until nothing is due.
fn wait(fleet: Option<&Fleet>) -> anyhow::Result<()> {
    let Some(clock) = fleet.and_then(slots::clock) else {
        return Ok(say(
            "no slot clock is known (name a fleet file whose beacons answer): duties may be due now",
        )?);
    };
    if let Some(at) = clock.free_from(ask::now()) {
        let ms = at.0.saturating_sub(ask::now().0);
        say(&format!("waiting {ms} ms until no duty is due"))?;
        thread::sleep(Duration::from_millis(ms));
    }
    Ok(())
}

/// Whether the check is content now: a setting must be, a counter needs its time.
fn verify(machine: &Machine<'_>, id: &str, process: &str) -> anyhow::Result<()> {
    let now =
        (machine.look)()?.into_iter().find(|of| of.id == id && (of.process == process || process.is_empty()));
    Ok(say(&format!("{id}: {}", verified(now.as_ref())))?)
}

/// Whether somebody says yes. Without a terminal nobody can.
fn confirmed(yes: bool, question: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        let words =
            "nobody can be asked, as standard input is no terminal: give --yes if this is what you want";
        return Err(Failure::Usage(words.to_owned()).into());
    }
    let mut out = io::stdout().lock();
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

fn failure(error: ApplyError) -> anyhow::Error {
    let cause = match &error {
        ApplyError::Journal { source, .. } | ApplyError::File { source, .. } => Some(source.kind()),
        _ => None,
    };
    let words = anyhow::Error::new(error);
    match cause {
        Some(io::ErrorKind::PermissionDenied) => {
            Failure::Forbidden(format!("{words:#}; run it as root")).into()
        }
        _ => Failure::Unavailable(format!("{words:#}")).into(),
    }
}
