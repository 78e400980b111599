//! Orders and commands: asked for, given, and how the console is left. Pure.

use crate::control::Order;
use crate::model::{BeaconStatus, Slot};

use crate::console::command::Command;
use crate::console::confirm::Confirm;
use crate::console::event::{Effect, Leave, Routing};
use crate::console::handoff::handoff;
use crate::console::panels::{PANELS, place_of};
use crate::console::state::{Mode, Pending, Seat, State};
use crate::console::theme::Role;

use super::keys::go;

/// Opens the box for draining or resuming what is marked, selected, or looked at.
pub fn ask_lifecycle(state: &mut State) -> Vec<Effect> {
    let targets = if let Some(detail) = &state.details[state.panel] {
        vec![detail.id.clone()]
    } else {
        let table = PANELS[state.panel].table(&state.view());
        state.tables[state.panel].targets(&table)
    };
    // Consequences are of now, whatever moment is looked at.
    state.frozen = None;
    match Confirm::lifecycle(&state.view(), &targets, state.me()) {
        Some(confirm) => state.mode = Mode::Confirm(confirm),
        None => state.toasts.push(Role::Warn, "no beacon is selected", state.now),
    }
    Vec::new()
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
        Command::Drain(names) => ask(state, &names, true),
        Command::Resume(names) => ask(state, &names, false),
        Command::Panel(panel, filter) => {
            go(state, panel);
            state.details[panel] = None;
            if let Some(filter) = filter {
                state.tables[panel].filter = filter;
            }
        }
        Command::Slot(slot) => slot_of(state, slot),
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
        Command::Now => state.frozen = None,
        Command::Quit => return leave(state, false),
    }
    Vec::new()
}

fn ask(state: &mut State, names: &[String], drain: bool) {
    if !state.may_order() {
        let why = state.no_orders.clone().unwrap_or_else(|| "a saved picture takes no orders".to_owned());
        state.toasts.push(Role::Warn, why, state.now);
        return;
    }
    state.frozen = None;
    let view = state.view();
    let unknown: Vec<&str> =
        names.iter().filter(|name| view.beacon(name).is_none()).map(String::as_str).collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = view
            .status
            .iter()
            .flat_map(|status| status.beacons.iter().map(|beacon| beacon.name.as_str()))
            .collect();
        let text = format!("there is no beacon {}; this fleet has {}", unknown.join(", "), known.join(", "));
        state.toasts.push(Role::Warn, text, state.now);
        return;
    }
    let beacons: Vec<&BeaconStatus> = names.iter().filter_map(|name| view.beacon(name)).collect();
    let confirm = if drain {
        Confirm::drain(&view, &beacons, state.me())
    } else {
        Confirm::resume(&view, &beacons, state.me())
    };
    state.mode = Mode::Confirm(confirm);
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
    state.toasts.push(Role::Info, format!("requests of slot {slot}; esc: of all slots"), state.now);
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
