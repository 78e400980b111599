//! What the commands with `--watch` share: they follow serve through its restarts, and end when nobody reads them.

use std::future::pending;
use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use tokio::io::Interest;
use tokio::net::unix::pipe;

use super::{ask, complain};
use crate::control::{Event, Lasting, Reach, Told, Wanted};

/// Shows each event that serve tells, until `show` fails or nobody reads standard output. While serve is away this is said
/// once, on standard error; one that is not there at the start is an error.
pub async fn follow(
    dir: PathBuf,
    program: &str,
    wanted: Wanted,
    mut show: impl FnMut(Event) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut watch = Lasting::new(Reach::Sockets(dir), program, wanted);
    let mut unread = std::pin::pin!(unread());
    let mut away = Away::default();
    loop {
        let told = tokio::select! {
            () = &mut unread => return Ok(()),
            told = watch.next() => told,
        };
        match told {
            Told::Connected(_) => away.back(),
            Told::Event(event) => show(event)?,
            Told::Lost { error, .. } if away.met && error.passes() => away.lost(&ask::words(&error)),
            Told::Lost { error, .. } => return Err(ask::failure(&error).into()),
        }
    }
}

/// Whether serve is away, and what has been said about it.
#[derive(Default)]
pub struct Away {
    /// It has answered once.
    pub met: bool,
    said: bool,
}

impl Away {
    /// It does not answer.
    pub fn lost(&mut self, why: &str) {
        if !std::mem::replace(&mut self.said, true) {
            complain(&format!("beacondeck: {why}; trying again until serve answers"));
        }
    }

    /// It answers.
    pub fn back(&mut self) {
        self.met = true;
        if std::mem::take(&mut self.said) {
            complain("beacondeck: serve answers again");
        }
    }
}

/// Ends when the reader of standard output has gone, so that a command that has nothing to say ends too.
pub async fn unread() {
    // A file has no reader that could go, and cannot be waited for.
    let Ok(out) = output() else { return pending().await };
    if out.ready(Interest::ERROR).await.is_err() {
        pending::<()>().await;
    }
}

/// Standard output as something to wait for. It is not made non-blocking: others may share it, and it is only written to
/// elsewhere.
fn output() -> io::Result<pipe::Sender> {
    let copy = io::stdout().as_fd().try_clone_to_owned()?;
    pipe::Sender::from_owned_fd_unchecked(copy)
}
