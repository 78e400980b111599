//! The shell around the pure console: terminal, keys, clock, serve. It decides nothing; it runs what `update` wants.
//!
//! One loop on one thread, which is the only one that writes to the terminal. Keys come from a thread of their own, what
//! serve says from tasks; all through one queue, so that there is one order of events.

mod files;
mod guard;
mod input;
mod link;
mod reply;
mod screen;
mod signals;

use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::control::Reach;
use crate::model::Clock;

use super::event::{Effect, Event, Leave, Routing};
use super::state::{Options, Seat, State};
use super::update;

pub use files::UserFiles;
pub use reply::Terminal;
pub use screen::Screen;

use guard::Guard;
use signals::{Signal, Signals};

/// Events on their way to the loop.
const QUEUE: usize = 4_096;
/// Time is told so often.
const TICK: Duration = Duration::from_secs(1);

/// Why the console cannot be, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// There is no terminal.
    #[error("the console needs a terminal; `beacondeck status --watch --format plain` does without")]
    NoTerminal,
    /// The terminal does not do as told.
    #[error("the terminal cannot be used")]
    Terminal(#[source] io::Error),
    /// The terminal did as told, and does no more.
    #[error("the terminal can be used no more")]
    Broken(#[source] io::Error),
    /// The console panicked; the terminal is as it was before.
    #[error("the console panicked: a defect of this program; the words above say where")]
    Panicked,
    /// Signals cannot be heard.
    #[error("signals cannot be handled")]
    Signals(#[source] io::Error),
}

/// How the console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// An operator left.
    Left(Leave),
    /// Somebody ended the process.
    Terminated,
    /// The terminal is gone.
    HungUp,
}

/// What the console runs with.
pub struct Setup {
    /// What is decided before the first picture.
    pub options: Options,
    /// How serve is reached.
    pub reach: Reach,
    /// The clock.
    pub clock: Clock,
    /// What the terminal can do besides drawing.
    pub terminal: Terminal,
}

/// Runs the console on this terminal until somebody leaves or the terminal goes.
///
/// # Errors
/// There is no terminal, or it cannot be used; it is as it was before.
pub async fn run(setup: Setup) -> Result<Ended, ShellError> {
    let Setup { options, reach, clock, terminal } = setup;
    let mut signals = Signals::new().map_err(ShellError::Signals)?;
    let (events, inbox) = mpsc::channel(QUEUE);
    let guard = Guard::enter(&events)?;
    let input = input::start(events.clone());
    let links = link::start(reach, events, options.read_only);
    let now = clock().wall;
    let mut shell = Shell {
        state: State::new(options, now),
        screen: Screen::new(Guard::writer().map_err(ShellError::Terminal)?),
        clock,
        terminal,
        links,
        guard,
        keep: false,
    };
    let size = ratatui::crossterm::terminal::size().map_err(ShellError::Terminal)?;
    shell.state.size = size;
    let ended = AssertUnwindSafe(shell.run(inbox, &mut signals)).catch_unwind().await;
    input.stop();
    let last = shell.keep.then(|| shell.last_picture());
    shell.guard.leave(last.as_deref());
    match ended {
        Err(_) => Err(ShellError::Panicked),
        // A terminal that goes away in the middle of a picture has hung up.
        Ok(Err(_)) if signals.hung_up() => Ok(Ended::HungUp),
        Ok(ended) => ended.map_err(ShellError::Broken),
    }
}

/// What becomes of routing that runs in this process: what befalls its screen is no reason to end it.
pub fn routing(ended: &Result<Ended, ShellError>) -> Routing {
    match ended {
        Ok(Ended::Left(leave)) => leave.routing,
        Ok(Ended::HungUp) | Err(ShellError::Panicked | ShellError::Broken(_)) => Routing::HandOver,
        Ok(Ended::Terminated)
        | Err(ShellError::NoTerminal | ShellError::Terminal(_) | ShellError::Signals(_)) => Routing::Stop,
    }
}

struct Shell {
    state: State,
    screen: Screen<std::fs::File>,
    clock: Clock,
    terminal: Terminal,
    links: link::Links,
    guard: Guard,
    keep: bool,
}

/// When to draw next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dirty {
    No,
    /// New data: at the pace the line bears.
    Data,
    /// A key was pressed: now.
    Now,
}

