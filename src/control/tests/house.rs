//! A serve for the tests: its status, journal and log are what the test says.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control::*;
use crate::model::{BeaconName, FleetStatus, JournalEntry, LogLevel, LogLine, Moment, UnixMs};

/// A handler that carries out every order by writing it down.
pub struct House {
    pub status: watch::Sender<Arc<FleetStatus>>,
    pub journal: broadcast::Sender<JournalEntry>,
    pub log: broadcast::Sender<LogLine>,
    entries: AtomicU64,
}

impl House {
    fn new() -> Self {
        let (journal, log) = (broadcast::Sender::new(64), broadcast::Sender::new(64));
        Self { status: watch::Sender::new(Arc::new(fleet("first"))), journal, log, entries: 0.into() }
    }

    /// The fleet is called so from now on.
    pub fn rename(&self, fleet: &str) {
        self.status.send_replace(Arc::new(self::fleet(fleet)));
    }
}

impl Handler for House {
    fn handle(&self, request: Request, peer: Peer) -> Answering<'_> {
        let answer = match request {
            Request::Status => Answer::Status(self.status.borrow().clone()),
            Request::Order { order, what } => {
                let (verb, target) = what.words();
                let entry = JournalEntry {
                    id: self.entries.fetch_add(1, SeqCst) + 1,
                    at: UnixMs(5),
                    who: peer.to_string(),
                    what: verb.to_owned(),
                    target: target.map(str::to_owned),
                    order: Some(order.to_string()),
                    outcome: "done".into(),
                };
                let _ = self.journal.send(entry);
                Answer::Done { message: format!("{what} by {peer}") }
            }
            _ => Answer::Done { message: "x".repeat(ANSWER_LIMIT) },
        };
        Box::pin(std::future::ready(answer))
    }

    fn feed(&self, wanted: Wanted) -> Feeding<'_> {
        let lines = |most: u32| (0..u64::from(most)).map(|id| line(id, "before")).collect();
        let journal = wanted.journal.map(|_| Tail { recent: Vec::new(), next: self.journal.subscribe() });
        let log = wanted.log.map(|most| Tail { recent: lines(most), next: self.log.subscribe() });
        let feed = Feed { status: self.status.subscribe(), every: SNAPSHOT_EVERY, journal, log };
        Box::pin(std::future::ready(feed))
    }
}

/// A running serve.
pub struct Running {
    pub house: Arc<House>,
    pub desk: Desk,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl Running {
    /// Without sockets.
    pub fn inside() -> Self {
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        let house = Arc::new(House::new());
        let clock = Arc::new(|| Moment { wall: UnixMs(77), mono_us: 0 });
        let desk = Desk::new(house.clone(), clock, cancel.clone(), tracker.clone());
        Self { house, desk, cancel, tracker }
    }

    pub async fn start(dir: &Path) -> Result<Self, ControlError> {
        let running = Self::inside();
        ControlServer::start(dir, &running.desk).await?;
        Ok(running)
    }

    pub async fn stop(self) {
        self.cancel.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

pub fn fleet(name: &str) -> FleetStatus {
    FleetStatus { fleet: name.into(), version: "0".into(), at: UnixMs(1), ..FleetStatus::default() }
}

pub fn line(id: u64, text: &str) -> LogLine {
    LogLine { id, at: UnixMs(1), level: LogLevel::Info, from: "test".into(), text: text.into() }
}

pub fn drain() -> Request {
    Request::order(Order::Drain { beacon: BeaconName::new("b1") })
}

/// Sends bytes as they are and returns all that is answered until the end.
pub async fn raw(dir: &Path, access: Access, send: &[u8]) -> String {
    let mut stream = UnixStream::connect(dir.join(access.socket())).await.unwrap();
    let _ = stream.write_all(send).await;
    let _ = stream.shutdown().await;
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got).await;
    String::from_utf8(got).unwrap()
}
