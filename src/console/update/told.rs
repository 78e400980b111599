//! What serve says. Pure.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::control::{Event as Said, Watcher};
use crate::model::{FleetStatus, JournalEntry, Lifecycle, LogLine, Operation, Tape, UnixMs};

use crate::console::course;
use crate::console::event::Effect;
use crate::console::history::History;
use crate::console::state::{JOURNAL, LOG, State};
use crate::console::theme::Role;
use crate::console::trouble::troubles;

/// An entry older than this is history, not news.
const NEWS_MS: i64 = 10_000;
/// Slots of a recording that may be passed over while it plays fast.
const JUMP: u64 = 8;
/// It rings at most so often.
const RING_EVERY_MS: i64 = 30_000;

/// Takes what serve said.
pub fn said(state: &mut State, said: Said) -> Vec<Effect> {
    match said {
        Said::Snapshot(status) => return snapshot(state, &status),
        Said::Journal(entry) => journal(state, entry),
        Said::Log(line) => log(state, line),
        Said::Watchers(watchers) => self::watchers(state, watchers),
        // What was true is true still: the newest snapshot is as young as this.
        Said::Alive { at } => alive(state, at),
        Said::Ended { message } => state.toasts.push(Role::Warn, message, state.now),
    }
    Vec::new()
}

fn snapshot(state: &mut State, status: &Arc<FleetStatus>) -> Vec<Effect> {
    let before = state.history.newest().cloned();
    tape(state, before.as_deref(), status);
    if before.as_ref().is_some_and(|before| jumps(before, status)) {
        // What was seen long before says nothing of when things changed.
        state.history = History::default();
    }
    state.history.push(status.clone());
    if let Some(before) = before {
        operations(state, &before, status);
        lifecycles(state, &before, status);
    }
    let view =
        crate::console::view::View { now: state.present(), status: Some(status.as_ref()), ..state.view() };
    let critical: BTreeSet<String> = troubles(&view)
        .into_iter()
        .filter(|trouble| trouble.role == Role::Crit && trouble.ack.is_none() && trouble.silence.is_none())
        .map(|trouble| trouble.what)
        .collect();
    let fresh = state.known.as_ref().and_then(|known| critical.difference(known).next().cloned());
    state.known = Some(critical);
    let quiet = state.rang.is_some_and(|rang| state.now.since(rang) < RING_EVERY_MS);
    match fresh {
        Some(what) if state.bell && !quiet => {
            state.rang = Some(state.now);
            vec![Effect::Ring(format!("{}: {what}", status.fleet))]
        }
        _ => Vec::new(),
    }
}

/// That a restart or upgrade has ended is told to everyone who looks, whoever began it.
fn operations(state: &mut State, before: &FleetStatus, after: &FleetStatus) {
    for operation in &after.operations {
        let Some((ending, _, words)) = &operation.end else { continue };
        let same = |old: &&Operation| old.id == operation.id && old.began == operation.began;
        if before.operations.iter().find(same).is_some_and(Operation::is_running) {
            state.toasts.push(course::role(*ending), words.clone(), state.now);
        }
    }
}

/// What an order led to is told when it has.
fn lifecycles(state: &mut State, before: &FleetStatus, after: &FleetStatus) {
    for beacon in &after.beacons {
        let Some(old) = before.beacons.iter().find(|old| old.name == beacon.name) else { continue };
        // Where something runs, that is not the news.
        let runs = after.operations.iter().any(|of| of.is_running() && of.beacon == beacon.name);
        if !runs && beacon.lifecycle == Lifecycle::Drained && matches!(old.lifecycle, Lifecycle::Draining(_))
        {
            let text = format!("{} is drained: nothing is in flight, it can be stopped", beacon.name);
            state.toasts.push(Role::Ok, text, state.now);
        }
    }
}

/// Whether many slots of a recording lie between two snapshots.
fn jumps(before: &FleetStatus, after: &FleetStatus) -> bool {
    let places = before.tape.as_ref().zip(after.tape.as_ref());
    places.is_some_and(|(before, after)| after.place > before.place + JUMP)
}

/// What is new of the recording itself: that it cannot be read as it should, and where it ends.
fn tape(state: &mut State, before: Option<&FleetStatus>, after: &FleetStatus) {
    let Some(tape) = &after.tape else { return };
    let known = before.and_then(|before| before.tape.as_ref());
    if let Some(note) = tape.note.clone().filter(|_| known.is_none_or(|known| known.note.is_none())) {
        state.toasts.push(Role::Warn, note, state.now);
    }
    if tape.has_ended() && !known.is_some_and(Tape::has_ended) {
        let slot = after.slot.unwrap_or_default();
        let text = format!("the recording ends here, with slot {slot}");
        state.toasts.push(Role::Info, text, state.now);
    }
}

fn alive(state: &mut State, at: UnixMs) {
    let Some(newest) = state.history.newest().filter(|newest| newest.at < at) else { return };
    let status = FleetStatus { at, ..newest.as_ref().clone() };
    state.history.push(Arc::new(status));
}

fn journal(state: &mut State, entry: JournalEntry) {
    // After a reconnection the latest entries are told again.
    if state.journal.iter().any(|known| known.id == entry.id && known.at == entry.at) {
        return;
    }
    // The end of a restart or upgrade, which is no order, is told with the status.
    let mine = entry.who == state.me() || entry.order.is_none() && entry.what.ends_with(" ended");
    if !mine && state.now.since(entry.at) < NEWS_MS {
        let target = entry.target.as_deref().map_or(String::new(), |target| format!(" {target}"));
        let text = format!("{}: {}{target}: {}", entry.who, entry.what, entry.outcome);
        state.toasts.push(Role::Info, text, state.now);
    }
    keep(&mut state.journal, entry, JOURNAL);
}

fn log(state: &mut State, line: LogLine) {
    if !state.log.iter().any(|known| known.id == line.id && known.at == line.at) {
        keep(&mut state.log, line, LOG);
    }
}

fn watchers(state: &mut State, watchers: Vec<Watcher>) {
    let consoles = |list: &[Watcher]| -> Vec<(u64, String)> {
        list.iter().filter(|w| w.program == "console").map(|w| (w.id, w.who.clone())).collect()
    };
    let (before, after) = (consoles(&state.watchers), consoles(&watchers));
    if !before.is_empty() {
        for (id, who) in after.iter().filter(|new| !before.contains(new)) {
            let _ = id;
            state.toasts.push(Role::Info, format!("{who} opened a console"), state.now);
        }
        for (_, who) in before.iter().filter(|old| !after.contains(old)) {
            state.toasts.push(Role::Info, format!("{who} left"), state.now);
        }
    }
    state.watchers = watchers;
}

fn keep<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(item);
}
