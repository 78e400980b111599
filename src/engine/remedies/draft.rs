//! What an order about a remedy would do, as somebody is told before it is given. Reads the machine and writes nothing.

use std::path::Path;

use crate::chain::SlotClock;
use crate::config::STATE;
use crate::engine::hosts::{Machine, is_here};
use crate::host::apply::{Entry, Hands, How, Journal, KEEP_WITHIN, NotOffered, Placed, Plan};
use crate::host::{Apply, Finding};
use crate::model::{
    Fact, Fleet, FleetStatus, Lifecycle, RemedyAsked, RemedyPlan, RemedyVerb, Slot, UnixMs, Weight,
};

/// A link is not stopped if a block of ours is due within so many epochs.
const BLOCKS_WITHIN: u64 = 2;
/// Files that are named; of more, how many.
const NAMED: usize = 4;

/// An order as it is told, and what it writes.
#[derive(Debug)]
pub struct Draft {
    /// As it is told.
    pub told: RemedyPlan,
    /// What is written.
    pub plans: Vec<Plan>,
    /// What is taken back.
    pub entries: Vec<Entry>,
}

/// What is known beside the machine.
pub struct Known {
    /// The fleet file in force.
    pub fleet: std::sync::Arc<Fleet>,
    /// The fleet.
    pub status: std::sync::Arc<FleetStatus>,
    /// The slot clock, once there is one.
    pub clock: Option<SlotClock>,
    /// Slots in which a block of ours is due.
    pub proposing: Vec<Slot>,
    /// The time.
    pub now: UnixMs,
}

