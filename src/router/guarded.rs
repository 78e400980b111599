//! A connection that may idle for long but must send a head briskly once it began one.
//!
//! hyper's own header timeout cannot tell the two apart, and validator clients keep idle connections for ten minutes.
//! One timer a connection is armed for the idle time and looks again when it fires, so a brisk client costs nothing.
//! A client that takes nothing of an answer is given up, too: its connection would hold the answer, and the beacon's
//! connection behind it, for ever.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

/// What the service tells the connection.
#[derive(Debug)]
pub struct Phase {
    began: Instant,
    busy: AtomicBool,
    multiplexed: AtomicBool,
    /// Microseconds from `began` to the last answer's end; 0 before the first.
    answered: AtomicU64,
    /// Whether there was a request; whoever waits for the first is woken.
    used: AtomicBool,
    first: Notify,
}

impl Default for Phase {
    fn default() -> Self {
        let (busy, multiplexed, answered, used, first) = Default::default();
        Self { began: Instant::now(), busy, multiplexed, answered, used, first }
    }
}

impl Phase {
    /// A request's head is complete; an HTTP/2 connection is left to HTTP/2's own limits from then on.
    pub fn begin(&self, multiplexed: bool) {
        self.busy.store(true, Relaxed);
        if multiplexed {
            self.multiplexed.store(true, Relaxed);
        }
        if !self.used.swap(true, Relaxed) {
            self.first.notify_one();
        }
    }

    /// Returns once there was a first request.
    pub async fn used(&self) {
        if !self.used.load(Relaxed) {
            self.first.notified().await;
        }
    }

    /// Its answer is under way.
    pub fn end(&self) {
        self.answered.store(self.began.elapsed().as_micros().max(1) as u64, Relaxed);
        self.busy.store(false, Relaxed);
    }

    /// Whether it speaks HTTP/2.
    pub fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Relaxed)
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Relaxed) || self.is_multiplexed()
    }

    /// When the last answer ended; none before the first.
    fn answered(&self) -> Option<Instant> {
        let micros = self.answered.load(Relaxed);
        (micros > 0).then(|| self.began + Duration::from_micros(micros))
    }
}

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a head once it began.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// To take anything of an answer.
    pub take: Duration,
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
    patience: Patience,
    waiting: Waiting,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// Guards a stream.
    pub fn new(stream: S, phase: Arc<Phase>, patience: Patience) -> Self {
        let (waiting, since) = (Waiting::Idle, Instant::now());
        Self { stream, phase, patience, waiting, since, timer: None, stalled: None }
    }

    /// Waits from now on.
    fn wait(&mut self, waiting: Waiting, since: Instant) {
        self.waiting = waiting;
        self.since = since;
    }

    /// Nothing came. Ready once patience is over; never while a request is served, but the timer is armed then: nobody
    /// looks again when the answer has ended.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.phase.is_busy() {
                self.since = Instant::now();
            }
            let end = self.since
                + match self.waiting {
                    Waiting::Idle => self.patience.idle,
                    Waiting::Head => self.patience.head,
                };
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

    /// Passes the outcome of a write on, unless nothing has been taken for too long.
    fn poll_taken<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let take = self.patience.take;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + take)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(timed_out("nothing of the answer was taken"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        let got = buf.filled().len() > before;
        if this.phase.is_busy() {
            this.waiting = Waiting::Idle;
        } else if let Some(answered) = this.phase.answered().filter(|answered| *answered > this.since) {
            this.wait(Waiting::Idle, answered);
        }
        if got && this.waiting == Waiting::Idle && !this.phase.is_busy() {
            this.wait(Waiting::Head, Instant::now());
        }
        if polled.is_pending() && this.poll_patience(cx).is_ready() {
            return Poll::Ready(Err(timed_out("the request's head did not come")));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.poll_taken(written, cx)
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
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.poll_taken(written, cx)
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
        let [head, idle, take] = [10, 650, 20].map(Duration::from_secs);
        let guarded = Guarded::new(server, phase.clone(), Patience { head, idle, take });
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

    #[tokio::test(start_paused = true)]
    async fn idle_time_counts_from_the_answer_although_nobody_looks_then() {
        let (mut client, mut guarded, phase) = pair();
        client.write_all(b"GET / HTTP/1.1").await.unwrap();
        let mut buf = [0; 14];
        guarded.read_exact(&mut buf).await.unwrap();
        phase.begin(false);
        let began = Instant::now();
        let answered = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            phase.end();
            std::future::pending::<()>().await;
        };
        let cut = tokio::select! {
            read = guarded.read(&mut buf) => read,
            () = answered => unreachable!(),
        };
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let took = began.elapsed().as_secs();
        assert!((709..=711).contains(&took), "{took} s, 650 after the answer");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_nobody_takes_is_given_up_and_one_that_is_taken_slowly_is_not() {
        let (mut client, mut guarded, phase) = pair();
        phase.begin(false);
        let write = tokio::spawn(async move { guarded.write_all(&[0; 64 * 6]).await });
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            client.read_exact(&mut [0; 64]).await.unwrap();
        }
        write.await.unwrap().unwrap();
        let (_client, mut guarded, phase) = pair();
        phase.begin(false);
        let began = Instant::now();
        let error = guarded.write_all(&[0; 65]).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, 20));
    }
}
