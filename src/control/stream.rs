//! One watch: from the first snapshot until somebody ends it.
//!
//! Every queue is bounded: snapshots are not queued at all (the latest counts), entries and lines are in queues of the
//! house, and whoever falls behind them, or does not take a frame in time, is dropped with a reason.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::desk::{Desk, Feed, PATIENCE, Tail};
use super::{Answer, AnswerFrame, Event, Peer};
use crate::model::{FleetStatus, JournalEntry, LogLine};

/// After so much silence a sign of life is sent.
pub const ALIVE_EVERY: Duration = Duration::from_secs(3);

/// Who watches what.
pub struct Watch {
    /// Number of the frame that asked.
    pub id: u64,
    /// What is told.
    pub feed: Feed,
    /// To whom.
    pub peer: Peer,
    /// By which program.
    pub program: String,
}

/// Why a watch ends.
#[derive(Debug)]
enum End {
    /// The reader has gone, or the connection broke.
    Gone,
    /// It did not take a frame in time: there is no way to tell it.
    Stuck,
    /// A reason it is told.
    Told(String),
}

/// Tells `watch` what happens until it ends.
pub async fn run<R, W>(desk: &Desk, mut read: R, write: W, watch: Watch)
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let Watch { id, feed, peer, program } = watch;
    let who = peer.to_string();
    let mut out = Out { id, write, sent: Instant::now() };
    let present = desk.watchers.enter(who.clone(), program.clone(), (desk.clock)().wall);
    let end = tell(desk, &mut read, &mut out, feed).await;
    drop(present);
    match end {
        Err(End::Gone) | Ok(()) => {}
        Err(End::Stuck) => {
            let seconds = PATIENCE.as_secs();
            tracing::warn!(%who, %program, "a watcher was dropped: it did not take a frame within {seconds} s");
        }
        Err(End::Told(message)) => {
            tracing::info!(%who, %program, "a watch ended: {message}");
            // It may have gone before it was told.
            let _ = out.send(Event::Ended { message }).await;
        }
    }
}

async fn tell<R, W>(desk: &Desk, read: &mut R, out: &mut Out<W>, feed: Feed) -> Result<(), End>
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let Feed { mut status, every, journal, log } = feed;
    let mut watchers = desk.watchers.subscribe();
    let mut shown = status.borrow_and_update().clone();
    out.send(Event::Snapshot(shown.clone())).await?;
    let mut next_snapshot = Instant::now() + every;
    let now = watchers.borrow_and_update().clone();
    out.send(Event::Watchers(now)).await?;
    let mut journal = Follow::begin(journal, out).await?;
    let mut log = Follow::begin(log, out).await?;
    loop {
        let alive = out.sent + ALIVE_EVERY;
        let event = tokio::select! {
            () = desk.cancel.cancelled() => return Err(End::Told("serve is stopping".to_owned())),
            more = read.fill_buf() => return Err(match more {
                Ok(bytes) if !bytes.is_empty() => End::Told("nothing else may be asked on the connection of a watch".to_owned()),
                _ => End::Gone,
            }),
            entry = journal.next() => entry?,
            line = log.next() => line?,
            changed = watchers.changed() => {
                changed.map_err(|_| End::Gone)?;
                Event::Watchers(watchers.borrow_and_update().clone())
            }
            changed = async { sleep_until(next_snapshot).await; status.changed().await } => {
                changed.map_err(|_| End::Told("serve is stopping".to_owned()))?;
                let now = status.borrow_and_update().clone();
                if same(&shown, &now) {
                    continue;
                }
                next_snapshot = Instant::now() + every;
                shown = now.clone();
                Event::Snapshot(now)
            }
            () = sleep_until(alive) => Event::Alive { at: (desk.clock)().wall },
        };
        out.send(event).await?;
    }
}

/// Whether two snapshots tell the same: the moment they were taken does not count.
fn same(a: &FleetStatus, b: &FleetStatus) -> bool {
    a.beacons == b.beacons && FleetStatus { at: b.at, ..a.clone() } == *b
}

struct Out<W> {
    id: u64,
    write: W,
    sent: Instant,
}

impl<W: AsyncWrite + Unpin> Out<W> {
    async fn send(&mut self, event: Event) -> Result<(), End> {
        let frame = AnswerFrame::new(self.id, Answer::Event(event));
        let line = frame.encode().map_err(|error| End::Told(error.to_string()))?;
        match timeout(PATIENCE, self.write.write_all(&line)).await {
            Ok(Ok(())) => {
                self.sent = Instant::now();
                Ok(())
            }
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Stuck),
        }
    }
}

/// What is told one by one.
trait Item: Clone {
    const NAME: &'static str;
    fn id(&self) -> u64;
    fn event(self) -> Event;
}

impl Item for JournalEntry {
    const NAME: &'static str = "journal entries";
    fn id(&self) -> u64 {
        self.id
    }
    fn event(self) -> Event {
        Event::Journal(self)
    }
}

impl Item for LogLine {
    const NAME: &'static str = "lines of the log";
    fn id(&self) -> u64 {
        self.id
    }
    fn event(self) -> Event {
        Event::Log(self)
    }
}

/// A tail whose recent part has been told.
struct Follow<T> {
    tail: Option<Tail<T>>,
    last: Option<u64>,
}

impl<T: Item> Follow<T> {
    async fn begin<W: AsyncWrite + Unpin>(tail: Option<Tail<T>>, out: &mut Out<W>) -> Result<Self, End> {
        let mut follow = Self { tail, last: None };
        if let Some(tail) = &mut follow.tail {
            for item in std::mem::take(&mut tail.recent) {
                follow.last = Some(item.id());
                out.send(item.event()).await?;
            }
        }
        Ok(follow)
    }

    /// The next event; never, if nothing of this kind is wanted.
    async fn next(&mut self) -> Result<Event, End> {
        let Some(tail) = &mut self.tail else { return std::future::pending().await };
        loop {
            match tail.next.recv().await {
                Ok(item) if self.last.is_some_and(|last| item.id() <= last) => {}
                Ok(item) => {
                    self.last = Some(item.id());
                    return Ok(item.event());
                }
                Err(RecvError::Closed) => return std::future::pending().await,
                Err(RecvError::Lagged(lost)) => {
                    let what = T::NAME;
                    return Err(End::Told(format!(
                        "this watcher did not keep up and was dropped when it had missed {lost} {what}: watch again"
                    )));
                }
            }
        }
    }
}
