//! Writing into cells: clipped, by role, and in letters of ASCII where the terminal has no others.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::piece::{Piece, TextLine};
use crate::console::theme::{Role, Theme};

/// Letters that stand for others where there is only ASCII.
const LETTERS: [(&str, &str); 28] = [
    ("■", "#"),
    ("►", ">"),
    ("‖", "|"),
    ("●", "+"),
    ("▼", "x"),
    ("▲", "^"),
    ("◐", "~"),
    ("○", "o"),
    ("…", "~"),
    ("·", "-"),
    ("›", ">"),
    ("│", "|"),
    ("─", "-"),
    ("┌", "+"),
    ("┐", "+"),
    ("└", "+"),
    ("┘", "+"),
    ("▁", "."),
    ("▂", "."),
    ("▃", ":"),
    ("▄", ":"),
    ("▅", "-"),
    ("▆", "="),
    ("▇", "#"),
    ("█", "#"),
    ("↑", "^"),
    ("↓", "v"),
    ("µ", "u"),
];

/// Where to draw and how roles look.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
}

impl<'a> Pen<'a> {
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
    }

    /// Text of at most `width` columns; returns the column behind it.
    pub fn text(&mut self, x: u16, y: u16, width: u16, role: Role, text: &str) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return x;
        }
        self.buffer.set_stringn(x, y, text, usize::from(width), self.theme.style(role)).0
    }

    /// Pieces side by side, in at most `width` columns; returns the column behind them.
    pub fn line(&mut self, x: u16, y: u16, width: u16, line: &[Piece]) -> u16 {
        let end = x.saturating_add(width);
        line.iter().fold(x, |at, piece| self.text(at, y, end.saturating_sub(at), piece.role, &piece.text))
    }

    /// Empty cells in a role.
    pub fn fill(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buffer.area);
        let style = self.theme.style(role);
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// Lays a role over what is drawn there.
    pub fn over(&mut self, area: Rect, role: Role) {
        self.buffer.set_style(area.intersection(self.buffer.area), self.theme.style(role));
    }

    /// A box with a title; returns what is within.
    pub fn frame(&mut self, area: Rect, role: Role, title: &str) -> Rect {
        self.fill(area, Role::Text);
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        let across = "─".repeat(usize::from(area.width - 2));
        self.text(area.x, area.y, area.width, role, &format!("┌{across}┐"));
        self.text(area.x, bottom, area.width, role, &format!("└{across}┘"));
        for y in area.y + 1..bottom {
            self.text(area.x, y, 1, role, "│");
            self.text(right, y, 1, role, "│");
        }
        self.text(area.x + 2, area.y, area.width.saturating_sub(4), Role::Title, &format!(" {title} "));
        Rect { x: area.x + 2, y: area.y + 1, width: area.width.saturating_sub(4), height: area.height - 2 }
    }
}

/// Columns a line takes; every letter that is drawn here takes one.
pub fn width_of(line: &TextLine) -> usize {
    line.iter().map(|piece| piece.text.chars().count()).sum()
}

/// Every letter that is not ASCII, replaced.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let plain =
            LETTERS.iter().find(|(letter, _)| *letter == cell.symbol()).map_or("?", |(_, plain)| plain);
        cell.set_symbol(plain);
    }
}
