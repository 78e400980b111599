//! The bottom line: the keys that are alive here, from the key table; or what is being typed.

use ratatui::layout::Rect;

use super::pen::{Pen, width_of};
use crate::console::filter::Filter;
use crate::console::keys::{Action, Binding, Scope};
use crate::console::line::Line;
use crate::console::panels::PANELS;
use crate::console::piece::{Piece, TextLine, piece};
use crate::console::state::{Mode, Seat, State};
use crate::console::theme::Role;
use crate::model::Operation;

/// Draws the line.
pub fn draw(state: &State, pen: &mut Pen<'_>, row: Rect) {
    pen.fill(row, Role::Text);
    let line = match &state.mode {
        Mode::Filter(line, _) => filter(state, line),
        Mode::Command(line, _) => typed(":", line, "enter: do it, tab: complete, up: recall, esc: no"),
        Mode::Normal
        | Mode::Choosing(_)
        | Mode::Confirm(_)
        | Mode::Asking(..)
        | Mode::AskingRemedy(_)
        | Mode::Leaving(_) => keys(state, usize::from(row.width)),
    };
    pen.line(row.x, row.y, row.width, &line);
}

/// Text with its cursor.
pub fn typed(sign: &str, line: &Line, hint: &str) -> TextLine {
    let (before, at, after) = line.parts();
    let at = if at.is_empty() { " " } else { at };
    vec![
        piece(Role::Key, sign),
        piece(Role::Input, before),
        piece(Role::Selection, at),
        piece(Role::Input, after),
        piece(Role::Dim, format!("  {hint}")),
    ]
}

fn filter(state: &State, line: &Line) -> TextLine {
    let columns = PANELS[state.panel].table(&state.view()).columns;
    match Filter::read(line.text(), columns) {
        Ok(_) => typed("/", line, "enter: keep, esc: as before"),
        Err(why) => {
            let mut line = typed("/", line, "");
            line.push(piece(Role::Warn, why));
            line
        }
    }
}

fn alive(state: &State, binding: &Binding) -> bool {
    match binding.scope {
        Scope::All | Scope::Table => true,
        // It is a key only while there is something to end.
        Scope::Orders if binding.action == Action::Abort && !runs(state) => false,
        Scope::Orders => state.may_order() && PANELS[state.panel].of_beacons(),
        Scope::Notes => state.may_order() && PANELS[state.panel].takes_notes(),
        Scope::Hosts => state.may_order() && PANELS[state.panel].of_hosts(),
        Scope::Attached => state.options.seat != Seat::Embedded,
        Scope::Marks => state.options.seat != Seat::Replay,
        Scope::Replay => state.options.seat == Seat::Replay,
    }
}

/// Whether a restart or an upgrade is under way.
fn runs(state: &State) -> bool {
    let status = state.view().status;
    status.is_some_and(|status| status.operations.iter().any(Operation::is_running))
}

fn keys(state: &State, width: usize) -> TextLine {
    let rows = state.options.keymap.rows().iter();
    let mut shown: Vec<(u8, Vec<Piece>)> = rows
        .filter(|(binding, _)| alive(state, binding))
        .filter_map(|(binding, keys)| {
            let (place, word) = binding.footer?;
            let key = keys.first()?;
            Some((place, vec![piece(Role::Key, key.to_string()), piece(Role::Dim, format!(" {word}  "))]))
        })
        .collect();
    shown.sort_by_key(|(place, _)| *place);
    let mut line = Vec::new();
    for (_, pieces) in shown {
        if width_of(&line) + width_of(&pieces) > width {
            break;
        }
        line.extend(pieces);
    }
    line
}
