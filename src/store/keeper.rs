//! The thread that owns the store: one job after the other, writes that wait together in one transaction, and what
//! could not be written again and again.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::backlog::Backlog;
use super::{Store, StoreError, Write};
use crate::model::JournalEntry;

/// Writes joined into one transaction at most.
const JOINED: usize = 256;
/// Time between two attempts to write what failed.
pub const RETRY: Duration = Duration::from_secs(2);

/// Jobs kept while there is no store; one more is refused.
const KEPT: usize = 1_024;

/// Opens the store.
pub type Opener = Box<dyn FnOnce() -> Result<Box<dyn Store>, StoreError> + Send>;
/// A read, answering by itself.
type Read = Box<dyn FnOnce(&mut dyn Store) + Send>;
/// What is told to whoever writes.
type Written = Result<Vec<JournalEntry>, StoreError>;

/// What the thread takes.
pub enum Job {
    /// Changes, and whom to tell what came of them.
    Write(Vec<Write>, oneshot::Sender<Written>),
    /// A question.
    Read(Read),
    /// Open the store; jobs that came before it wait until then.
    Open(Opener, oneshot::Sender<Result<(), StoreError>>),
    /// Write what is left and let go of the store; jobs wait until it is opened again.
    Release(oneshot::Sender<()>),
    /// The end.
    Close(oneshot::Sender<()>),
}

struct Keeper {
    store: Option<Box<dyn Store>>,
    kept: VecDeque<Job>,
    backlog: Backlog,
    trouble: watch::Sender<Option<Arc<str>>>,
}

/// Starts the thread, with a store or without one. It ends with a [`Job::Close`], or when nobody can bring jobs any more.
pub fn start(
    store: Option<Box<dyn Store>>,
    mut jobs: mpsc::Receiver<Job>,
    trouble: watch::Sender<Option<Arc<str>>>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut keeper = Keeper { store, kept: VecDeque::new(), backlog: Backlog::default(), trouble };
    std::thread::Builder::new().name("store".to_owned()).spawn(move || {
        let closed = runtime.block_on(keeper.run(&mut jobs));
        keeper.settle();
        // Closed first, then told: whoever waits may open it again.
        drop(keeper);
        if let Some(closed) = closed {
            let _ = closed.send(());
        }
    })?;
    Ok(())
}

impl Keeper {
    /// Returns whom to tell that the store is closed.
    async fn run(&mut self, jobs: &mut mpsc::Receiver<Job>) -> Option<oneshot::Sender<()>> {
        let mut next = None;
        loop {
            if next.is_none() && self.store.is_some() {
                next = self.kept.pop_front();
            }
            let job = match next.take() {
                Some(job) => job,
                None if self.backlog.is_empty() => jobs.recv().await?,
                None => {
                    let Ok(job) = timeout(RETRY, jobs.recv()).await else {
                        self.settle();
                        continue;
                    };
                    job?
                }
            };
            match job {
                Job::Open(open, answer) => {
                    let opened = open().map(|store| self.store = Some(store));
                    // Whoever opened it may have gone.
                    let _ = answer.send(opened);
                }
                Job::Release(answer) => {
                    self.settle();
                    self.store = None;
                    let _ = answer.send(());
                }
                Job::Close(closed) => return Some(closed),
                // One that is dropped answers that the store is closed.
                job if self.store.is_none() => {
                    if self.kept.len() < KEPT {
                        self.kept.push_back(job);
                    }
                }
                Job::Write(writes, answer) => {
                    let mut waiting = vec![(writes, answer)];
                    while waiting.len() < JOINED && next.is_none() {
                        match jobs.try_recv() {
                            Ok(Job::Write(writes, answer)) => waiting.push((writes, answer)),
                            Ok(other) => next = Some(other),
                            Err(_) => break,
                        }
                    }
                    self.write(waiting);
                }
                Job::Read(read) => {
                    if let Some(store) = self.store.as_mut() {
                        read(store.as_mut());
                    }
                }
            }
        }
    }

    fn write(&mut self, waiting: Vec<(Vec<Write>, oneshot::Sender<Written>)>) {
        // What failed before is older. If it fails again, a smaller change may still fit on a full disk.
        self.settle();
        if waiting.len() > 1 {
            let all: Vec<Write> = waiting.iter().flat_map(|(writes, _)| writes).cloned().collect();
            if let Ok(entries) = self.put(&all) {
                self.backlog.outdated_by(&all);
                let mut entries = entries.into_iter();
                for (writes, answer) in waiting {
                    let notes = writes.iter().filter(|write| matches!(write, Write::Journal(_))).count();
                    // Whoever wrote may have gone; what it wrote stands.
                    let _ = answer.send(Ok(entries.by_ref().take(notes).collect()));
                }
                return;
            }
        }
        for (writes, answer) in waiting {
            let written = self.put(&writes);
            match &written {
                Ok(_) => self.backlog.outdated_by(&writes),
                Err(error) => {
                    self.fails(error);
                    self.backlog.add(writes);
                }
            }
            let _ = answer.send(written);
        }
        if self.backlog.is_empty() {
            self.works();
        }
    }

    fn put(&mut self, writes: &[Write]) -> Written {
        self.store.as_mut().map_or(Err(StoreError::Closed), |store| store.write(writes))
    }

    /// Writes what could not be written before.
    fn settle(&mut self) {
        if self.backlog.is_empty() || self.store.is_none() {
            return;
        }
        let writes = self.backlog.writes().to_vec();
        match self.put(&writes) {
            Ok(_) => self.works(),
            Err(error) => self.fails(&error),
        }
    }

    fn fails(&self, error: &StoreError) {
        let sentence = error.sentence();
        self.trouble.send_if_modified(|trouble| {
            let news = trouble.as_deref() != Some(&sentence);
            if news {
                tracing::error!(%sentence, "state is not persisted");
                *trouble = Some(sentence.into());
            }
            news
        });
    }

    fn works(&mut self) {
        let lost = self.backlog.settled();
        if self.trouble.send_if_modified(|trouble| trouble.take().is_some()) {
            tracing::info!(lost, "state is persisted again");
        }
    }
}
