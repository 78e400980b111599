//! A terminal: a pty with a program at its other end, and what its screen shows.
//!
//! A thread reads whatever comes, as a terminal does, until the terminal is closed: nothing written ever waits for a test.

#![allow(dead_code, reason = "each program uses its own part")]

use std::io::Read as _;
use std::num::NonZero;
use std::os::fd::AsFd as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Pts, Pty, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{Termios, tcgetattr};

/// Longer than anything takes here, even where much else runs.
pub const BOUND: Duration = Duration::from_secs(30);
/// A closed terminal's reader ends within so many milliseconds.
const LOOK_MS: i64 = 20;

/// What came from the program.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

/// A terminal with a program in it.
pub struct Terminal {
    pty: Option<Arc<Pty>>,
    /// The other end, held so that the modes can be looked at when the program is gone.
    pts: Option<Pts>,
    before: Termios,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    /// Something came.
    changed: Arc<Condvar>,
    close: Arc<AtomicBool>,
    /// Bytes read in each [`LOOK_MS`]; all if it is 0.
    pace: Arc<AtomicUsize>,
    reader: Option<JoinHandle<()>>,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[allow(clippy::print_stderr, reason = "the screen of a program that failed its test")]
            let show = |screen: String| eprintln!("{screen}");
            show(format!("the screen:\n{}\n", self.text()));
        }
        // Before its terminal goes: a console that routes would begin to hand over.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.close();
    }
}

fn cells(number: u16) -> NonZero<u16> {
    number.try_into().unwrap()
}

