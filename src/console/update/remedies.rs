//! Remedies of hosts: chosen, asked for, ordered. Pure.

use crate::console::event::Effect;
use crate::console::remedy::{Choice, confirm};
use crate::console::state::{Mode, State};
use crate::console::theme::Role;
use crate::control::Order;
use crate::model::{HostStatus, RemedyAsked, RemedyPlan, RemedyVerb};

use super::orders::{give, targets};

/// Opens what can be done on the host at hand.
pub fn choose(state: &mut State) -> Vec<Effect> {
    // What can be done is of now, whatever moment is looked at.
    state.frozen = None;
    let names = targets(state);
    let now = state.now;
    let hosts = state.view().status.map_or(&[][..], |status| &status.hosts);
    let choice =
        hosts.iter().find(|host| names.first() == Some(&host.name)).map(|host| Choice::of(host, now));
    match choice {
        Some(choice) if !choice.offers.is_empty() => state.mode = Mode::Choosing(choice),
        Some(choice) => {
            let words = format!("{}: nothing found that has a remedy, and none was written", choice.host);
            state.toasts.push(Role::Info, words, state.now);
        }
        None => state.toasts.push(Role::Warn, "no host is selected", state.now),
    }
    Vec::new()
}

/// Asks what a remedy would do; to keep one is done at once, as it must be done in time.
pub fn ask(state: &mut State, asked: RemedyAsked) -> Vec<Effect> {
    if asked.verb == RemedyVerb::Keep {
        return give(state, vec![Order::Remedy { asked, seal: String::new() }]);
    }
    state.mode = Mode::AskingRemedy(asked.clone());
    vec![Effect::Remedy(asked)]
}

/// The same for the remedy of a check by its name: on the host at hand, else on the only one it is of.
pub fn ask_of(state: &mut State, verb: RemedyVerb, check: &str) -> Vec<Effect> {
    state.frozen = None;
    let at_hand = targets(state);
    let hosts = state.view().status.map_or(&[][..], |status| &status.hosts);
    let of: Vec<&str> =
        hosts.iter().filter(|host| has(host, verb, check)).map(|host| host.name.as_str()).collect();
    let host = match of.as_slice() {
        [only] => Some((*only).to_owned()),
        several => {
            several.iter().find(|name| at_hand.iter().any(|at| at == *name)).map(|name| (*name).to_owned())
        }
    };
    let Some(host) = host else {
        let words = match of.as_slice() {
            [] => format!("no host has anything to {verb} of {check}"),
            several => format!("{check} is of {}; select one in Hosts", several.join(", ")),
        };
        state.toasts.push(Role::Warn, words, state.now);
        return Vec::new();
    };
    ask(state, RemedyAsked { verb, host, check: check.to_owned() })
}

fn has(host: &HostStatus, verb: RemedyVerb, check: &str) -> bool {
    match verb {
        RemedyVerb::Fix => host.findings.iter().any(|of| of.check == check),
        RemedyVerb::Keep | RemedyVerb::Revert => {
            host.remedies.iter().any(|of| of.check == check && of.state.stands())
        }
    }
}

/// Checks that found something, or whose remedy stands.
pub fn checks(state: &State) -> Vec<String> {
    let hosts = state.view().status.map_or(&[][..], |status| &status.hosts);
    let found = hosts.iter().flat_map(|host| host.findings.iter().map(|of| of.check.clone()));
    let begun = hosts.iter().flat_map(|host| &host.remedies).filter(|of| of.state.stands());
    let mut checks: Vec<String> = found.chain(begun.map(|of| of.check.clone())).collect();
    checks.sort();
    checks.dedup();
    checks
}

/// What it would do is known: the box opens, unless the question was given up.
pub fn told(state: &mut State, told: Result<RemedyPlan, String>) {
    let Mode::AskingRemedy(asked) = &state.mode else { return };
    match told {
        Ok(plan) if plan.asked == *asked => state.mode = Mode::Confirm(confirm(&plan)),
        // To a question that was given up before.
        Ok(_) => {}
        Err(why) => {
            let text = format!("nothing was ordered: what it would do is not known: {why}");
            state.mode = Mode::Normal;
            state.toasts.push(Role::Crit, text, state.now);
        }
    }
}
