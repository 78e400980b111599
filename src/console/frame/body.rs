//! The panel in front: lines, table, lines; or a row in full.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::console::panels::PANELS;
use crate::console::piece::{TextLine, piece};
use crate::console::state::{Detail, State};
use crate::console::table::{Cell, Column, Row, Table, fit};
use crate::console::text::{count, cut};
use crate::console::theme::Role;

/// Rows a table keeps, whatever stands above it.
const ROWS: u16 = 4;
/// Bodies of at least so many rows keep some for what stands below the table.
const TALL: u16 = 20;
/// Columns before the first cell: cursor and mark.
const GUTTER: u16 = 2;

/// Draws the panel.
pub fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let panel = PANELS[state.panel];
    let view = state.view();
    if let Some(detail) = &state.details[state.panel] {
        let lines = panel.detail(&view, &detail.id, area.width).unwrap_or_default();
        return in_full(pen, area, &lines, detail);
    }
    let above = panel.above(&view, area.width);
    let below = panel.below(&view, area.width);
    let table = panel.table(&view);
    let status = status(state, &table);
    let status_rows = u16::from(!status.is_empty());
    let rows = state.tables[state.panel].visible(&table);
    let (above_rows, at) = places(area, (above.len(), below.len()), status_rows, rows.len());
    for (place, line) in above.iter().take(usize::from(above_rows)).enumerate() {
        pen.line(area.x, area.y + place as u16, area.width, line);
    }
    rows_of(state, pen, at, &table, &rows);
    let under = at.bottom() + status_rows;
    pen.line(area.x, at.bottom(), area.width, &status);
    let room = area.bottom().saturating_sub(under + 1);
    for (place, line) in below.iter().take(usize::from(room)).enumerate() {
        pen.line(area.x, under + 1 + place as u16, area.width, line);
    }
}

/// How many lines stand above the table, and where the table is.
fn places(area: Rect, (above, below): (usize, usize), status: u16, rows: usize) -> (u16, Rect) {
    let above = (above as u16).min(area.height.saturating_sub(ROWS + 1 + status));
    let gap = u16::from(above > 0 && area.height > TALL / 2);
    let left = area.height.saturating_sub(above + gap + status);
    let kept = if area.height >= TALL { below as u16 + 1 } else { 0 };
    let wanted = (rows as u16).saturating_add(1);
    let height = wanted.min(left.saturating_sub(kept)).max(left.min(ROWS));
    (above, Rect { y: area.y + above + gap, height, ..area })
}

/// The row of the table that is drawn at a line.
pub fn row_at(state: &State, area: Rect, y: u16) -> Option<String> {
    if state.details[state.panel].is_some() {
        return None;
    }
    let (panel, view) = (PANELS[state.panel], state.view());
    let table = panel.table(&view);
    let lines = (panel.above(&view, area.width).len(), panel.below(&view, area.width).len());
    let rows = state.tables[state.panel].visible(&table);
    let (_, at) = places(area, lines, u16::from(!status(state, &table).is_empty()), rows.len());
    let within = usize::from(y.checked_sub(at.y + 1).filter(|_| y < at.bottom())?);
    let (from, _) = seen(state, at.height, &rows);
    rows.get(from + within).map(|row| row.id.clone())
}

/// The first row that is seen, and the place of the selected one.
fn seen(state: &State, height: u16, rows: &[&Row]) -> (usize, Option<usize>) {
    let room = usize::from(height.saturating_sub(1));
    let id = state.tables[state.panel].selected.as_ref();
    let selected = id.and_then(|id| rows.iter().position(|row| row.id == *id));
    (selected.unwrap_or(0).saturating_sub(room / 2).min(rows.len().saturating_sub(room)), selected)
}

fn in_full(pen: &mut Pen<'_>, area: Rect, lines: &[TextLine], detail: &Detail) {
    let room = usize::from(area.height);
    let from = detail.scroll.min(lines.len().saturating_sub(room));
    for (place, line) in lines.iter().skip(from).take(room).enumerate() {
        pen.line(area.x, area.y + place as u16, area.width, line);
    }
    let hidden = lines.len().saturating_sub(from + room);
    if hidden > 0 {
        let text = format!("… {} more ", count(hidden, "line"));
        let at = area.right().saturating_sub(text.chars().count() as u16);
        pen.text(at, area.bottom().saturating_sub(1), area.width, Role::Dim, &text);
    }
}

