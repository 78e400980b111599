//! A drawn frame as text, as ANSI and as SVG. Pure.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Columns of an SVG cell, in pixels.
const CELL_WIDTH: f32 = 8.4;
/// Rows of an SVG cell, in pixels.
const CELL_HEIGHT: f32 = 17.0;
/// Colours of a picture where the theme leaves them to the terminal.
const OWN: (&str, &str) = ("#d4d8dc", "#14171a");

/// Cells side by side that look the same: where they begin, how many columns, their text.
struct Run<'a> {
    x: u16,
    columns: u16,
    text: String,
    like: &'a Cell,
}

fn runs(buffer: &Buffer, y: u16) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for x in buffer.area.left()..buffer.area.right() {
        let Some(cell) = buffer.cell((x, y)) else { continue };
        let same = |run: &Run<'_>| {
            (run.like.fg, run.like.bg, run.like.modifier) == (cell.fg, cell.bg, cell.modifier)
        };
        match runs.last_mut() {
            Some(run) if same(run) => {
                run.columns += 1;
                run.text.push_str(cell.symbol());
            }
            _ => runs.push(Run { x, columns: 1, text: cell.symbol().to_owned(), like: cell }),
        }
    }
    runs
}

/// The letters alone; blanks at the ends of lines are left out.
pub fn text(buffer: &Buffer) -> String {
    let line = |y| runs(buffer, y).into_iter().map(|run| run.text).collect::<String>();
    let area = buffer.area;
    (area.top()..area.bottom()).map(|y| line(y).trim_end().to_owned() + "\n").collect()
}

/// The letters with colours, as a terminal takes them.
pub fn ansi(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        for run in runs(buffer, y) {
            let _ = write!(out, "\x1b[0{}m{}", sgr(run.like), run.text);
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

fn sgr(cell: &Cell) -> String {
    let mut codes = String::new();
    let letters =
        [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::UNDERLINED, 4), (Modifier::REVERSED, 7)];
    for (modifier, code) in letters {
        if cell.modifier.contains(modifier) {
            // Writing to a string cannot fail, here and below.
            let _ = write!(codes, ";{code}");
        }
    }
    for (colour, ground) in [(cell.fg, 38), (cell.bg, 48)] {
        let _ = match colour {
            Color::Rgb(r, g, b) => write!(codes, ";{ground};2;{r};{g};{b}"),
            Color::Indexed(number) => write!(codes, ";{ground};5;{number}"),
            _ => Ok(()),
        };
    }
    codes
}

/// The picture of a true-colour terminal.
pub fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) =
        (f32::from(area.width) * CELL_WIDTH + 16.0, f32::from(area.height) * CELL_HEIGHT + 16.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>\n",
        OWN.1
    );
    for y in area.top()..area.bottom() {
        for run in runs(buffer, y) {
            let (x, top) = (f32::from(run.x) * CELL_WIDTH + 8.0, f32::from(y) * CELL_HEIGHT + 8.0);
            let (fg, bg) = colours(run.like);
            let length = f32::from(run.columns) * CELL_WIDTH;
            if bg != OWN.1 {
                let _ = writeln!(
                    out,
                    "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{CELL_HEIGHT}\" fill=\"{bg}\"/>"
                );
            }
            if run.text.trim().is_empty() {
                continue;
            }
            let bold = if run.like.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
            let line = if run.like.modifier.contains(Modifier::UNDERLINED) {
                " text-decoration=\"underline\""
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{fg}\" textLength=\"{length:.1}\" xml:space=\"preserve\"{bold}{line}>{}</text>",
                top + 13.0,
                escaped(&run.text)
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn colours(cell: &Cell) -> (String, String) {
    let hex = |colour: Color, own: &str| match colour {
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        _ => own.to_owned(),
    };
    let (fg, bg) = (hex(cell.fg, OWN.0), hex(cell.bg, OWN.1));
    if cell.modifier.contains(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn letters_and_colours_come_through() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 2));
        buffer.set_string(0, 0, "a<b", Style::new().fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::BOLD));
        assert_eq!(text(&buffer), "a<b\n\n");
        assert_eq!(ansi(&buffer), "\x1b[0;1;38;2;1;2;3ma<b\x1b[0m   \x1b[0m\n\x1b[0m      \x1b[0m\n");
        let drawn = svg(&buffer);
        assert!(drawn.contains("fill=\"#010203\"") && drawn.contains(">a&lt;b</text>"), "{drawn}");
    }
}
