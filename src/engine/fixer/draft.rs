//! What would be written on this machine, or taken back, as it is now. Reads the machine and writes nothing.

use std::path::Path;

use super::Ground;
use crate::config::STATE;
use crate::host::apply::{Entry, Hands, How, Journal, KEEP_WITHIN, NotOffered, Placed, Plan, command};
use crate::host::{Apply, Finding, SAME, check_of};
use crate::model::{Fact, RemedyDraft, RemedyVerb, Weight};

/// Files that are named; of more, how many.
const NAMED: usize = 4;

/// An order as it is told, and what it writes.
#[derive(Debug)]
pub struct Draft {
    /// As it is told.
    pub told: RemedyDraft,
    /// What is written.
    pub plans: Vec<Plan>,
    /// What is taken back.
    pub entries: Vec<Entry>,
}

impl Draft {
    /// Of an order, on this machine as it is now; blocks.
    pub fn of(verb: RemedyVerb, check: &str, ground: &Ground<'_>) -> Self {
        let drawn = match verb {
            RemedyVerb::Fix => fix(check, ground),
            RemedyVerb::Keep => Ok((Vec::new(), Vec::new())),
            RemedyVerb::Revert => revert(check, ground),
        };
        match drawn {
            Err((why, commands)) => {
                let told = RemedyDraft { refusal: Some(why), commands, ..RemedyDraft::default() };
                Self { told, plans: Vec::new(), entries: Vec::new() }
            }
            Ok((plans, entries)) => {
                let facts = plans
                    .iter()
                    .flat_map(|plan| of_plan(plan, ground.state))
                    .chain(of_entries(&entries))
                    .collect();
                let disturbs = plans.iter().any(|plan| plan.apply.disturbs());
                let resets = plans.iter().any(|plan| plan.apply == Apply::Resets);
                let seal = format!("{}{}", Plan::seal(&plans), numbers(&entries));
                let told = RemedyDraft { facts, disturbs, resets, seal, ..RemedyDraft::default() };
                Self { told, plans, entries }
            }
        }
    }
}

/// Why not, and what does it by hand.
type Instead = (String, Vec<String>);
type Drawn = Result<(Vec<Plan>, Vec<Entry>), Instead>;

fn fact(about: &str, weight: Weight, words: impl Into<String>) -> Fact {
    Fact { about: about.to_owned(), weight, words: words.into() }
}

fn numbers(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |all, entry| all + "-" + &entry.number.to_string())
}

/// The command that does the same on the machine itself, by somebody who may; without a check, of all.
pub fn audit(what: &str, check: &str, state: &Path) -> String {
    format!("sudo {}", command(what, check, Path::new("/"), state, Path::new(STATE)))
}

/// What does by hand what is not written from here: of each finding what helps now, and what makes it last.
pub fn by_hand<'a>(findings: impl Iterator<Item = [&'a str; 2]>) -> Vec<String> {
    let texts = findings.flatten().filter(|text| !text.is_empty() && *text != SAME);
    let mut texts: Vec<String> = texts.map(str::to_owned).collect();
    texts.dedup();
    texts
}

/// Somebody who may not write is told so, with who it is.
fn may_not(ground: &Ground<'_>, why: &str) -> String {
    let (writer, uid) = (ground.writer, rustix::process::geteuid().as_raw());
    format!(
        "{} runs as uid {uid} and may not write there ({why}){}; as root, on that machine:",
        writer.name, writer.hint
    )
}

fn fix(check: &str, ground: &Ground<'_>) -> Drawn {
    let Some(found) = ground.machine.found() else {
        let words = format!(
            "this machine was not looked at yet: {} does that soon after its start",
            ground.writer.name
        );
        return Err((words, Vec::new()));
    };
    let findings: Vec<&Finding> = found.findings.iter().filter(|of| of.id == check).collect();
    if findings.is_empty() {
        return Err((format!("{check} is no check of what runs on this machine"), Vec::new()));
    }
    let by_hand = || by_hand(findings.iter().map(|of| [of.remedy.as_str(), of.persistent.as_str()]));
    let hands = ground.machine.hands();
    let mut plans = Vec::new();
    for finding in &findings {
        match Plan::of(finding, &hands, true) {
            Ok(plan) => plans.push(plan),
            Err(NotOffered::Well(_)) => {}
            Err(NotOffered::ByHand(_)) => {
                return Err((format!("{check} is not for a program to write; by hand:"), by_hand()));
            }
            Err(NotOffered::Cannot(why)) => return Err((why, by_hand())),
        }
    }
    if plans.is_empty() {
        return Err((format!("{check} is well: there is nothing to write"), Vec::new()));
    }
    if let Some(why) = may_write(&plans, &hands, ground.state) {
        let commands = std::iter::once(audit("fix", check, ground.state)).chain(by_hand()).collect();
        return Err((may_not(ground, &why), commands));
    }
    Ok((plans, Vec::new()))
}

