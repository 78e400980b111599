//! The serving side of one connection, whatever carries it: a unix socket, or a stream within this process.
//!
//! It reads requests, sees to it that orders come in where orders may, and writes answers; what a request means is the
//! [`Handler`]'s affair.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    BufReader, DuplexStream,
};
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::stream;
use super::watchers::Watchers;
use super::{Access, Answer, AnswerFrame, Peer, REQUEST_LIMIT, Request, RequestFrame, Wanted, Welcome};
use crate::model::{Clock, FleetStatus, JournalEntry, LogLine};

/// Time a peer has to send a request line, and to take an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Least time between two snapshots of a fleet that is live.
pub const SNAPSHOT_EVERY: Duration = Duration::from_secs(1);
/// Bytes on their way between two ends within this process.
const DUPLEX: usize = 64 * 1024;

/// An answer in the making.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
/// A feed in the making.
pub type Feeding<'a> = Pin<Box<dyn Future<Output = Feed> + Send + 'a>>;

/// What carries requests out.
pub trait Handler: Send + Sync {
    /// Answers one request of `peer`: any but a hello and a watch. Runs to its end even if the peer has gone.
    fn handle(&self, request: Request, peer: Peer) -> Answering<'_>;

    /// What is told to somebody who begins to watch now.
    fn feed(&self, wanted: Wanted) -> Feeding<'_>;
}

/// What changes, as those who watch are told it.
pub struct Feed {
    /// The published status.
    pub status: watch::Receiver<Arc<FleetStatus>>,
    /// Least time between two snapshots.
    pub every: Duration,
    /// The journal, if wanted.
    pub journal: Option<Tail<JournalEntry>>,
    /// The daemon's log, if wanted.
    pub log: Option<Tail<LogLine>>,
}

/// The end of something that grows: what is there, and a bounded queue of what comes. One that is in both is told once.
pub struct Tail<T> {
    /// The latest, oldest first.
    pub recent: Vec<T>,
    /// What comes after.
    pub next: broadcast::Receiver<T>,
}

/// Where connections are served; cheap to clone. Connections end with its token and are waited for by its tracker.
#[derive(Clone)]
pub struct Desk {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) watchers: Arc<Watchers>,
    pub(super) clock: Clock,
    pub(super) cancel: CancellationToken,
    pub(super) tracker: TaskTracker,
}

impl Desk {
    /// A desk that answers by `handler`.
    pub fn new(
        handler: Arc<dyn Handler>,
        clock: Clock,
        cancel: CancellationToken,
        tracker: TaskTracker,
    ) -> Self {
        Self { handler, watchers: Arc::default(), clock, cancel, tracker }
    }

    /// The same desk, its connections ended by another token and waited for by another tracker.
    #[must_use]
    pub fn until(&self, cancel: CancellationToken, tracker: TaskTracker) -> Self {
        Self { cancel, tracker, ..self.clone() }
    }

    /// A connection within this process, served in a task of its own.
    pub fn open(&self, access: Access, peer: Peer) -> DuplexStream {
        let (theirs, ours) = tokio::io::duplex(DUPLEX);
        let desk = self.clone();
        self.tracker.spawn(async move { desk.serve(ours, access, peer).await });
        theirs
    }

    /// Serves one connection until it ends, or the desk's token does.
    pub async fn serve<S>(&self, stream: S, access: Access, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let (read, mut write) = tokio::io::split(stream);
        let mut read = BufReader::new(read);
        let mut program = "unnamed".to_owned();
        loop {
            let line = tokio::select! {
                () = self.cancel.cancelled() => return,
                line = timeout(PATIENCE, read_line(&mut read)) => line,
            };
            let Ok(Ok(Some(line))) = line else { return };
            let (frame, last) = match self.answer(&line, access, &peer, &mut program).await {
                Reply::One(frame) => (frame, false),
                Reply::Last(frame) => (frame, true),
                Reply::Watch(id, wanted) => {
                    let feed = self.handler.feed(wanted).await;
                    return stream::run(self, read, write, stream::Watch { id, feed, peer, program }).await;
                }
            };
            match timeout(PATIENCE, write.write_all(&frame)).await {
                Ok(Ok(())) if !last => {}
                _ => return,
            }
        }
    }

    async fn answer(&self, line: &[u8], access: Access, peer: &Peer, program: &mut String) -> Reply {
        if line.len() == REQUEST_LIMIT && !line.ends_with(b"\n") {
            let message = format!("a request line may have {REQUEST_LIMIT} bytes");
            return Reply::Last(refusal(0, message));
        }
        let frame = match RequestFrame::decode(line) {
            Ok(frame) => frame,
            Err(error) => return Reply::One(refusal(error.id(), error.to_string())),
        };
        let answer = match frame.request {
            Request::Hello { program: name, .. } => {
                *program = word(&name);
                welcome(access, peer)
            }
            Request::Watch(wanted) => return Reply::Watch(frame.id, wanted),
            Request::Order { what, .. } if access == Access::Observe => Answer::Refused {
                message: format!("{what} was not done: {access} takes no orders, {} does", Access::Control),
            },
            request => self.handler.handle(request, peer.clone()).await,
        };
        let line = AnswerFrame::new(frame.id, answer).encode();
        Reply::One(line.unwrap_or_else(|error| refusal(frame.id, format!("{error}: ask for less"))))
    }
}

enum Reply {
    One(Vec<u8>),
    /// The connection ends with it.
    Last(Vec<u8>),
    /// A watch by a frame of this number.
    Watch(u64, Wanted),
}

fn welcome(access: Access, peer: &Peer) -> Answer {
    Answer::Welcome(Welcome {
        beacondeck: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        access,
        you: peer.to_string(),
    })
}

/// What a program calls itself, fit to be shown to others: short, and nothing a terminal would obey.
fn word(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(32).collect()
}

/// One line of at most [`REQUEST_LIMIT`] bytes; a longer one comes back cut, without newline. None: the peer has ended.
async fn read_line(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    read.take(REQUEST_LIMIT as u64).read_until(b'\n', &mut line).await?;
    Ok((!line.is_empty()).then_some(line))
}

/// A refusal as a line.
pub fn refusal(id: u64, message: String) -> Vec<u8> {
    // A frame of one short sentence has a JSON form and fits; an empty line would only close the connection.
    AnswerFrame::new(id, Answer::Refused { message }).encode().unwrap_or_default()
}
