//! What stops a link or a disk for a moment is written to be taken back: it stays only if somebody says so in time, as whoever
//! came by that link may be cut off.

use std::io::{self, Write as _};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::say;
use crate::host::apply::{Entry, KEEP_WITHIN};

/// The signals that end whoever is cut off.
struct Ends {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.hangup.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Writes by `write`, and asks whether it stays: what was written, and why it does not, if so. No signal that this terminal's
/// end sends stops it before that is known.
///
/// # Errors
/// What `write` says; nobody can be asked.
pub fn try_out(
    write: impl FnOnce() -> anyhow::Result<Entry>,
) -> anyhow::Result<(Entry, Result<(), &'static str>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (entry, kept) = runtime.block_on(async {
        let mut ends = Ends::new()?;
        let entry = write()?;
        // Whoever listened may be gone.
        let _ = say(&format!("written; it is taken back in {} s unless you keep it", KEEP_WITHIN.as_secs()));
        let _ = write!(io::stdout(), "keep it? [y/N] ").and_then(|()| io::stdout().flush());
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || {
            let mut answer = String::new();
            let read = io::stdin().read_line(&mut answer);
            let yes = read.is_ok() && ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str());
            let _ = tell.send(yes);
        });
        let kept = tokio::select! {
            yes = told => yes.unwrap_or(false).then_some(()).ok_or("nobody kept it"),
            () = ends.next() => Err("the terminal went away"),
            () = tokio::time::sleep(KEEP_WITHIN) => Err("nobody kept it in time"),
        };
        anyhow::Ok((entry, kept))
    })?;
    // The thread that reads the terminal may wait for ever.
    runtime.shutdown_background();
    Ok((entry, kept))
}
