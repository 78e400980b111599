//! A connection that may idle for long but must send a head briskly once it began one.
//!
//! hyper's own header timeout cannot tell the two apart, and validator clients keep idle connections for ten minutes.
//! No timer is armed while whole heads arrive in one piece, so a brisk client costs nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// What the service tells the connection.
#[derive(Debug, Default)]
pub struct Phase {
    busy: AtomicBool,
    multiplexed: AtomicBool,
}

impl Phase {
    /// A request's head is complete; an HTTP/2 connection is left to HTTP/2's own limits from then on.
    pub fn begin(&self, multiplexed: bool) {
        self.busy.store(true, Relaxed);
        if multiplexed {
            self.multiplexed.store(true, Relaxed);
        }
    }

    /// Its answer is under way.
    pub fn end(&self) {
        self.busy.store(false, Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// For the first byte of a head.
    Idle,
    /// For the rest of a head.
    Head,
}

/// A guarded connection.
pub struct Guarded<S> {
    stream: S,
    phase: Arc<Phase>,
    head_time: Duration,
    idle: Duration,
    waiting: Waiting,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// Guards a stream.
    pub fn new(stream: S, phase: Arc<Phase>, head_time: Duration, idle: Duration) -> Self {
        Self { stream, phase, head_time, idle, waiting: Waiting::Idle, since: Instant::now(), timer: None }
    }

    fn patience(&self) -> Duration {
        match self.waiting {
            Waiting::Idle => self.idle,
            Waiting::Head => self.head_time,
        }
    }

    /// Nothing came. Ready once patience is over.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let end = self.since + self.patience();
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
            if timer.deadline() > end || timer.is_elapsed() {
                timer.as_mut().reset(end);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        let got = buf.filled().len() > before;
        if this.phase.busy.load(Relaxed) || this.phase.multiplexed.load(Relaxed) {
            this.waiting = Waiting::Idle;
            this.since = Instant::now();
            return polled;
        }
        if got && this.waiting == Waiting::Idle {
            this.waiting = Waiting::Head;
            this.since = Instant::now();
        }
        if polled.is_pending() && this.poll_patience(cx).is_ready() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the request's head did not come",
            )));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (tokio::io::DuplexStream, Guarded<tokio::io::DuplexStream>, Arc<Phase>) {
        let (client, server) = tokio::io::duplex(64);
        let phase = Arc::new(Phase::default());
        let guarded = Guarded::new(server, phase.clone(), Duration::from_secs(10), Duration::from_secs(650));
        (client, guarded, phase)
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_is_cut_and_an_idle_connection_is_kept() {
        let (mut client, mut guarded, _) = pair();
        let began = Instant::now();
        client.write_all(b"GET /").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(guarded.read(&mut buf).await.unwrap(), 5);
        assert_eq!(guarded.read(&mut buf).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= Duration::from_secs(10) && began.elapsed() < Duration::from_secs(11));
        let (_client, mut guarded, _) = pair();
        let began = Instant::now();
        assert!(guarded.read(&mut buf).await.is_err());
        assert!(began.elapsed() >= Duration::from_secs(650));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_cut_while_a_request_is_served() {
        let (mut client, mut guarded, phase) = pair();
        client.write_all(b"GET / HTTP/1.1").await.unwrap();
        let mut buf = [0; 14];
        guarded.read_exact(&mut buf).await.unwrap();
        phase.begin(false);
        let read = tokio::time::timeout(Duration::from_secs(3_600), guarded.read(&mut buf)).await;
        assert!(read.is_err(), "still waiting after an hour, and not cut");
    }
}
