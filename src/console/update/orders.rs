//! Orders and commands: asked for, given, and how the console is left. Pure.

use crate::control::Order;
use crate::model::{BeaconName, BeaconStatus, Consequences, CulpritKind, Intent, Lifecycle, Play, Slot};

use crate::console::command::Command;
use crate::console::confirm::Confirm;
use crate::console::event::{Effect, Leave, Routing};
use crate::console::handoff::handoff;
use crate::console::line::Line;
use crate::console::panels::{PANELS, place_of};
use crate::console::state::{Mode, Pending, Seat, State};
use crate::console::theme::Role;
use crate::console::trouble::{Trouble, troubles};

use super::keys::{go, play};
use super::remedies;

/// How long is offered when something is silenced.
const USUAL: &str = "1h";

/// What is looked at, marked or selected, in the order of the table.
pub fn targets(state: &State) -> Vec<String> {
    if let Some(detail) = &state.details[state.panel] {
        return vec![detail.id.clone()];
    }
    let table = PANELS[state.panel].table(&state.view());
    state.tables[state.panel].targets(&table)
}

/// Asks what draining or resuming would mean: those that are out come back only if all of them are out.
pub fn ask_lifecycle(state: &mut State) -> Vec<Effect> {
    // Consequences are of now, whatever moment is looked at.
    state.frozen = None;
    let targets = targets(state);
    let view = state.view();
    let beacons: Vec<&BeaconStatus> = targets.iter().filter_map(|name| view.beacon(name)).collect();
    let names = |of: &[&BeaconStatus]| of.iter().map(|beacon| beacon.name.clone()).collect::<Vec<_>>();
    let active: Vec<&BeaconStatus> =
        beacons.iter().copied().filter(|beacon| beacon.lifecycle == Lifecycle::Active).collect();
    let (intent, names) =
        if active.is_empty() { (Intent::Resume, names(&beacons)) } else { (Intent::Drain, names(&active)) };
    ask(state, intent, names)
}

/// Asks what an operation at one beacon would mean.
pub fn ask_one(state: &mut State, intent: Intent) -> Vec<Effect> {
    state.frozen = None;
    let names = targets(state).iter().map(|name| BeaconName::new(name.as_str())).collect();
    ask(state, intent, names)
}

/// Asks what ending an operation would mean: that of the beacon at hand, else the only one that runs.
pub fn ask_abort(state: &mut State) -> Vec<Effect> {
    state.frozen = None;
    let at_hand = targets(state);
    let view = state.view();
    let running: Vec<BeaconName> = view
        .status
        .iter()
        .flat_map(|status| status.operations.iter().filter(|operation| operation.is_running()))
        .map(|operation| operation.beacon.clone())
        .collect();
    let found = running.iter().find(|name| at_hand.iter().any(|at| at == name.as_str()));
    match (found, running.as_slice()) {
        (Some(name), _) => ask(state, Intent::Abort, vec![name.clone()]),
        (None, [only]) => ask(state, Intent::Abort, vec![only.clone()]),
        (None, []) => {
            state.toasts.push(Role::Warn, "no restart and no upgrade is under way", state.now);
            Vec::new()
        }
        (None, _) => {
            state.toasts.push(Role::Warn, "several are under way; select the beacon of one", state.now);
            Vec::new()
        }
    }
}

fn ask(state: &mut State, intent: Intent, beacons: Vec<BeaconName>) -> Vec<Effect> {
    if beacons.is_empty() {
        state.toasts.push(Role::Warn, "no beacon is selected", state.now);
        return Vec::new();
    }
    state.mode = Mode::Asking(intent, beacons.clone());
    vec![Effect::Preflight(intent, beacons)]
}

