//! The frame: header, tabs, the panel in front, footer, and what lies over them. Draws a state into cells, nothing else.
//!
//! It is total: any state at any size. Below [`LEAST`] one line says that the terminal is too small.

mod body;
mod boxes;
mod footer;
mod header;
mod pen;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::State;
use super::theme::Role;
use pen::Pen;

/// Columns and rows below which nothing useful can be shown.
pub const LEAST: (u16, u16) = (40, 10);
/// Rows of header and tabs.
const HEAD: u16 = 3;

/// Draws the state into all of `buffer`.
pub fn draw(state: &State, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut pen = Pen::new(buffer, &state.theme);
    pen.fill(area, Role::Text);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text =
            format!("terminal too small: {}x{}, {}x{} is needed", area.width, area.height, LEAST.0, LEAST.1);
        pen.text(area.x, area.y, area.width, Role::Warn, &text);
    } else {
        let row = |y: u16| Rect { y: area.y + y, height: 1, ..area };
        header::draw(state, &mut pen, row(0), row(1));
        header::tabs(state, &mut pen, row(2));
        let body = Rect { y: area.y + HEAD, height: area.height - HEAD - 1, ..area };
        body::draw(state, &mut pen, body);
        footer::draw(state, &mut pen, row(area.height - 1));
        boxes::draw(state, &mut pen, body);
    }
    if state.options.ascii {
        pen::to_ascii(buffer);
    }
}

/// What a place of the picture is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// The tab of this panel.
    Tab(usize),
    /// The row of this identity, of the table in front.
    Row(String),
}

/// What is drawn at a column and row of the terminal; none: nothing that can be chosen.
pub fn hit(state: &State, (x, y): (u16, u16)) -> Option<Hit> {
    let (width, height) = state.size;
    if width < LEAST.0 || height < LEAST.1 || x >= width {
        return None;
    }
    if y + 1 == HEAD {
        return header::tab_at(state, width, x).map(Hit::Tab);
    }
    let body = Rect { x: 0, y: HEAD, width, height: height - HEAD - 1 };
    body::row_at(state, body, y).map(Hit::Row)
}

/// The state as it is drawn at a size.
pub fn picture(state: &State, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(state, &mut buffer);
    buffer
}