impl Draft {
    /// Of an order, on this machine as it is now; blocks.
    pub fn of(asked: RemedyAsked, machine: &Machine, known: &Known) -> Self {
        let drawn = if is_here(&known.fleet, &asked.host) {
            match asked.verb {
                RemedyVerb::Fix => fix(&asked, machine, known),
                RemedyVerb::Keep => Ok((Vec::new(), Vec::new())),
                RemedyVerb::Revert => revert(&asked, machine, known),
            }
        } else {
            Err(elsewhere(&asked, known))
        };
        let told = RemedyPlan::of(asked);
        match drawn {
            Err((why, commands)) => {
                let told = RemedyPlan { refusal: Some(why), commands, ..told };
                Self { told, plans: Vec::new(), entries: Vec::new() }
            }
            Ok((plans, entries)) => {
                let facts = plans.iter().flat_map(|plan| of_plan(plan, known)).chain(of_entries(&entries));
                let facts = facts.collect();
                let typed = resets(&plans).then(|| told.asked.host.clone());
                let seal = format!("{}{}", Plan::seal(&plans), numbers(&entries));
                Self { told: RemedyPlan { facts, typed, seal, ..told }, plans, entries }
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

/// Whether it stops a link or a disk.
pub fn resets(plans: &[Plan]) -> bool {
    plans.iter().any(|plan| plan.apply == Apply::Resets)
}

/// Whether it waits until nothing is due.
pub fn disturbs(plans: &[Plan]) -> bool {
    plans.iter().any(|plan| plan.apply.disturbs())
}

fn numbers(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |all, entry| all + "-" + &entry.number.to_string())
}

/// The command that does the same on the machine itself, by somebody who may.
fn audit(what: &str, check: &str, state: &Path) -> String {
    let state =
        if state == Path::new(STATE) { String::new() } else { format!(" --state {}", state.display()) };
    format!("sudo beacondeck audit --{what} {check}{state}")
}

/// Somebody who may not write is told so, with who it is.
fn may_not(why: &str) -> String {
    let uid = rustix::process::geteuid().as_raw();
    format!("serve runs as uid {uid} and may not write there ({why}); as root, on that machine:")
}

fn elsewhere(asked: &RemedyAsked, known: &Known) -> Instead {
    let RemedyAsked { verb, host, check } = asked;
    let hosts = &known.status.hosts;
    let Some(found) = hosts.iter().find(|of| of.name == *host) else {
        let names: Vec<&str> = hosts.iter().map(|of| of.name.as_str()).collect();
        return (format!("there is no host {host}; there are {}", names.join(", ")), Vec::new());
    };
    let by_hand = found.findings.iter().filter(|of| of.check == *check && *verb == RemedyVerb::Fix);
    let by_hand = by_hand.flat_map(|of| [of.remedy.clone(), of.persistent.clone()]);
    let commands = std::iter::once(audit(verb.word(), check, Path::new(STATE)));
    let commands = commands.chain(by_hand.filter(|text| !text.is_empty())).collect();
    (format!("{host} is not the machine serve runs on; on it:"), commands)
}

fn fix(asked: &RemedyAsked, machine: &Machine, known: &Known) -> Drawn {
    let check = asked.check.as_str();
    let Some(found) = machine.found() else {
        let words = "this machine was not looked at yet: the first look comes a quarter of a minute after serve starts";
        return Err((words.to_owned(), Vec::new()));
    };
    let findings: Vec<&Finding> = found.findings.iter().filter(|of| of.id == check).collect();
    if findings.is_empty() {
        return Err((format!("{check} is no check of what runs on this machine"), Vec::new()));
    }
    let by_hand = || -> Vec<String> {
        let texts = findings.iter().flat_map(|of| [of.remedy.clone(), of.persistent.clone()]);
        let mut texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
        texts.dedup();
        texts
    };
    let hands = machine.hands();
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
    if let Some(why) = may_write(&plans, &hands, &known.fleet.state) {
        let commands = std::iter::once(audit("fix", check, &known.fleet.state)).chain(by_hand()).collect();
        return Err((may_not(&why), commands));
    }
    match resets(&plans).then(|| dangerous(&asked.host, known)).flatten() {
        Some(why) => Err((why, Vec::new())),
        None => Ok((plans, Vec::new())),
    }
}

/// What may not be written; none: all may.
fn may_write(plans: &[Plan], hands: &Hands, state: &Path) -> Option<String> {
    plans.iter().find_map(|plan| plan.forbidden(hands)).or_else(|| {
        Journal::may_write(state).err().map(|error| format!("its journal in {}: {error}", state.display()))
    })
}

/// Why a link of this host must not be stopped now.
fn dangerous(host: &str, known: &Known) -> Option<String> {
    let here = known.status.hosts.iter().find(|of| of.name == host);
    let on_it = |name| here.is_some_and(|host| host.beacons.contains(name));
    let mut others = known.status.beacons.iter().filter(|beacon| !on_it(&beacon.name));
    if here.is_some_and(|host| !host.beacons.is_empty())
        && !others.any(|beacon| beacon.healthy && beacon.lifecycle == Lifecycle::Active)
    {
        return Some(format!("no beacon but those on {host} is healthy: stopping its link stops validators"));
    }
    let clock = known.clock.as_ref()?;
    let slot = clock.slot_at(known.now)?;
    let until = slot.0 + BLOCKS_WITHIN * clock.slots_per_epoch();
    let block = known.proposing.iter().find(|of| (slot.0..=until).contains(&of.0))?;
    Some(format!("a block is due in slot {block}: what stops a link waits until it is through"))
}

fn of_plan(plan: &Plan, known: &Known) -> Vec<Fact> {
    let mut facts: Vec<Fact> = plan
        .files
        .iter()
        .take(NAMED)
        .map(|file| {
            let whose = file.within.as_ref().map(|(pid, _)| format!(", for process {pid} and its container"));
            let words =
                format!("{} = {}  (now {}{})", file.path, file.to, file.was, whose.unwrap_or_default());
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
    if plan.apply.disturbs() {
        let (weight, words) = match &known.clock {
            Some(_) => (Weight::Plain, "it waits until no duty is due, a slot at most"),
            None => (Weight::Careful, "no slot clock is known: duties may be due while it is written"),
        };
        facts.push(fact("when", weight, words));
    }
    if plan.apply == Apply::Resets {
        let words = format!("by itself after {} s, unless somebody keeps it: w, keep", KEEP_WITHIN.as_secs());
        facts.push(fact("taken back", Weight::Careful, words));
    }
    facts.push(fact(
        "undo",
        Weight::Plain,
        format!("w, take back; or beacondeck audit --revert {}", plan.check),
    ));
    facts
}

fn revert(asked: &RemedyAsked, machine: &Machine, known: &Known) -> Drawn {
    let (check, state) = (&asked.check, &known.fleet.state);
    let told = Journal::read(state).into_iter().rev();
    let of = told.filter(|(entry, end)| {
        entry.check == *check && end.as_ref().is_none_or(|end| end.how == How::Applied)
    });
    let entries: Vec<Entry> = of.map(|(entry, _)| entry).collect();
    if entries.is_empty() {
        return Err((format!("nothing that was written for {check} stands"), Vec::new()));
    }
    match forbidden(&entries, &machine.hands()) {
        Some(why) => Err((may_not(&why), vec![audit("revert", check, state)])),
        None => Ok((Vec::new(), entries)),
    }
}

fn forbidden(entries: &[Entry], hands: &Hands) -> Option<String> {
    let values = entries.iter().flat_map(|entry| &entry.files).filter(|file| file.within.is_none());
    let values = values.map(|file| (&file.path, hands.may_write(None, &file.path)));
    let files = entries.iter().filter_map(|entry| entry.drop_in.as_ref());
    let files = files.map(|own| (&own.path, hands.may_put(&own.path)));
    values.chain(files).find_map(|(path, may)| may.err().map(|error| format!("{path}: {error}")))
}

fn of_entries(entries: &[Entry]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for entry in entries {
        let files = entry.files.iter().take(NAMED);
        facts.extend(
            files.map(|file| fact("write back", Weight::Plain, format!("{} = {}", file.path, file.was))),
        );
        if let Some(own) = &entry.drop_in {
            let word = if own.was.is_some() { "write back" } else { "remove" };
            facts.push(fact(word, Weight::Plain, own.path.clone()));
        }
        facts.push(fact("written by", Weight::Plain, entry.who.clone()));
    }
    if !facts.is_empty() {
        facts.push(fact("but", Weight::Fine, "what somebody else has changed since is left alone"));
    }
    facts
}
