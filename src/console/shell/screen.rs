//! Cells to bytes: only what changed, in one write, as one picture.

use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::rc::Rc;

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::frame;
use crate::console::state::State;

/// Bytes gathered before they are written: more than any picture of a usual terminal.
const GATHER: usize = 64 * 1024;
/// What lies between these two is shown at once (DEC private mode 2026); terminals without it ignore them.
const SYNC: (&[u8], &[u8]) = (b"\x1b[?2026h", b"\x1b[?2026l");
/// Colours off, all empty, cursor to the first cell.
const CLEAR: &[u8] = b"\x1b[0m\x1b[2J\x1b[H";

/// Counts what passes.
struct Counted<W> {
    to: W,
    bytes: Rc<Cell<usize>>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes.set(self.bytes.get() + written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A terminal's cells as they are now.
pub struct Screen<W: Write> {
    backend: CrosstermBackend<BufWriter<Counted<W>>>,
    shown: Buffer,
    /// Nothing is known of what the terminal shows.
    blank: bool,
    bytes: Rc<Cell<usize>>,
}

impl<W: Write> Screen<W> {
    /// A screen of which nothing is known.
    pub fn new(to: W) -> Self {
        let bytes = Rc::<Cell<usize>>::default();
        let writer = BufWriter::with_capacity(GATHER, Counted { to, bytes: bytes.clone() });
        Self { backend: CrosstermBackend::new(writer), shown: Buffer::default(), blank: true, bytes }
    }

    /// The next picture is drawn whole.
    pub fn forget(&mut self) {
        self.blank = true;
    }

    /// Draws a state; returns how many bytes that took, none if nothing changed.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn draw(&mut self, state: &State) -> io::Result<usize> {
        let (width, height) = state.size;
        let mut next = Buffer::empty(Rect::new(0, 0, width, height));
        frame::draw(state, &mut next);
        let anew = self.blank || self.shown.area != next.area;
        if anew {
            self.shown = Buffer::empty(next.area);
        }
        let changes = self.shown.diff(&next);
        if changes.is_empty() && !anew {
            return Ok(0);
        }
        self.backend.write_all(SYNC.0)?;
        if anew {
            self.backend.write_all(CLEAR)?;
        }
        self.backend.draw(changes.into_iter())?;
        self.backend.write_all(SYNC.1)?;
        Write::flush(&mut self.backend)?;
        self.shown = next;
        self.blank = false;
        Ok(self.bytes.take())
    }

    /// Bytes for the terminal itself, at once.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.backend.write_all(bytes)?;
        Write::flush(&mut self.backend)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::style::{Color, Modifier};

    use super::*;
    use crate::console::event::Event;
    use crate::console::fixture::{NOW, beacon, fleet};
    use crate::console::panels::PANELS;
    use crate::console::scenes;
    use crate::console::theme::{Depth, SHIPPED};
    use crate::console::update;
    use crate::control::Event as Said;
    use crate::model::{FleetStatus, Load, UnixMs};

    /// A terminal that is fed what a screen writes.
    struct Terminal {
        screen: Screen<Shared>,
        fed: Shared,
        parser: vt100::Parser,
    }

    #[derive(Clone, Default)]
    struct Shared(Rc<std::cell::RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Terminal {
        fn new(width: u16, height: u16) -> Self {
            ratatui::crossterm::style::force_color_output(true);
            let fed = Shared::default();
            Self {
                screen: Screen::new(fed.clone()),
                fed,
                parser: vt100::Parser::new(cells(height), cells(width), 0),
            }
        }

        /// Draws; returns the bytes that took.
        fn draw(&mut self, state: &State) -> usize {
            let told = self.screen.draw(state).unwrap();
            let bytes = self.fed.0.take();
            assert_eq!(bytes.len(), told);
            self.parser.process(&bytes);
            told
        }

        /// What the terminal shows is what was drawn: letters, colours, bold, underline, reverse.
        fn same(&self, state: &State) {
            let (width, height) = state.size;
            let drawn = frame::picture(state, width, height);
            for position in drawn.area.positions() {
                let (cell, seen) =
                    (&drawn[position], self.parser.screen().cell(position.y, position.x).unwrap());
                let letter = if seen.contents().is_empty() { " " } else { seen.contents() };
                assert_eq!(letter, cell.symbol(), "{position:?}");
                let has = |modifier| cell.modifier.contains(modifier);
                assert_eq!(seen.inverse(), has(Modifier::REVERSED), "{position:?}");
                assert_eq!(seen.bold(), has(Modifier::BOLD), "{position:?}");
                assert_eq!(seen.underline(), has(Modifier::UNDERLINED), "{position:?}");
                assert_eq!(seen.fgcolor(), colour(cell.fg), "{position:?}");
                assert_eq!(seen.bgcolor(), colour(cell.bg), "{position:?}");
            }
        }
    }

    fn cells(number: u16) -> std::num::NonZero<u16> {
        number.try_into().unwrap()
    }

    fn colour(of: Color) -> vt100::Color {
        match of {
            Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
            Color::Indexed(number) => vt100::Color::Idx(number),
            _ => vt100::Color::Default,
        }
    }

    #[test]
    fn what_a_terminal_shows_is_what_was_drawn_at_every_depth() {
        for depth in Depth::ALL {
            let mut terminal = Terminal::new(120, 36);
            for (_, mut state) in scenes::all() {
                state.size = (120, 36);
                state.options.depth = depth;
                for (theme, _) in SHIPPED {
                    state.options.theme = theme.to_owned();
                    state.dress();
                    for panel in 0..PANELS.len() {
                        state.panel = panel;
                        terminal.draw(&state);
                        terminal.same(&state);
                    }
                }
            }
        }
    }

    /// A hundred beacons, and the same a second later: a few answer times and rates have changed.
    fn calm(size: (u16, u16)) -> (State, State) {
        let status = |second: u64| {
            let beacons = (1..=100).map(|number| {
                let mut of = beacon(&format!("beacon-{number:03}"));
                of.observed = Some(UnixMs(NOW.0 + second * 1_000));
                if number % 10 == second {
                    of.p99_us = Some(13_000 + second as u32 * 1_000);
                }
                of
            });
            let mut status = FleetStatus { at: UnixMs(NOW.0 + second * 1_000), ..fleet(beacons.collect()) };
            status.traffic.timing = scenes::healthy().traffic.timing;
            let load = |name| Load { per_s: 4.2, most_per_s: 6.0, ..Load::none(name) };
            status.traffic.loads = status.beacons.iter().map(|beacon| load(beacon.name.clone())).collect();
            status
        };
        let mut state = scenes::scene(&status(0));
        state.size = size;
        state.panel = 1;
        let mut later = state.clone();
        let next = Arc::new(status(1));
        update(&mut later, next.at, Event::Said(Said::Snapshot(next)));
        (state, later)
    }

    #[test]
    fn budgets_hold() {
        for (size, most) in [((80, 24), 1_024), ((200, 50), 4_096)] {
            let (state, later) = calm(size);
            let mut terminal = Terminal::new(size.0, size.1);
            let first = terminal.draw(&state);
            assert_eq!(terminal.draw(&state), 0, "an unchanged picture costs nothing");
            let calm = terminal.draw(&later);
            terminal.same(&later);
            assert!(calm > 0 && calm < most, "{size:?}: {calm} bytes, first {first}");
        }
    }

    #[test]
    fn another_size_is_drawn_anew() {
        let (_, mut state) = scenes::all().remove(1);
        state.size = (100, 30);
        let mut terminal = Terminal::new(100, 30);
        terminal.draw(&state);
        state.size = (90, 20);
        terminal.parser.screen_mut().set_size(cells(20), cells(90));
        terminal.draw(&state);
        terminal.same(&state);
        terminal.screen.forget();
        assert!(terminal.draw(&state) > 0);
    }
}
