//! Connections that can fall silent or be torn down while they are in use.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a beacon's door does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Serves.
    Open,
    /// Accepts and is silent.
    Stuck,
    /// Accepts and resets; existing connections are reset.
    Reset,
    /// Refuses; existing connections are closed.
    Closed,
    /// Refuses; existing connections are silent.
    Away,
}

/// The door as its server is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// What it shall do.
    pub(super) door: Door,
    /// How often connections had to end so far: a server that looks late still ends them.
    pub(super) kicks: u64,
    /// Number of the order.
    pub(super) turn: u64,
}

impl Order {
    /// The first.
    pub(super) const OPEN: Order = Order { door: Door::Open, kicks: 0, turn: 0 };

    /// The order after this one.
    pub(super) fn next(self, door: Door, turn: u64) -> Self {
        let kick = matches!(door, Door::Reset | Door::Closed);
        Self { door, kicks: self.kicks + u64::from(kick), turn }
    }
}

/// Whether connections are silent, and who waits for them to speak again.
#[derive(Debug, Default)]
pub(super) struct Gate {
    stuck: AtomicBool,
    reset: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<Waker>,
    /// Counts calls of [`Gate::set`], so that whoever blinks for an earlier one stops.
    turn: u64,
}

impl Gate {
    /// Sets what connections do from now on; answers the turn that [`Gate::blink`] needs.
    pub(super) fn set(&self, door: Door) -> u64 {
        let mut waiting = self.waiting();
        waiting.turn += 1;
        self.reset.store(door == Door::Reset, Ordering::SeqCst);
        self.silence(&mut waiting, matches!(door, Door::Stuck | Door::Away));
        waiting.turn
    }

    /// Makes connections silent or lets them speak, unless the gate has been set again since `turn`; answers whether it
    /// did.
    pub(super) fn blink(&self, turn: u64, silent: bool) -> bool {
        let mut waiting = self.waiting();
        if waiting.turn == turn {
            self.silence(&mut waiting, silent);
        }
        waiting.turn == turn
    }

    fn silence(&self, waiting: &mut Waiting, silent: bool) {
        self.stuck.store(silent, Ordering::SeqCst);
        if !silent {
            waiting.wakers.drain(..).for_each(Waker::wake);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.stuck.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting();
        if !self.stuck.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !waiting.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A connection behind a gate.
#[derive(Debug)]
pub(super) struct Gated {
    stream: TcpStream,
    gate: Arc<Gate>,
}

impl Gated {
    /// Puts a connection behind a gate.
    pub(super) fn new(stream: TcpStream, gate: Arc<Gate>) -> Self {
        Self { stream, gate }
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        if self.gate.reset.load(Ordering::SeqCst) {
            // A socket that is already gone needs no reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.gate.poll(cx));
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.gate.poll(cx));
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.gate.poll(cx));
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.gate.poll(cx));
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
