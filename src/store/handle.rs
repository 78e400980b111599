//! The asynchronous handle of the thread that owns the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::keeper::{self, Job};
use super::{Store, StoreError, StoredSeed, Write};
use crate::model::{Ack, BeaconName, Drain, JournalEntry, Silence};

/// Jobs on their way to the thread; who brings one more waits.
const QUEUE: usize = 1_024;

/// Reads and writes what persists. Cheap to clone; the store is closed by [`StoreHandle::close`].
#[derive(Clone)]
pub struct StoreHandle {
    jobs: mpsc::Sender<Job>,
    trouble: watch::Receiver<Option<Arc<str>>>,
}

impl StoreHandle {
    /// A thread that has no store yet: what is asked waits for [`StoreHandle::open`].
    ///
    /// # Errors
    /// The system has no thread left: [`StoreError::Closed`].
    pub fn waiting() -> Result<Self, StoreError> {
        Self::spawn(None)
    }

    /// A thread that has a store from the start.
    #[cfg(test)]
    pub fn start(store: impl Store + 'static) -> Result<Self, StoreError> {
        Self::spawn(Some(Box::new(store)))
    }

    fn spawn(store: Option<Box<dyn Store>>) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (tell, trouble) = watch::channel(None);
        keeper::start(store, queue, tell).map_err(|error| {
            tracing::error!(%error, "the state's thread could not be started");
            StoreError::Closed
        })?;
        Ok(Self { jobs, trouble })
    }

    /// Gives the thread a store.
    ///
    /// # Errors
    /// Those of `open`; what waits goes on waiting then.
    pub async fn open<S: Store + 'static>(
        &self,
        open: impl FnOnce() -> Result<S, StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let open = Box::new(move || open().map(|store| Box::new(store) as Box<dyn Store>));
        self.jobs.send(Job::Open(open, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes what is left and lets go of the store, for another process to take; what is asked waits until it is opened
    /// again.
    pub async fn release(&self) {
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(Job::Release(answer)).await.is_ok() {
            // A thread that died of a panic holds nothing.
            let _ = answered.await;
        }
    }

    /// Carries out changes, all or none; they are on disk when this returns. Changes that wait at the same time share one
    /// transaction.
    ///
    /// Returns the journal's entries, as [`Store::write`] does. After an error the changes are kept in memory, within
    /// bounds, and tried again until they are written; meanwhile [`StoreHandle::trouble`] says so and reads see the state
    /// without them.
    pub async fn write(&self, writes: Vec<Write>) -> Result<Vec<JournalEntry>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Write(writes, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Store::seeds`].
    pub async fn seeds(&self) -> Result<Vec<StoredSeed>, StoreError> {
        self.read(|store| store.seeds()).await
    }

    /// As [`Store::drains`].
    pub async fn drains(&self) -> Result<BTreeMap<BeaconName, Drain>, StoreError> {
        self.read(|store| store.drains()).await
    }

    /// As [`Store::acks`].
    pub async fn acks(&self) -> Result<Vec<Ack>, StoreError> {
        self.read(|store| store.acks()).await
    }

    /// As [`Store::silences`].
    pub async fn silences(&self) -> Result<Vec<Silence>, StoreError> {
        self.read(|store| store.silences()).await
    }

    /// As [`Store::incidents`].
    pub async fn incidents(&self) -> Result<Vec<String>, StoreError> {
        self.read(|store| store.incidents()).await
    }

    /// As [`Store::mark`].
    pub async fn mark(&self, name: impl Into<String>) -> Result<u64, StoreError> {
        let name = name.into();
        self.read(move |store| store.mark(&name)).await
    }

    /// As [`Store::journal_last`].
    pub async fn journal_last(&self, most: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(move |store| store.journal_last(most)).await
    }

    /// As [`Store::journal_since`].
    pub async fn journal_since(&self, id: u64, most: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(move |store| store.journal_since(id, most)).await
    }

    /// As [`Store::journal_of`].
    pub async fn journal_of(&self, order: impl Into<String>) -> Result<Option<JournalEntry>, StoreError> {
        let order = order.into();
        self.read(move |store| store.journal_of(&order)).await
    }

    /// Why the last changes are not on disk, if they are not, and word of each change of it.
    pub fn trouble(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.trouble.clone()
    }

    /// Writes what is left, closes the store and releases it to others. Later calls fail.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(Job::Close(answer)).await.is_ok() {
            // The thread answers, or has died of a panic: closed it is.
            let _ = answered.await;
        }
    }

    /// Returns when the thread has ended, by [`StoreHandle::close`] or by a fault of ours.
    pub async fn ended(&self) {
        self.jobs.closed().await;
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Read(Box::new(move |store| {
            // Whoever asked may have gone.
            let _ = answer.send(read(store));
        }));
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}
