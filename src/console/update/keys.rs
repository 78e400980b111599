//! Keys of the key table. Pure.

use crate::console::event::Effect;
use crate::console::frame::{Hit, hit};
use crate::console::key::Key;
use crate::console::keys::{Action, Keymap, Scope};
use crate::console::line::Line;
use crate::console::panels::{PANELS, place_of};
use crate::console::piece::text_of;
use crate::console::state::{Detail, Mode, Seat, State};
use crate::console::table::{Row, Table};
use crate::console::theme::Role;
use crate::model::{Intent, Play};

use super::{orders, remedies, typing};

/// Takes a key in whatever mode.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    if state.mode != Mode::Normal {
        return typing::key(state, key);
    }
    let Some(action) = state.options.keymap.action(key, state.options.seat == Seat::Replay) else {
        return Vec::new();
    };
    if let Some(why) = dead(state, action) {
        state.toasts.push(Role::Warn, format!("`{key}` does nothing here: {why}"), state.now);
        return Vec::new();
    }
    act(state, action)
}

/// Why a key is dead here; none: it is alive.
fn dead(state: &State, action: Action) -> Option<String> {
    match Keymap::scope(action) {
        Scope::Orders if !PANELS[state.panel].of_beacons() => {
            Some("orders are for beacons, in Overview (1) and Beacons (2)".to_owned())
        }
        Scope::Notes if !PANELS[state.panel].takes_notes() => {
            Some("what is wrong is in Overview (1), Beacons (2) and Incidents (3)".to_owned())
        }
        Scope::Hosts if !PANELS[state.panel].of_hosts() => {
            Some("remedies are of hosts, in Hosts (7) and Clocks (c)".to_owned())
        }
        Scope::Orders | Scope::Notes | Scope::Hosts => {
            state.nothing_live().map(str::to_owned).or_else(|| state.no_orders.clone())
        }
        Scope::Attached if state.options.seat == Seat::Embedded => {
            Some("routing runs in this process and would stop".to_owned())
        }
        Scope::Attached | Scope::All | Scope::Table | Scope::Marks | Scope::Replay => None,
    }
}

/// The table in front.
fn table(state: &State) -> Table {
    PANELS[state.panel].table(&state.view())
}

/// Rows a page has, roughly: what the frame leaves.
fn page(state: &State) -> isize {
    (isize::try_from(state.size.1).unwrap_or(24) - 8).max(1)
}

fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Panel(number) => go(state, usize::from(number).saturating_sub(1)),
        Action::Next => go(state, (state.panel + 1) % PANELS.len()),
        Action::Previous => go(state, (state.panel + PANELS.len() - 1) % PANELS.len()),
        Action::Down => step(state, 1),
        Action::Up => step(state, -1),
        Action::PageDown => step(state, page(state)),
        Action::PageUp => step(state, -page(state)),
        Action::Top => step(state, isize::MIN + 1),
        Action::Bottom => step(state, isize::MAX),
        Action::Open => open(state),
        Action::Back => back(state),
        Action::Filter => {
            let text = state.tables[state.panel].filter.clone();
            state.details[state.panel] = None;
            state.mode = Mode::Filter(Line::new(&text), text);
        }
        Action::Command => state.mode = Mode::Command(Line::default(), None),
        Action::Help => go(state, place_of("help").unwrap_or_default()),
        Action::Mark | Action::MarkRange | Action::Unmark => mark(state, action),
        Action::Sort => sort(state, false),
        Action::Reverse => sort(state, true),
        Action::Faults => {
            let faults = &mut state.tables[state.panel].faults;
            *faults = !*faults;
        }
        Action::Freeze => freeze(state),
        Action::Earlier => scrub(state, -1),
        Action::Later => scrub(state, 1),
        Action::Copy => return copy(state),
        Action::Drain => return orders::ask_lifecycle(state),
        Action::Restart => return orders::ask_one(state, Intent::Restart),
        Action::Upgrade => return orders::ask_one(state, Intent::Upgrade),
        Action::Ack => return orders::ack(state),
        Action::Silence => orders::ask_silence(state),
        Action::Remedy => return remedies::choose(state),
        Action::Abort => return orders::ask_abort(state),
        Action::Play(how) => return play(state, how),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit => return orders::leave(state, false),
        Action::QuitKeep => return orders::leave(state, true),
    }
    Vec::new()
}