/// What may not be written; none: all may.
fn may_write(plans: &[Plan], hands: &Hands, state: &Path) -> Option<String> {
    plans.iter().find_map(|plan| plan.forbidden(hands)).or_else(|| {
        Journal::may_write(state).err().map(|error| format!("its journal in {}: {error}", state.display()))
    })
}

fn of_plan(plan: &Plan, state: &Path) -> Vec<Fact> {
    let mut facts: Vec<Fact> = plan
        .files
        .iter()
        .take(NAMED)
        .map(|file| {
            let whose = file.within.as_ref().map(|(pid, _)| format!(", for process {pid} and its container"));
            let words =
                format!("{} = {}  (now {}{})", file.shown(), file.to, file.was, whose.unwrap_or_default());
            fact("write", Weight::Plain, words)
        })
        .collect();
    if let more @ 1.. = plan.files.len().saturating_sub(NAMED) {
        facts.push(fact("", Weight::Plain, format!("and {more} more of the same kind")));
    }
    if let Some(Placed { path, text, .. }) = &plan.drop_in {
        let line = text.lines().last().unwrap_or_default();
        facts.push(fact("for good", Weight::Plain, format!("{path}: {line}")));
    }
    let weight = match plan.apply {
        Apply::Safe => Weight::Fine,
        Apply::Resets => Weight::Grave,
        _ => Weight::Careful,
    };
    facts.push(fact("risk", weight, plan.apply.words()));
    if let Some(beside) = &plan.beside {
        facts.push(fact("then", Weight::Careful, beside.clone()));
    }
    if plan.apply == Apply::Resets {
        let words = format!("by itself after {} s, unless somebody keeps it: w, keep", KEEP_WITHIN.as_secs());
        facts.push(fact("taken back", Weight::Careful, words));
    }
    facts.push(fact(
        "undo",
        Weight::Plain,
        format!("w, take back; or {}", audit("revert", plan.check, state)),
    ));
    facts
}

fn revert(check: &str, ground: &Ground<'_>) -> Drawn {
    let told = Journal::read(ground.state).into_iter().rev();
    let of = told.filter(|(entry, end)| {
        entry.check == check && end.as_ref().is_none_or(|end| end.how == How::Applied)
    });
    let entries: Vec<Entry> = of.map(|(entry, _)| entry).collect();
    if entries.is_empty() {
        return Err((format!("nothing that was written for {check} stands"), Vec::new()));
    }
    match forbidden(&entries, &ground.machine.hands()) {
        Some(why) => Err((may_not(ground, &why), vec![audit("revert", check, ground.state)])),
        None => Ok((Vec::new(), entries)),
    }
}

fn forbidden(entries: &[Entry], hands: &Hands) -> Option<String> {
    let values = entries.iter().flat_map(|entry| &entry.files).filter(|file| file.within.is_none());
    let values = values.map(|file| (file.shown(), hands.may_write(None, &file.path)));
    let files = entries.iter().filter_map(|entry| entry.drop_in.as_ref());
    let files = files.map(|own| (own.path.as_str().into(), hands.may_put(&own.path)));
    values.chain(files).find_map(|(path, may)| may.err().map(|error| format!("{path}: {error}")))
}

fn of_entries(entries: &[Entry]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for entry in entries {
        let files = entry.files.iter().take(NAMED);
        facts.extend(
            files.map(|file| fact("write back", Weight::Plain, format!("{} = {}", file.shown(), file.was))),
        );
        if let Some(own) = &entry.drop_in {
            let word = if own.was.is_some() { "write back" } else { "remove" };
            facts.push(fact(word, Weight::Plain, own.path.clone()));
        }
        facts.push(fact("written by", Weight::Plain, entry.who.clone()));
        if check_of(&entry.check).is_some_and(|of| of.apply == Apply::Resets) {
            facts.push(fact("risk", Weight::Grave, Apply::Resets.words()));
        }
    }
    if !facts.is_empty() {
        facts.push(fact("but", Weight::Fine, "what somebody else has changed since is left alone"));
    }
    facts
}