impl Terminal {
    /// Starts a program in a terminal of this width and height, as the leader of its session.
    pub fn start(mut command: Command, (width, height): (u16, u16)) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(height, width)).unwrap();
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("LC_ALL");
        for name in ["NO_COLOR", "COLORTERM", "TMUX", "STY", "RUST_LOG", "RUST_BACKTRACE", "BEACONDECK_THEME"]
        {
            // Of the environment of the test; what it asks for itself stays.
            if !command.get_envs().any(|(key, value)| key == name && value.is_some()) {
                command.env_remove(name);
            }
        }
        let before = tcgetattr(&pts).unwrap();
        let child = pty_process::blocking::Command::from(command).spawn_borrowed(&pts).unwrap();
        let parser = vt100::Parser::new(cells(height), cells(width), 200);
        let seen = Arc::new(Mutex::new(Seen { parser, bytes: Vec::new() }));
        let (pty, close) = (Arc::new(pty), Arc::new(AtomicBool::new(false)));
        let (changed, pace) = (Arc::new(Condvar::new()), Arc::new(AtomicUsize::new(0)));
        let reader = {
            let (pty, seen, changed) = (pty.clone(), seen.clone(), changed.clone());
            let (close, pace) = (close.clone(), pace.clone());
            std::thread::spawn(move || read(&pty, (&seen, &changed), &close, &pace))
        };
        Self {
            pty: Some(pty),
            pts: Some(pts),
            before,
            child,
            seen,
            changed,
            close,
            pace,
            reader: Some(reader),
        }
    }

    /// Makes the line as slow as this, in bytes a second; 0: as fast as can be.
    pub fn slow(&self, bytes_per_s: usize) {
        self.pace.store(bytes_per_s * LOOK_MS as usize / 1_000, SeqCst);
    }

    /// All bytes that have come.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    /// Process id of the program.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Presses keys: their bytes as a terminal sends them.
    pub fn press(&self, keys: &str) {
        rustix::io::write(self.pty().as_fd(), keys.as_bytes()).unwrap();
    }

    fn pty(&self) -> &Pty {
        self.pty.as_ref().expect("the terminal is open")
    }

    /// What the screen shows.
    pub fn text(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the screen is so.
    pub async fn until(&self, what: &str, mut is: impl FnMut(&vt100::Screen) -> bool) {
        let began = Instant::now();
        while !is(self.seen.lock().unwrap().parser.screen()) {
            assert!(began.elapsed() < BOUND, "not within {BOUND:?}: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether the screen has no colour at all.
    pub fn is_plain(screen: &vt100::Screen) -> bool {
        Self::cells(screen).all(|(_, cell)| {
            (cell.fgcolor(), cell.bgcolor()) == (vt100::Color::Default, vt100::Color::Default)
        })
    }

    /// Every cell, and its row.
    pub fn cells(screen: &vt100::Screen) -> impl Iterator<Item = (u16, &vt100::Cell)> {
        let (height, width) = screen.size();
        (0..height.get())
            .flat_map(move |y| (0..width.get()).filter_map(move |x| Some((y, screen.cell(y, x)?))))
    }

    /// Presses keys; the time until the screen is so.
    pub fn paints(&self, keys: &str, is: impl Fn(&vt100::Screen) -> bool) -> Duration {
        let mut seen = self.seen.lock().unwrap();
        let began = Instant::now();
        self.press(keys);
        while !is(seen.parser.screen()) {
            let left = BOUND.checked_sub(began.elapsed()).expect("the keys are answered");
            seen = self.changed.wait_timeout(seen, left).unwrap().0;
        }
        began.elapsed()
    }

    /// Waits until the screen has all these words.
    pub async fn sees(&self, words: &[&str]) {
        self.until(&format!("the screen shows {words:?}"), |screen| {
            let text = screen.contents();
            words.iter().all(|word| text.contains(word))
        })
        .await;
    }

    /// Waits until the screen has none of these words.
    pub async fn misses(&self, words: &[&str]) {
        self.until(&format!("the screen is without {words:?}"), |screen| {
            let text = screen.contents();
            !words.iter().any(|word| text.contains(word))
        })
        .await;
    }

    /// Gives the terminal another size. The program is told by the kernel.
    pub fn resize(&self, width: u16, height: u16) {
        self.seen.lock().unwrap().parser.screen_mut().set_size(cells(height), cells(width));
        self.pty().resize(Size::new(height, width)).unwrap();
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Whether the terminal is taken: raw, the other screen, no cursor.
    pub fn is_taken(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        let screen = seen.parser.screen();
        screen.alternate_screen() && screen.hide_cursor() && !self.modes_are_as_before()
    }

    /// The modes of the line; `Termios` cannot be compared as a whole.
    fn modes_are_as_before(&self) -> bool {
        let (now, before) = (tcgetattr(self.pts.as_ref().unwrap()).unwrap(), &self.before);
        (now.input_modes, now.output_modes, now.control_modes, now.local_modes)
            == (before.input_modes, before.output_modes, before.control_modes, before.local_modes)
    }

    /// Waits until the terminal is as it was: modes of the line, screen, cursor, paste, mouse, colours.
    pub async fn is_given_back(&self) {
        self.until("the terminal is given back", |screen| {
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
                && screen.fgcolor() == vt100::Color::Default
                && screen.bgcolor() == vt100::Color::Default
                && !screen.inverse()
        })
        .await;
        assert!(self.modes_are_as_before(), "raw mode is off");
        for mode in ["2026", "1000", "1002", "1003", "1006"] {
            let last = |end: &str| self.last(&format!("\x1b[?{mode}{end}"));
            assert!(
                last("l") >= last("h"),
                "mode {mode} is off: a picture drawn whole, the mouse the terminal's"
            );
        }
    }

    /// Where these bytes came last.
    fn last(&self, sequence: &str) -> Option<usize> {
        let bytes = &self.seen.lock().unwrap().bytes;
        bytes.windows(sequence.len()).rposition(|window| window == sequence.as_bytes())
    }

    /// Whether the mouse was ever taken from the terminal.
    pub fn took_the_mouse(&self) -> bool {
        ["1000", "1002", "1003", "1006"].iter().any(|mode| self.last(&format!("\x1b[?{mode}h")).is_some())
    }

    /// Clicks at the first place that shows these words.
    pub fn click(&self, words: &str) {
        let text = self.text();
        let found = text.lines().enumerate().find_map(|(row, line)| {
            let before = &line[..line.find(words)?];
            Some((before.chars().count() + 1, row + 1))
        });
        let (column, row) = found.unwrap_or_else(|| panic!("nowhere {words} in\n{text}"));
        self.press(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    }

    /// Waits until the program has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < BOUND, "it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Closes the terminal, as a window is closed or a connection drops.
    pub fn close(&mut self) {
        self.close.store(true, SeqCst);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.pts = None;
        self.pty = None;
    }
}

fn read(pty: &Pty, (seen, changed): (&Mutex<Seen>, &Condvar), close: &AtomicBool, pace: &AtomicUsize) {
    let mut buffer = vec![0; 65_536];
    let wait = Timespec { tv_sec: 0, tv_nsec: LOOK_MS * 1_000_000 };
    while !close.load(SeqCst) {
        let mut fds = [PollFd::new(pty, PollFlags::IN)];
        if poll(&mut fds, Some(&wait)).is_ok_and(|ready| ready > 0) {
            let slow = pace.load(SeqCst);
            let room = if slow == 0 { buffer.len() } else { slow };
            let Ok(read) = (&mut &*pty).read(&mut buffer[..room]) else { return };
            let mut seen = seen.lock().unwrap();
            seen.parser.process(&buffer[..read]);
            seen.bytes.extend_from_slice(&buffer[..read]);
            changed.notify_all();
            drop(seen);
            if slow > 0 {
                std::thread::sleep(Duration::from_millis(LOOK_MS.unsigned_abs()));
            }
        }
    }
}