/// What the order would mean is known: the box opens, unless the question was given up.
pub fn told(state: &mut State, told: Result<Consequences, String>) {
    let Mode::Asking(intent, beacons) = &state.mode else { return };
    match told {
        Ok(told) if told.intent == *intent && told.beacons == *beacons => {
            state.mode = Mode::Confirm(Confirm::of(&state.view(), &told, state.me()));
        }
        // To a question that was given up before.
        Ok(_) => {}
        Err(why) => {
            let text = format!("nothing was ordered: what it would mean is not known: {why}");
            state.mode = Mode::Normal;
            state.toasts.push(Role::Crit, text, state.now);
        }
    }
}

/// Takes note of the worst that nobody has taken note of, or of what is wrong with the beacons at hand where they are chosen.
pub fn ack(state: &mut State) -> Vec<Effect> {
    state.frozen = None;
    let of_incidents = Some(state.panel) == place_of("incidents");
    let chosen =
        of_incidents || state.details[state.panel].is_some() || Some(state.panel) == place_of("beacons");
    let at_hand = targets(state);
    let is_chosen = |name: &str| at_hand.iter().any(|chosen| chosen == name);
    let mine = |trouble: &Trouble| {
        let of_beacons = || trouble.beacons.iter().any(|beacon| is_chosen(beacon.as_str()));
        !chosen || if of_incidents { is_chosen(&trouble.key) } else { of_beacons() }
    };
    let found: Vec<Trouble> = troubles(&state.view()).into_iter().filter(mine).collect();
    let open = found.iter().filter(|trouble| trouble.ack.is_none() && !trouble.pages.is_empty());
    let open: Vec<&Trouble> = open.take(if chosen { usize::MAX } else { 1 }).collect();
    if open.is_empty() {
        let words = match found.iter().find_map(|trouble| trouble.ack.as_ref()) {
            Some(ack) => format!("it is {} already", ack.words()),
            None => "there is nothing here to acknowledge".to_owned(),
        };
        state.toasts.push(Role::Warn, words, state.now);
        return Vec::new();
    }
    let status = state.view().status;
    let fresh = |key: &&String| status.is_some_and(|status| status.ack(key).is_none());
    let keys: Vec<String> =
        open.iter().flat_map(|trouble| trouble.pages.iter().filter(fresh)).cloned().collect();
    give(state, keys.into_iter().map(|key| Order::Ack { key, why: None }).collect())
}

/// Opens the command line to silence what is at hand: an incident where one is chosen, a beacon where one is chosen, else
/// the worst incident.
pub fn ask_silence(state: &mut State) {
    state.frozen = None;
    let of_incidents = Some(state.panel) == place_of("incidents");
    let chosen = state.details[state.panel].is_some() || Some(state.panel) == place_of("beacons");
    let key = if of_incidents {
        targets(state).first().cloned()
    } else if chosen {
        targets(state).first().map(|beacon| CulpritKind::Beacon.called(beacon))
    } else {
        let live = state.view().status.and_then(|status| status.incidents.first().cloned());
        live.filter(|incident| incident.state.is_live()).map(|incident| incident.key())
    };
    let Some(key) = key else {
        let words = "no incident goes on; `:silence beacon NAME 1h` keeps quiet what is to come";
        state.toasts.push(Role::Warn, words, state.now);
        return;
    };
    state.mode = Mode::Command(Line::new(&format!("silence {key} {USUAL} ")), None);
}

/// Gives orders.
pub fn give(state: &mut State, orders: Vec<Order>) -> Vec<Effect> {
    state.tables[state.panel].marks.clear();
    orders
        .into_iter()
        .map(|order| {
            state.orders += 1;
            state.pending.push(Pending { number: state.orders, order: order.clone() });
            Effect::Order(state.orders, order)
        })
        .collect()
}

/// Leaves, or asks first what becomes of routing.
pub fn leave(state: &mut State, keep: bool) -> Vec<Effect> {
    if state.options.seat == Seat::Embedded {
        state.mode = Mode::Leaving(keep);
        return Vec::new();
    }
    vec![Effect::Leave(Leave { routing: Routing::Elsewhere, keep })]
}

