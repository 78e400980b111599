//! The thread that reads keys.
//!
//! crossterm 0.29 never stops reading a terminal that is gone, at the cost of a whole core. So it is only asked when the
//! kernel says that there is something to read and that the terminal is still there; this thread ends with the terminal.
//! It also loses a change of size that comes together with a key, so that the size is asked for here.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{
    self as terminal, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use ratatui::crossterm::terminal::size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionread;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::sync::mpsc::Sender;

use crate::console::event::Event;
use crate::console::key::{Code, Key};

/// A change of size is seen within so many milliseconds.
const LOOK_MS: i64 = 100;
/// Rows by a turn of the wheel.
const WHEEL: i8 = 3;
/// Pause until a key that waits is looked at again.
const STUCK: Duration = Duration::from_millis(5);
/// Readable so many times in a row and never an event: an end of file that calls itself input.
const FUTILE: u32 = 64;

/// The thread, as long as it is wanted.
pub struct Input {
    stop: Arc<AtomicBool>,
}

impl Input {
    /// Lets the thread end within its next look.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }
}

/// Starts the thread.
pub fn start(to: Sender<Event>) -> Input {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    thread::spawn(move || {
        let end = read(&to, &stopped);
        if !stopped.load(Relaxed) {
            tracing::info!(?end, "the terminal is gone");
            // Nobody may be left to hear it.
            let _ = to.blocking_send(Event::Gone);
        }
    });
    Input { stop }
}

/// Reads until the terminal is gone, nobody listens or the thread is stopped.
fn read(to: &Sender<Event>, stop: &AtomicBool) -> io::Result<()> {
    let stdin = io::stdin();
    let mut known = size()?;
    let mut futile = 0;
    while !stop.load(Relaxed) {
        let wait = Timespec { tv_sec: 0, tv_nsec: LOOK_MS * 1_000_000 };
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let ready = match poll(&mut fds, Some(&wait)) {
            Ok(ready) => ready,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let flags = fds[0].revents();
        if flags.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Ok(());
        }
        let now = size()?;
        if now != known {
            known = now;
            if to.blocking_send(Event::Resize(now.0, now.1)).is_err() {
                return Ok(());
            }
        }
        let mut events = 0;
        while terminal::poll(Duration::ZERO)? {
            events += 1;
            let Some(event) = translate(terminal::read()?) else { continue };
            if to.blocking_send(event).is_err() {
                return Ok(());
            }
        }
        if ready == 0 || events > 0 {
            futile = 0;
        } else if ioctl_fionread(&stdin).is_ok_and(|bytes| bytes > 0) {
            // A key that came with a change of size: crossterm 0.29 told the one, and is woken for the other only by the
            // next key. Settings that are set as they are wake whoever waits for the terminal.
            futile = 0;
            tcsetattr(&stdin, OptionalActions::Now, &tcgetattr(&stdin)?)?;
            thread::sleep(STUCK);
        } else {
            futile += 1;
        }
        if futile >= FUTILE {
            return Ok(());
        }
    }
    Ok(())
}

fn translate(event: terminal::Event) -> Option<Event> {
    match event {
        terminal::Event::Key(key) if key.kind != KeyEventKind::Release => {
            let code = match key.code {
                KeyCode::Char(c) => Code::Char(c),
                KeyCode::Enter => Code::Enter,
                KeyCode::Esc => Code::Esc,
                KeyCode::Tab => Code::Tab,
                KeyCode::BackTab => Code::BackTab,
                KeyCode::Backspace => Code::Backspace,
                KeyCode::Delete => Code::Delete,
                KeyCode::Up => Code::Up,
                KeyCode::Down => Code::Down,
                KeyCode::Left => Code::Left,
                KeyCode::Right => Code::Right,
                KeyCode::PageUp => Code::PageUp,
                KeyCode::PageDown => Code::PageDown,
                KeyCode::Home => Code::Home,
                KeyCode::End => Code::End,
                _ => return None,
            };
            let held = |modifier| key.modifiers.contains(modifier);
            Some(Event::Key(Key { code, ctrl: held(KeyModifiers::CONTROL), alt: held(KeyModifiers::ALT) }))
        }
        terminal::Event::Paste(text) => Some(Event::Paste(text)),
        terminal::Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Event::Click(mouse.column, mouse.row)),
            MouseEventKind::ScrollDown => Some(Event::Wheel(WHEEL)),
            MouseEventKind::ScrollUp => Some(Event::Wheel(-WHEEL)),
            _ => None,
        },
        _ => None,
    }
}