impl Shell {
    async fn run(&mut self, mut inbox: mpsc::Receiver<Event>, signals: &mut Signals) -> io::Result<Ended> {
        let mut dirty = Dirty::Now;
        let mut drawn = Instant::now();
        let mut tick = Instant::now() + TICK;
        loop {
            let pace = Duration::from_millis(self.state.pace_ms());
            if dirty == Dirty::Now || dirty == Dirty::Data && drawn.elapsed() >= pace {
                self.draw()?;
                (dirty, drawn) = (Dirty::No, Instant::now());
            }
            let next = if dirty == Dirty::Data { tick.min(drawn + pace) } else { tick };
            let event = tokio::select! {
                biased;
                signal = signals.next() => match signal {
                    Signal::HangUp => return Ok(Ended::HungUp),
                    Signal::End => return Ok(Ended::Terminated),
                },
                event = inbox.recv() => match event {
                    Some(event) => event,
                    // The input thread ends when the terminal does.
                    None => return Ok(Ended::HungUp),
                },
                () = sleep_until(next) => Event::Tick,
            };
            if Instant::now() >= tick {
                tick = Instant::now() + TICK;
            }
            for event in std::iter::once(event).chain(drained(&mut inbox)) {
                if event == Event::Gone {
                    return Ok(Ended::HungUp);
                }
                dirty = dirty.max(urgency(&event));
                let effects = update(&mut self.state, (self.clock)().wall, event);
                if let Some(ended) = self.perform(effects)? {
                    return Ok(ended);
                }
            }
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let began = Instant::now();
        if self.screen.draw(&self.state)? > 0 {
            let took = began.elapsed().as_millis() as u64;
            let effects = update(&mut self.state, (self.clock)().wall, Event::Wrote(took));
            self.perform(effects)?;
        }
        Ok(())
    }

    fn perform(&mut self, effects: Vec<Effect>) -> io::Result<Option<Ended>> {
        for effect in effects {
            match effect {
                Effect::Order(number, order) => self.links.order(number, order),
                Effect::Preflight(intent, beacons) => self.links.preflight(intent, beacons),
                Effect::Remedy(asked) => self.links.remedy(asked),
                Effect::Explain { slot } => self.links.explain(slot),
                Effect::Play(how) => self.links.play(how),
                Effect::Copy { what, text } => {
                    let copied = self
                        .terminal
                        .copy(&what, &text)
                        .map(|(bytes, told)| self.screen.raw(&bytes).map(|()| told));
                    let copied = match copied {
                        Ok(written) => Ok(written?),
                        Err(why) => Err(why),
                    };
                    update(&mut self.state, (self.clock)().wall, Event::Copied(copied));
                }
                Effect::Ring(what) => self.screen.raw(&self.terminal.ring(&what))?,
                Effect::Redraw => self.screen.forget(),
                Effect::Mouse(on) => self.screen.raw(guard::mouse(on))?,
                Effect::Suspend => self.suspend()?,
                Effect::Leave(leave) => {
                    self.keep = leave.keep;
                    return Ok(Some(Ended::Left(leave)));
                }
            }
        }
        Ok(None)
    }

    /// Stops this process as the terminal's Ctrl-Z would, and draws everything anew when it is continued.
    fn suspend(&mut self) -> io::Result<()> {
        if self.state.options.seat == Seat::Embedded {
            return Ok(());
        }
        self.guard.leave(None);
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
        self.guard.again()?;
        if self.state.mouse {
            self.screen.raw(guard::mouse(true))?;
        }
        self.state.size = ratatui::crossterm::terminal::size()?;
        self.screen.forget();
        Ok(())
    }

    fn last_picture(&self) -> String {
        let (width, height) = self.state.size;
        super::picture::ansi(&super::frame::picture(&self.state, width, height))
    }
}

/// What else has come: pictures are drawn once for all of it.
fn drained(inbox: &mut mpsc::Receiver<Event>) -> impl Iterator<Item = Event> {
    std::iter::from_fn(|| inbox.try_recv().ok()).take(QUEUE)
}

fn urgency(event: &Event) -> Dirty {
    match event {
        Event::Key(_)
        | Event::Paste(_)
        | Event::Click(..)
        | Event::Wheel(_)
        | Event::Resize(..)
        | Event::Copied(_) => Dirty::Now,
        Event::Wrote(_) | Event::Gone => Dirty::No,
        _ => Dirty::Data,
    }
}