/// Carries a command out.
pub fn run(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Ack(key, why) => return may(state, |state| give(state, vec![Order::Ack { key, why }])),
        Command::Silence(key, seconds, why) => {
            return may(state, |state| give(state, vec![Order::Silence { key, seconds, why }]));
        }
        Command::Unsilence(key) => {
            return may(state, |state| give(state, vec![Order::Unsilence { key }]));
        }
        Command::Order(intent, names) => return order(state, intent, &names),
        Command::Remedy(verb, check) => {
            return may(state, |state| remedies::ask_of(state, verb, &check));
        }
        Command::HandOver => return may(state, |state| give(state, vec![Order::HandOver])),
        Command::Panel(panel, filter) => {
            go(state, panel);
            state.details[panel] = None;
            if let Some(filter) = filter {
                state.tables[panel].filter = filter;
            }
        }
        Command::Slot(slot) if state.options.seat == Seat::Replay => return play(state, Play::Goto(slot)),
        Command::Slot(slot) => slot_of(state, slot),
        Command::Speed(speed) if state.options.seat == Seat::Replay => {
            return play(state, Play::Speed(speed));
        }
        Command::Speed(_) => {
            state.toasts.push(Role::Warn, "this is no recording: it goes as fast as time", state.now);
        }
        Command::Handoff => {
            let text = handoff(&state.view());
            return vec![Effect::Copy { what: "the hand-off summary".to_owned(), text }];
        }
        Command::Theme(name) => theme(state, &name),
        Command::Bandwidth(bandwidth) => {
            state.options.bandwidth = bandwidth;
            state.dress();
        }
        Command::Bell(bell) => state.bell = bell,
        Command::Mouse(on) => return mouse(state, on),
        Command::Now => state.frozen = None,
        Command::Quit => return leave(state, false),
    }
    Vec::new()
}

fn mouse(state: &mut State, on: bool) -> Vec<Effect> {
    state.mouse = on;
    let words = if on {
        "click a tab or a row, again for its details; shift and drag selects text; `:set mouse off`"
    } else {
        "the mouse is the terminal's again"
    };
    state.toasts.push(Role::Info, words, state.now);
    vec![Effect::Mouse(on)]
}

/// The same as the keys do, for beacons that are named.
fn order(state: &mut State, intent: Intent, names: &[String]) -> Vec<Effect> {
    may(state, |state| {
        state.frozen = None;
        ask(state, intent, names.iter().map(|name| BeaconName::new(name.as_str())).collect())
    })
}

/// Does it if this console may give orders; else says why not.
fn may(state: &mut State, order: impl FnOnce(&mut State) -> Vec<Effect>) -> Vec<Effect> {
    if state.may_order() {
        return order(state);
    }
    let why = state.nothing_live().map(str::to_owned).or_else(|| state.no_orders.clone());
    state.toasts.push(Role::Warn, why.unwrap_or_default(), state.now);
    Vec::new()
}

/// Requests of a slot; and the picture as it was then, if that is kept.
fn slot_of(state: &mut State, slot: Slot) {
    state.explained.slot = Some(slot);
    state.explained.asked = None;
    state.explained.list.clear();
    if let Some(panel) = place_of("explain") {
        go(state, panel);
        state.details[panel] = None;
    }
    let (role, text) = match state.history.of_slot(slot) {
        Ok(at) => {
            state.frozen = Some(at);
            (Role::Info, format!("slot {slot} as it was; esc: all slots, and back to now"))
        }
        Err(why) => {
            state.frozen = None;
            (Role::Warn, format!("{why}; only its requests are asked for"))
        }
    };
    state.toasts.push(role, text, state.now);
}

fn theme(state: &mut State, name: &str) {
    if state.options.themes.theme(name, state.options.depth).is_some() {
        name.clone_into(&mut state.options.theme);
        state.dress();
        return;
    }
    let known: Vec<&str> = state.options.themes.names().collect();
    state.toasts.push(
        Role::Warn,
        format!("there is no theme {name}; there are {}", known.join(", ")),
        state.now,
    );
}
