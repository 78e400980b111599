//! The handle: joined writes, and what becomes of writes that fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::poll;
use tokio::time::timeout;

use super::oracle::Oracle;
use super::words::{note, order, seed};
use crate::model::{Ack, BeaconName, Drain, JournalEntry, Silence, UnixMs};
use crate::store::{Store, StoreError, StoreHandle, StoredSeed, Write};

/// Longest wait for what must happen.
const BOUND: Duration = Duration::from_secs(20);

/// Memory behind a disk that can be full, and that counts its transactions.
#[derive(Clone, Default)]
struct Disk(Arc<State>);

#[derive(Default)]
struct State {
    memory: Mutex<Oracle>,
    full: AtomicBool,
    written: AtomicUsize,
    closed: AtomicBool,
}

struct Opened {
    disk: Disk,
    /// Each write waits for a word of the test, if it holds the other end.
    turns: Option<mpsc::Receiver<()>>,
}

impl Disk {
    fn open(&self) -> StoreHandle {
        StoreHandle::start(Opened { disk: self.clone(), turns: None }).unwrap()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Oracle> {
        self.0.memory.lock().unwrap()
    }

    fn fill(&self, full: bool) {
        self.0.full.store(full, SeqCst);
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.disk.0.closed.store(true, SeqCst);
    }
}

impl Store for Opened {
    fn write(&mut self, writes: &[Write]) -> Result<Vec<JournalEntry>, StoreError> {
        if let Some(turns) = &self.turns {
            let _ = turns.recv();
        }
        let fits = |write: &Write| !matches!(write, Write::Seed(_));
        if self.disk.0.full.load(SeqCst) && !writes.iter().all(fits) {
            let source = Arc::new(std::io::Error::other("no space left"));
            return Err(StoreError::Full { doing: "write to", path: "/disk".into(), source });
        }
        self.disk.0.written.fetch_add(1, SeqCst);
        self.disk.memory().write(writes)
    }

    fn seeds(&mut self) -> Result<Vec<StoredSeed>, StoreError> {
        self.disk.memory().seeds()
    }

    fn drains(&mut self) -> Result<BTreeMap<BeaconName, Drain>, StoreError> {
        self.disk.memory().drains()
    }

    fn acks(&mut self) -> Result<Vec<Ack>, StoreError> {
        self.disk.memory().acks()
    }

    fn silences(&mut self) -> Result<Vec<Silence>, StoreError> {
        self.disk.memory().silences()
    }

    fn incidents(&mut self) -> Result<Vec<String>, StoreError> {
        self.disk.memory().incidents()
    }

    fn mark(&mut self, name: &str) -> Result<u64, StoreError> {
        self.disk.memory().mark(name)
    }

    fn journal_last(&mut self, most: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.disk.memory().journal_last(most)
    }

    fn journal_since(&mut self, id: u64, most: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.disk.memory().journal_since(id, most)
    }

