//! The terminal, taken and given back: the only code that touches raw mode and the alternate screen.
//!
//! It is given back on every way out: leaving, errors, signals, and a panic of the thread that draws. A panic of any other
//! thread does not touch the screen: it is told, and a line in the log.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Once};

use ratatui::crossterm::{cursor, event, execute, style, terminal};

use tokio::sync::mpsc::{Sender, WeakSender};

use super::ShellError;
use crate::console::event::Event;

/// Synchronized output is ended, should a picture have been broken off.
const SYNC_END: &[u8] = b"\x1b[?2026l";

/// Clicks and the wheel, in the form that has no limit of columns; no movements, which would fill the line.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// What takes the mouse, or gives it back.
pub const fn mouse(on: bool) -> &'static [u8] {
    if on { MOUSE_ON } else { MOUSE_OFF }
}

static HOOK: Once = Once::new();

/// A terminal that is taken; given back when dropped.
pub struct Guard {
    taken: Arc<AtomicBool>,
}

impl Guard {
    /// Takes the terminal of this process; panics of other threads are told to `events`.
    pub fn enter(events: &Sender<Event>) -> Result<Self, ShellError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(ShellError::NoTerminal);
        }
        // Colours are decided and reduced by the theme. crossterm's own NO_COLOR resets reverse video with them, and the
        // selected row vanishes.
        style::force_color_output(true);
        let guard = Self { taken: Arc::default() };
        guard.take().map_err(ShellError::Terminal)?;
        guard.hook(events.downgrade());
        Ok(guard)
    }

    fn take(&self) -> io::Result<()> {
        terminal::enable_raw_mode()?;
        self.taken.store(true, SeqCst);
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide, event::EnableBracketedPaste)
    }

    /// Takes it again after it was left.
    pub fn again(&self) -> io::Result<()> {
        self.take()
    }

    /// Gives the terminal back, once; what is to stay in the scrollback is written behind.
    pub fn leave(&self, last: Option<&str>) {
        give_back(&self.taken);
        if let Some(last) = last {
            // A terminal that is gone needs no last picture.
            let _ = io::stdout().write_all(last.as_bytes()).and_then(|()| io::stdout().flush());
        }
    }

    /// A way to write to the terminal without the standard library's line buffer.
    pub fn writer() -> io::Result<File> {
        Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
    }

    fn hook(&self, events: WeakSender<Event>) {
        let (taken, ui) = (self.taken.clone(), std::thread::current().id());
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if std::thread::current().id() == ui || !taken.load(SeqCst) {
                    give_back(&taken);
                    before(info);
                } else {
                    let what = words(info);
                    tracing::error!(panic = what, "a background task panicked");
                    if let Some(events) = events.upgrade() {
                        // With a full queue the console is far behind; the log has it.
                        let _ = events.try_send(Event::Panicked(what));
                    }
                }
            }));
        });
    }
}

/// What a panic says, and where it was, in one line.
fn words(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let said = payload.downcast_ref::<&str>().copied();
    let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
    let at = info.location().map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
    format!("{said}{at}")
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back(&self.taken);
    }
}

/// Every step is tried, whatever became of the one before: the terminal may be gone.
fn give_back(taken: &AtomicBool) {
    if !taken.swap(false, SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = out.write_all(SYNC_END);
    let _ = out.write_all(MOUSE_OFF);
    let _ = execute!(
        out,
        event::DisableBracketedPaste,
        style::ResetColor,
        cursor::Show,
        terminal::LeaveAlternateScreen
    );
    let _ = terminal::disable_raw_mode();
}