/// A click: on a tab its panel, on a row the row, on the selected row its details. Where a box is open or text is typed it
/// does nothing, so that no order is ever a click away.
pub fn click(state: &mut State, at: (u16, u16)) -> Vec<Effect> {
    if state.mode != Mode::Normal {
        return Vec::new();
    }
    match hit(state, at) {
        Some(Hit::Tab(panel)) => go(state, panel),
        Some(Hit::Row(id)) if state.tables[state.panel].selected.as_ref() == Some(&id) => open(state),
        Some(Hit::Row(id)) => {
            let table = table(state);
            state.tables[state.panel].select(&table, &id);
        }
        None => {}
    }
    Vec::new()
}

/// The wheel moves as the keys do.
pub fn wheel(state: &mut State, rows: i8) -> Vec<Effect> {
    if state.mode == Mode::Normal {
        step(state, isize::from(rows));
    }
    Vec::new()
}

/// Puts a panel in front.
pub fn go(state: &mut State, panel: usize) {
    if panel < PANELS.len() {
        state.panel = panel;
    }
}

fn step(state: &mut State, by: isize) {
    if let Some(detail) = &mut state.details[state.panel] {
        detail.scroll = detail.scroll.saturating_add_signed(by);
        let lines = PANELS[state.panel]
            .detail(
                &state.view(),
                &state.details[state.panel].clone().map(|detail| detail.id).unwrap_or_default(),
                state.size.0,
            )
            .map_or(0, |lines| lines.len());
        if let Some(detail) = &mut state.details[state.panel] {
            detail.scroll = detail.scroll.min(lines.saturating_sub(1));
        }
        return;
    }
    let table = table(state);
    state.tables[state.panel].step(&table, by);
}

fn open(state: &mut State) {
    let Some(id) = state.tables[state.panel].selected.clone() else { return };
    if state.details[state.panel].is_none()
        && PANELS[state.panel].detail(&state.view(), &id, state.size.0).is_some()
    {
        state.details[state.panel] = Some(Detail { id, scroll: 0 });
    }
}

/// One level back: messages, details, filter, frozen time; never out.
fn back(state: &mut State) {
    let table = &mut state.tables[state.panel];
    if state.toasts.clear() || state.details[state.panel].take().is_some() {
        return;
    }
    if !table.filter.is_empty() || table.faults {
        table.filter.clear();
        table.faults = false;
    } else if state.explained.slot.is_some() && PANELS[state.panel].explains() {
        state.explained.slot = None;
        state.explained.asked = None;
    } else {
        state.frozen = None;
    }
}

fn mark(state: &mut State, action: Action) {
    let table = table(state);
    let of = &mut state.tables[state.panel];
    match action {
        Action::Mark => of.mark(&table),
        Action::MarkRange => of.mark_range(&table),
        _ => of.marks.clear(),
    }
}

fn sort(state: &mut State, reverse: bool) {
    let table = table(state);
    let of = &mut state.tables[state.panel];
    if reverse {
        of.reverse();
    } else {
        of.sort_next(table.columns.len());
    }
    let words = match of.sort {
        None => "in the table's own order".to_owned(),
        Some((column, reverse)) => {
            let way = if reverse { "largest first" } else { "smallest first" };
            format!("sorted by {}, {way}", table.columns[column].title)
        }
    };
    state.toasts.push(Role::Info, words, state.now);
}

/// Moves in the recording; what was frozen is left, as for an order.
pub fn play(state: &mut State, how: Play) -> Vec<Effect> {
    state.frozen = None;
    vec![Effect::Play(how)]
}

fn freeze(state: &mut State) {
    state.frozen = match state.frozen {
        Some(_) => None,
        None => state.history.newest().map(|newest| newest.at),
    };
}

fn scrub(state: &mut State, by: isize) {
    let from = state.shown();
    if let Some(to) = state.history.step(from, by) {
        state.frozen = Some(to);
    }
}

fn copy(state: &mut State) -> Vec<Effect> {
    let panel = PANELS[state.panel];
    if let Some(detail) = &state.details[state.panel] {
        let lines = panel.detail(&state.view(), &detail.id, state.size.0).unwrap_or_default();
        let text = lines.iter().map(text_of).collect::<Vec<_>>().join("\n");
        return vec![Effect::Copy { what: detail.id.clone(), text }];
    }
    let table = table(state);
    let of = &state.tables[state.panel];
    let wanted = of.targets(&table);
    let rows: Vec<&Row> = table.rows.iter().filter(|row| wanted.contains(&row.id)).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let text = rows
        .iter()
        .map(|row| row.cells.iter().map(|cell| cell.text.trim()).collect::<Vec<_>>().join("\t"))
        .collect::<Vec<_>>()
        .join("\n");
    let what = rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(", ");
    vec![Effect::Copy { what, text }]
}
