//! What lies over the panel: messages, the box before an order, the question before leaving, completions.

use ratatui::layout::Rect;

use super::footer::typed;
use super::pen::Pen;
use crate::console::command::About;
use crate::console::confirm::Confirm;
use crate::console::piece::{Piece, TextLine, piece, plain};
use crate::console::remedy::Choice;
use crate::console::state::{Mode, State};
use crate::console::text::wrap;
use crate::console::theme::Role;

/// Widest box.
const WIDEST: u16 = 90;
/// Lines a message may take.
const TOAST_LINES: usize = 3;
/// Completions that are shown.
const CANDIDATES: usize = 40;

/// Draws them.
pub fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    match &state.mode {
        Mode::Confirm(of) => confirm(pen, area, of),
        Mode::Asking(intent, _) => {
            let last = vec![piece(Role::Dim, "esc: give it up")];
            let line = plain(format!("asking serve what it would mean to {intent} …"));
            boxed(pen, area, "One moment", Role::BorderFocus, &[line], &last);
        }
        Mode::AskingRemedy(asked) => {
            let last = vec![piece(Role::Dim, "esc: give it up")];
            let line = plain(format!("asking serve what the remedy of {} would do …", asked.check));
            boxed(pen, area, "One moment", Role::BorderFocus, &[line], &last);
        }
        Mode::Choosing(of) => choosing(pen, area, of),
        Mode::Leaving(_) => leaving(state, pen, area),
        Mode::Command(line, _) => completions(state, pen, area, line.text()),
        Mode::Normal | Mode::Filter(..) => toasts(state, pen, area),
    }
}

/// A box in the middle, as high as its lines; the last line is always seen.
fn boxed(pen: &mut Pen<'_>, area: Rect, title: &str, role: Role, lines: &[TextLine], last: &TextLine) {
    let width = area.width.saturating_sub(4).min(WIDEST);
    let height = (lines.len() as u16 + 4).min(area.height);
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let within = pen.frame(place, role, title);
    let room = usize::from(within.height.saturating_sub(1));
    for (row, line) in lines.iter().take(room).enumerate() {
        pen.line(within.x, within.y + row as u16, within.width, line);
    }
    if within.height > 0 {
        pen.line(within.x, within.bottom() - 1, within.width, last);
    }
}

fn confirm(pen: &mut Pen<'_>, area: Rect, of: &Confirm) {
    let width = usize::from(area.width.saturating_sub(8).min(WIDEST - 4));
    let lines: Vec<TextLine> = of.consequences.iter().flat_map(|line| folded(line, width)).collect();
    let last = match &of.typed {
        None if of.copy.is_some() => vec![
            piece(Role::Selection, "[ Close ]"),
            piece(Role::Dim, " enter, esc     "),
            piece(Role::Key, "y"),
            piece(Role::Text, " copy the commands"),
        ],
        None if of.orders.is_empty() => {
            vec![piece(Role::Selection, "[ Close ]"), piece(Role::Dim, " enter, esc")]
        }
        None => vec![
            piece(Role::Selection, "[ Cancel ]"),
            piece(Role::Dim, " enter, esc     "),
            piece(Role::Key, "y"),
            piece(Role::Danger, format!(" {} ", of.title.trim_end_matches('?'))),
        ],
        Some((wanted, line)) => {
            let mut last = vec![piece(Role::Warn, format!("type {wanted} and enter, esc cancels: "))];
            last.extend(typed("", line, ""));
            last
        }
    };
    boxed(pen, area, &of.title, Role::BorderFocus, &lines, &last);
}

/// What can be done on a host; as many rows as there is room, the cursor among them.
fn choosing(pen: &mut Pen<'_>, area: Rect, of: &Choice) {
    let room = usize::from(area.height.saturating_sub(4)).max(1);
    let first = (of.at + 1).saturating_sub(room);
    let rows = of.offers.iter().enumerate().skip(first).take(room);
    let lines: Vec<TextLine> = rows
        .map(|(place, offer)| {
            let under = place == of.at;
            let dressed = |of: &Piece| piece(if under { Role::Selection } else { of.role }, of.text.clone());
            offer.line.iter().map(dressed).collect()
        })
        .collect();
    let last = vec![
        piece(Role::Key, "enter"),
        piece(Role::Dim, " shows what it would do   "),
        piece(Role::Key, "esc"),
        piece(Role::Dim, " back"),
    ];
    boxed(pen, area, &format!("Remedies of {}", of.host), Role::BorderFocus, &lines, &last);
}

/// A line with a label, its text broken to a width.
fn folded(line: &TextLine, width: usize) -> Vec<TextLine> {
    let [label, rest] = line.as_slice() else { return vec![line.clone()] };
    let indent = label.text.chars().count();
    let parts = wrap(&rest.text, width.saturating_sub(indent).max(10));
    parts
        .into_iter()
        .enumerate()
        .map(|(place, part)| {
            let label = if place == 0 { label.clone() } else { piece(Role::Dim, " ".repeat(indent)) };
            vec![label, piece(rest.role, part)]
        })
        .collect()
}

fn leaving(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let mut lines = vec![plain("Routing runs in this process: validator clients are connected to it.")];
    if state.options.can_hand_over {
        lines.push(vec![
            piece(Role::Key, "l "),
            piece(Role::Text, "leave it running: it goes on in a serve of its own"),
        ]);
    }
    lines.push(vec![
        piece(Role::Key, "s "),
        piece(Role::Text, "stop routing: what is in flight finishes, then clients find nobody"),
    ]);
    let last = vec![piece(Role::Selection, "[ Cancel ]"), piece(Role::Dim, " enter, esc")];
    boxed(pen, area, "Leave?", Role::BorderFocus, &lines, &last);
}

fn completions(state: &State, pen: &mut Pen<'_>, area: Rect, text: &str) {
    let found = crate::console::update::candidates(state, text);
    let first = text.split_whitespace().next().unwrap_or_default();
    let usage = crate::console::command::COMMANDS.iter().find(|about| about.name == first);
    let line = match usage {
        Some(About { usage, does, .. }) => vec![
            piece(Role::Key, *usage),
            piece(Role::Dim, format!("  {does}  ")),
            piece(Role::Text, found.into_iter().take(CANDIDATES).collect::<Vec<_>>().join("  ")),
        ],
        None => vec![piece(Role::Text, found.into_iter().take(CANDIDATES).collect::<Vec<_>>().join("  "))],
    };
    let row = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    pen.fill(row, Role::Text);
    pen.line(row.x, row.y, row.width, &line);
}

fn toasts(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let mut bottom = area.bottom();
    let width = usize::from(area.width.saturating_sub(6).min(WIDEST));
    for toast in state.toasts.iter().rev() {
        let lines = wrap(&toast.text, width);
        let lines = &lines[..lines.len().min(TOAST_LINES)];
        let height = lines.len() as u16;
        if bottom.saturating_sub(height) <= area.y + 1 {
            return;
        }
        bottom -= height;
        let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) as u16 + 4;
        let place = Rect { x: area.right().saturating_sub(longest), y: bottom, width: longest, height };
        let role = if toast.role == Role::Crit { Role::Danger } else { Role::Toast };
        pen.fill(place, role);
        let sign = match toast.role {
            Role::Crit => "x",
            Role::Warn => "!",
            Role::Ok => "+",
            _ => "-",
        };
        for (row, line) in lines.iter().enumerate() {
            let sign = if row == 0 { sign } else { " " };
            pen.text(place.x, place.y + row as u16, longest, role, &format!(" {sign} {line}"));
        }
    }
}