/// What the operator did to the table, in a line; empty if nothing.
fn status(state: &State, table: &Table) -> TextLine {
    let of = &state.tables[state.panel];
    let mut words = Vec::new();
    if !of.filter.is_empty() {
        words.push(format!("filter {}", of.filter));
    }
    if of.faults {
        words.push("only faults".to_owned());
    }
    if let Some((column, reverse)) = of.sort {
        let title = table.columns.get(column).map_or("", |column| column.title);
        words.push(format!("sorted by {title} {}", if reverse { "↓" } else { "↑" }));
    }
    if !of.marks.is_empty() {
        words.push(format!("{} marked", of.marks.len()));
    }
    if let Some(slot) = state.explained.slot.filter(|_| PANELS[state.panel].explains()) {
        words.push(format!("slot {slot} only"));
    }
    if words.is_empty() {
        return Vec::new();
    }
    let shown = of.visible(table).len();
    vec![piece(Role::Info, format!("{shown} of {}: {}", count(table.rows.len(), "row"), words.join(", ")))]
}

fn rows_of(state: &State, pen: &mut Pen<'_>, area: Rect, table: &Table, rows: &[&Row]) {
    if area.height == 0 {
        return;
    }
    let widest = |place: usize| {
        let cells = table.rows.iter().filter_map(|row| row.cells.get(place));
        cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0).min(usize::from(u16::MAX)) as u16
    };
    let columns = fit(table.columns, area.width.saturating_sub(GUTTER), widest);
    let sorted = state.tables[state.panel].sort.map(|(column, _)| column);
    let mut x = area.x + GUTTER;
    for (place, width) in &columns {
        let column = &table.columns[*place];
        let role = if sorted == Some(*place) { Role::Strong } else { Role::Title };
        x = cell(pen, (x, area.y), (*width, area.right()), column, column.title, role);
    }
    if rows.is_empty() {
        let text =
            if table.rows.is_empty() { table.empty } else { "no row passes the filter; esc clears it" };
        pen.text(area.x + GUTTER, area.y + 1, area.width.saturating_sub(GUTTER), Role::Dim, text);
        return;
    }
    let of = &state.tables[state.panel];
    let room = usize::from(area.height.saturating_sub(1));
    let (from, selected) = seen(state, area.height, rows);
    for (place, row) in rows.iter().enumerate().skip(from).take(room) {
        let y = area.y + 1 + (place - from) as u16;
        one(pen, Rect { y, height: 1, ..area }, table.columns, &columns, row);
        if of.marks.contains(&row.id) {
            pen.text(area.x + 1, y, 1, Role::Mark, "*");
        }
        if selected == Some(place) {
            pen.text(area.x, y, 1, Role::Mark, "›");
            pen.over(Rect { y, height: 1, ..area }, Role::Selection);
        }
    }
}

fn one(pen: &mut Pen<'_>, row: Rect, columns: &[Column], fitted: &[(usize, u16)], of: &Row) {
    let mut x = row.x + GUTTER;
    for (place, width) in fitted {
        let Some(Cell { text, role, .. }) = of.cells.get(*place) else { continue };
        x = cell(pen, (x, row.y), (*width, row.right()), &columns[*place], text, *role);
    }
}

/// One cell within its width and the line's end; returns where the next begins.
fn cell(
    pen: &mut Pen<'_>,
    (x, y): (u16, u16),
    (width, end): (u16, u16),
    column: &Column,
    text: &str,
    role: Role,
) -> u16 {
    let width = width.min(end.saturating_sub(x));
    let text = cut(text, usize::from(width));
    let space = if column.right { width.saturating_sub(text.chars().count() as u16) } else { 0 };
    pen.text(x.saturating_add(space), y, width, role, &text);
    x.saturating_add(width).saturating_add(1)
}
