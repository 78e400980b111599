//! Signals that end the console.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The terminal is gone.
    HangUp,
    /// Somebody ends the process.
    End,
}

/// The signals, caught.
pub struct Signals {
    hang_up: Stream,
    ends: [Stream; 3],
    gone: AtomicBool,
}

impl Signals {
    /// Catches them.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            ends: [
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::quit())?,
            ],
            gone: AtomicBool::new(false),
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        let [terminate, interrupt, quit] = &mut self.ends;
        tokio::select! {
            _ = self.hang_up.recv() => {
                self.gone.store(true, Relaxed);
                Signal::HangUp
            }
            _ = terminate.recv() => Signal::End,
            _ = interrupt.recv() => Signal::End,
            _ = quit.recv() => Signal::End,
        }
    }

    /// Whether the terminal is known to be gone.
    pub fn hung_up(&self) -> bool {
        self.gone.load(Relaxed) || !std::io::IsTerminal::is_terminal(&io::stdout())
    }
}