    fn journal_of(&mut self, order: &str) -> Result<Option<JournalEntry>, StoreError> {
        self.disk.memory().journal_of(order)
    }
}

fn drain(name: &str) -> Write {
    Write::Drain(BeaconName::new(name), Drain { by: "alice".into(), since: UnixMs(1) })
}

async fn until_well(store: &StoreHandle) {
    let mut trouble = store.trouble();
    timeout(BOUND, trouble.wait_for(Option::is_none)).await.expect("it is still in trouble").unwrap();
}

#[tokio::test]
async fn writes_that_wait_share_a_transaction_and_get_their_own_entries() {
    let (turn, turns) = mpsc::channel();
    let disk = Disk::default();
    let store = StoreHandle::start(Opened { disk: disk.clone(), turns: Some(turns) }).unwrap();
    let numbers = 0..100;
    let write = |number: u64| {
        let notes = (0..number % 3).map(|part| note(number * 10 + part)).chain([drain("b1")]).collect();
        let store = store.clone();
        Box::pin(async move { store.write(notes).await })
    };
    let mut writes: Vec<_> = numbers.clone().map(write).collect();
    for write in &mut writes {
        // Each has brought its job; the thread waits in its first transaction, whatever that has of them.
        assert!(poll!(write.as_mut()).is_pending());
    }
    drop(turn);
    for (number, entries) in numbers.zip(join_all(writes).await) {
        let ats: Vec<u64> = entries.unwrap().iter().map(|entry| entry.at.0).collect();
        assert_eq!(ats, (0..number % 3).map(|part| number * 10 + part).collect::<Vec<_>>());
    }
    assert!(disk.0.written.load(SeqCst) <= 2);
}

#[tokio::test]
async fn reads_see_what_was_written_before_them() {
    let store = Disk::default().open();
    assert!(store.journal_of("x").await.unwrap().is_none());
    let first = store.write(vec![order(1, "x"), drain("b1")]).await.unwrap();
    assert_eq!(store.write(vec![order(2, "x")]).await.unwrap(), first);
    store.write(vec![note(3), Write::Raise { mark: "m".into(), to: 9 }]).await.unwrap();
    store.write(vec![Write::Seed(seed("c", "k", b"body"))]).await.unwrap();
    assert_eq!(store.journal_of("x").await.unwrap().as_ref(), first.first());
    assert_eq!(store.mark("m").await.unwrap(), 9);
    assert_eq!(store.seeds().await.unwrap(), [seed("c", "k", b"body")]);
    assert_eq!(store.drains().await.unwrap().len(), 1);
    assert_eq!(store.journal_last(9).await.unwrap().len(), 2);
    assert_eq!(store.journal_since(first[0].id, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_fails_is_told_and_written_later() {
    let disk = Disk::default();
    let store = disk.open();
    disk.fill(true);
    let error = store.write(vec![Write::Seed(seed("c", "k", b"1")), note(1)]).await.unwrap_err();
    assert!(error.sentence().contains("the disk is full"), "{}", error.sentence());
    let told = store.trouble().borrow().clone().unwrap();
    assert_eq!(*told, error.sentence());
    store.write(vec![Write::Seed(seed("c", "k", b"2"))]).await.unwrap_err();
    store.write(vec![drain("b1")]).await.expect("what fits is written");
    assert!(store.trouble().borrow().is_some(), "something is still not on disk");
    assert!(store.seeds().await.unwrap().is_empty());
    disk.fill(false);
    until_well(&store).await;
    assert_eq!(store.seeds().await.unwrap(), [seed("c", "k", b"2")]);
    assert_eq!(store.journal_last(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_failed_does_not_overwrite_what_was_written_since() {
    let disk = Disk::default();
    let store = disk.open();
    disk.fill(true);
    store.write(vec![drain("b1"), Write::Seed(seed("c", "k", b"1"))]).await.unwrap_err();
    store.write(vec![Write::Resume(BeaconName::new("b1"))]).await.unwrap();
    disk.fill(false);
    until_well(&store).await;
    assert!(store.drains().await.unwrap().is_empty());
    assert_eq!(store.seeds().await.unwrap().len(), 1);
}

#[tokio::test]
async fn closing_writes_what_is_left_and_ends_the_thread() {
    let disk = Disk::default();
    let store = disk.open();
    disk.fill(true);
    store.write(vec![Write::Seed(seed("c", "k", b"1"))]).await.unwrap_err();
    disk.fill(false);
    store.close().await;
    assert!(disk.0.closed.load(SeqCst));
    assert_eq!(disk.memory().seeds().unwrap().len(), 1);
    timeout(BOUND, store.ended()).await.unwrap();
    assert!(matches!(store.write(vec![note(1)]).await, Err(StoreError::Closed)));
    assert!(matches!(store.seeds().await, Err(StoreError::Closed)));
    store.close().await;
}

#[tokio::test]
async fn a_panic_in_the_thread_is_seen() {
    let disk = Disk::default();
    let store = disk.open();
    let poisoned = disk.clone();
    let _ = std::thread::spawn(move || {
        let _guard = poisoned.memory();
        panic!("on purpose");
    })
    .join();
    assert!(matches!(store.write(vec![note(1)]).await, Err(StoreError::Closed)));
    timeout(BOUND, store.ended()).await.unwrap();
}

#[tokio::test]
async fn what_is_asked_while_the_store_is_let_go_waits_until_it_is_opened_again() {
    let disk = Disk::default();
    let store = StoreHandle::waiting().unwrap();
    let mut early = std::pin::pin!(store.write(vec![note(1)]));
    assert!(poll!(early.as_mut()).is_pending(), "no store yet");
    let opened = Opened { disk: disk.clone(), turns: None };
    store.open(move || Ok(opened)).await.unwrap();
    assert_eq!(timeout(BOUND, early).await.unwrap().unwrap().len(), 1);
    store.release().await;
    assert!(disk.0.closed.load(SeqCst), "let go");
    let refused = store.open(|| Err::<Opened, _>(StoreError::Closed)).await;
    assert!(refused.is_err(), "whoever opens hears why not");
    let mut late = std::pin::pin!(store.journal_last(10));
    assert!(poll!(late.as_mut()).is_pending(), "none again");
    let opened = Opened { disk: disk.clone(), turns: None };
    store.open(move || Ok(opened)).await.unwrap();
    assert_eq!(timeout(BOUND, late).await.unwrap().unwrap().len(), 1);
    store.close().await;
    assert!(store.journal_last(1).await.is_err());
}
