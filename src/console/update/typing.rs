//! Keys while text is typed or a box is open: no key of the table is alive here. Pure.

use crate::console::command::{self, Words};
use crate::console::confirm::Answer;
use crate::console::event::{Effect, Leave, Routing};
use crate::console::filter::Filter;
use crate::console::key::{Code, Key};
use crate::console::line::Line;
use crate::console::panels::PANELS;
use crate::console::remedy::Chosen;
use crate::console::state::{Mode, State};
use crate::console::theme::Role;
use crate::model::FleetStatus;

use super::{orders, remedies};

/// Commands that are remembered.
const SAID: usize = 100;

/// Takes a key.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    match std::mem::replace(&mut state.mode, Mode::Normal) {
        Mode::Normal => Vec::new(),
        Mode::Filter(line, before) => filter(state, key, line, before),
        Mode::Command(line, place) => command(state, key, line, place),
        Mode::Confirm(mut confirm) => match confirm.take(key) {
            Answer::Open => {
                state.mode = Mode::Confirm(confirm);
                Vec::new()
            }
            Answer::Cancel => {
                state.toasts.push(Role::Info, "nothing was done", state.now);
                Vec::new()
            }
            Answer::Go => orders::give(state, confirm.orders),
            Answer::Copy(text) => vec![Effect::Copy { what: "the commands".to_owned(), text }],
        },
        Mode::Choosing(mut choice) => match choice.take(key) {
            Chosen::Open => {
                state.mode = Mode::Choosing(choice);
                Vec::new()
            }
            Chosen::None => Vec::new(),
            Chosen::This(asked) => remedies::ask(state, asked),
        },
        Mode::AskingRemedy(asked) => {
            if key.code != Code::Esc && key != Key::ctrl('c') {
                state.mode = Mode::AskingRemedy(asked);
            }
            Vec::new()
        }
        Mode::Asking(intent, beacons) => {
            if key.code != Code::Esc && key != Key::ctrl('c') {
                state.mode = Mode::Asking(intent, beacons);
            }
            Vec::new()
        }
        Mode::Leaving(keep) => leaving(state, key, keep),
    }
}

/// Takes pasted text: only where text is typed, and never as keys.
pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    let keys: Vec<Key> = text.chars().filter(|c| !c.is_control()).map(Key::char).collect();
    match &mut state.mode {
        Mode::Filter(line, _) | Mode::Command(line, _) => {
            for key in keys {
                line.take(key);
            }
            if let Mode::Filter(line, _) = &state.mode {
                line.text().clone_into(&mut state.tables[state.panel].filter);
            }
        }
        _ => {}
    }
    Vec::new()
}

fn filter(state: &mut State, key: Key, mut line: Line, before: String) -> Vec<Effect> {
    let of = &mut state.tables[state.panel];
    match (key.code, key.ctrl) {
        (Code::Esc, _) | (Code::Char('c'), true) => of.filter = before,
        (Code::Enter, _) => {
            let columns = PANELS[state.panel].table(&state.view()).columns;
            if let Err(why) = Filter::read(line.text(), columns) {
                state.toasts.push(Role::Warn, why, state.now);
                state.mode = Mode::Filter(line, before);
            }
        }
        _ => {
            line.take(key);
            line.text().clone_into(&mut of.filter);
            state.mode = Mode::Filter(line, before);
        }
    }
    Vec::new()
}

fn command(state: &mut State, key: Key, mut line: Line, place: Option<usize>) -> Vec<Effect> {
    let last = state.said.len();
    let recall = |to: usize| state.said.get(to).map(|text| (Line::new(text), Some(to)));
    match (key.code, key.ctrl) {
        (Code::Esc, _) | (Code::Char('c'), true) => return Vec::new(),
        (Code::Backspace, _) if line.text().is_empty() => return Vec::new(),
        (Code::Enter, _) => return run(state, line.text().trim()),
        (Code::Tab, _) => {
            let text = command::complete(line.text(), &candidates(state, line.text()));
            line = Line::new(&text);
        }
        (Code::Up, _) => {
            let to = place.unwrap_or(last).checked_sub(1).and_then(recall);
            let (line, place) = to.unwrap_or((line, place));
            state.mode = Mode::Command(line, place);
            return Vec::new();
        }
        (Code::Down, _) => {
            let to = place.and_then(|place| recall(place + 1)).unwrap_or((Line::default(), None));
            state.mode = Mode::Command(to.0, to.1);
            return Vec::new();
        }
        _ => {
            line.take(key);
        }
    }
    state.mode = Mode::Command(line, place);
    Vec::new()
}

/// What could stand where the command's last word is typed.
pub fn candidates(state: &State, text: &str) -> Vec<String> {
    let beacons: Vec<String> = state
        .view()
        .status
        .map(|status| status.beacons.iter().map(|beacon| beacon.name.to_string()).collect())
        .unwrap_or_default();
    let status = state.view().status;
    let pages = status.map(FleetStatus::pages).unwrap_or_default();
    let silenceable = status.map(FleetStatus::silenceable).unwrap_or_default();
    let silences = status.iter().flat_map(|status| &status.silences);
    let silenced: Vec<String> = silences.map(|silence| silence.key.clone()).collect();
    let checks = remedies::checks(state);
    let themes: Vec<String> = state.options.themes.names().map(str::to_owned).collect();
    let words = Words {
        beacons: &beacons,
        pages: &pages,
        silenceable: &silenceable,
        silenced: &silenced,
        checks: &checks,
        themes: &themes,
    };
    command::candidates(text, words)
}

fn run(state: &mut State, text: &str) -> Vec<Effect> {
    if text.is_empty() {
        return Vec::new();
    }
    if state.said.last().is_none_or(|last| last != text) {
        state.said.push(text.to_owned());
        let over = state.said.len().saturating_sub(SAID);
        state.said.drain(..over);
    }
    match command::read(text) {
        Ok(Some(command)) => orders::run(state, command),
        Ok(None) => Vec::new(),
        Err(why) => {
            state.toasts.push(Role::Warn, why, state.now);
            state.mode = Mode::Command(Line::new(text), None);
            Vec::new()
        }
    }
}

fn leaving(state: &mut State, key: Key, keep: bool) -> Vec<Effect> {
    let hand_over = state.options.can_hand_over;
    match key.code {
        Code::Char('l') if !key.ctrl && hand_over => {
            vec![Effect::Leave(Leave { routing: Routing::HandOver, keep })]
        }
        Code::Char('s') if !key.ctrl => vec![Effect::Leave(Leave { routing: Routing::Stop, keep })],
        Code::Esc | Code::Enter => Vec::new(),
        _ => {
            state.mode = Mode::Leaving(keep);
            Vec::new()
        }
    }
}
