//! The operator journal as orders need it: an order is carried out once, and what became of it is written down and told.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, OwnedMutexGuard, broadcast};

use crate::control::{Answer, Order, OrderId, Tail};
use crate::model::{Clock, JournalEntry};
use crate::store::{StoreError, StoreHandle, Write};

/// Entries a watcher may fall behind.
const BEHIND: usize = 256;
/// Entries kept.
const KEPT: usize = 4_096;
/// How the outcome of an order that did not succeed begins.
const FAILED: &str = "failed: ";

/// What was ordered first, and its answer once there is one.
type UnderWay = (Order, Arc<OnceCell<Answer>>);

/// What came of an order, and what of it must be on disk together with its entry in the journal.
pub struct Carried {
    /// What is answered.
    pub answer: Answer,
    /// What changed.
    pub writes: Vec<Write>,
    /// Held until that is written, so that changes are written in the order they were made.
    pub turn: Option<OwnedMutexGuard<()>>,
}

impl From<Answer> for Carried {
    /// Nothing that is kept changed.
    fn from(answer: Answer) -> Self {
        Self { answer, writes: Vec::new(), turn: None }
    }
}

/// The answer to what was done and could not be written.
fn unkept(answer: Answer, error: &StoreError) -> Answer {
    match answer {
        Answer::Done { message } => {
            Answer::Done { message: format!("{message}; not persisted: {}", error.sentence()) }
        }
        other => other,
    }
}

/// The journal, and the orders under way.
pub struct Book {
    clock: Clock,
    store: StoreHandle,
    entries: Mutex<VecDeque<JournalEntry>>,
    told: broadcast::Sender<JournalEntry>,
    under_way: Mutex<HashMap<OrderId, UnderWay>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Book {
    /// The journal as it was written.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn new(clock: Clock, store: StoreHandle) -> Result<Self, StoreError> {
        let entries = Mutex::new(store.journal_last(KEPT).await?.into());
        let told = broadcast::Sender::new(BEHIND);
        Ok(Self { clock, store, entries, told, under_way: Mutex::default() })
    }

    /// Carries an order out by `work`, unless it was before: then what became of it is told again. A second asker of an
    /// order that is under way waits for the first. What `work` answers with done or failed is written down; after any
    /// other answer nothing has happened, and the order may be given again.
    pub async fn once<W>(&self, id: &OrderId, order: &Order, who: &str, work: W) -> Answer
    where
        W: Future<Output: Into<Carried>>,
    {
        let cell = {
            let mut under_way = locked(&self.under_way);
            let (first, cell) =
                under_way.entry(id.clone()).or_insert_with(|| (order.clone(), Arc::default()));
            if first != order {
                return used(id, &first.to_string());
            }
            cell.clone()
        };
        let answer = cell.get_or_init(|| self.carry_out(id, order, who, work)).await.clone();
        locked(&self.under_way).remove(id);
        answer
    }

    async fn carry_out<W>(&self, id: &OrderId, order: &Order, who: &str, work: W) -> Answer
    where
        W: Future<Output: Into<Carried>>,
    {
        if let Some(entry) = self.find(id).await {
            return again(id, order, &entry);
        }
        let Carried { answer, writes, turn } = work.await.into();
        let outcome = match &answer {
            Answer::Done { message } => message.clone(),
            Answer::Failed { message } => format!("{FAILED}{message}"),
            _ => return answer,
        };
        tracing::info!(%order, %who, %outcome, "order carried out");
        let (verb, target) = order.words();
        let entry = JournalEntry {
            id: 0,
            at: (self.clock)().wall,
            who: who.to_owned(),
            what: verb.to_owned(),
            target: target.map(str::to_owned),
            order: Some(id.as_str().to_owned()),
            outcome,
        };
        let changed = !writes.is_empty();
        let written = self.append_with(writes, entry).await;
        drop(turn);
        match written {
            Err(error) if changed => unkept(answer, &error),
            _ => answer,
        }
    }

    async fn find(&self, id: &OrderId) -> Option<JournalEntry> {
        let is_it = |entry: &&JournalEntry| entry.order.as_deref() == Some(id.as_str());
        let recent = locked(&self.entries).iter().rev().find(is_it).cloned();
        match recent {
            Some(entry) => Some(entry),
            None => self.store.journal_of(id.as_str()).await.ok().flatten(),
        }
    }

    /// Writes down what somebody's order has not written: a step of an operation.
    pub async fn keep(&self, carried: Carried) -> Answer {
        let Carried { answer, writes, turn: _turn } = carried;
        if writes.is_empty() {
            return answer;
        }
        match self.store.write(writes).await {
            Ok(_) => answer,
            Err(error) => unkept(answer, &error),
        }
    }

    /// Writes an entry, gives it its number and tells it.
    pub async fn append(&self, entry: JournalEntry) {
        // What could not be written is kept and tried again; the status tells of it.
        let _ = self.append_with(Vec::new(), entry).await;
    }

    /// The same, in one transaction with what it tells of.
    async fn append_with(&self, mut writes: Vec<Write>, mut entry: JournalEntry) -> Result<(), StoreError> {
        writes.push(Write::Journal(entry.clone()));
        let written = self.store.write(writes).await;
        let mut entries = locked(&self.entries);
        // One that is not on disk yet, which the status tells, is shown by the number it would have.
        let next = entries.back().map_or(1, |last| last.id + 1);
        let numbered = written.as_ref().ok().and_then(|written| written.first());
        entry.id = numbered.map_or(next, |entry| entry.id);
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(entry.clone());
        // Nobody may be watching.
        let _ = self.told.send(entry);
        written.map(|_| ())
    }

    /// The latest `most` entries, oldest first.
    pub fn latest(&self, most: usize) -> Vec<JournalEntry> {
        let entries = locked(&self.entries);
        entries.range(entries.len().saturating_sub(most)..).cloned().collect()
    }

    /// The same, and each entry after them.
    pub fn tail(&self, most: usize) -> Tail<JournalEntry> {
        // In this order nothing falls between; what comes twice is told once.
        let next = self.told.subscribe();
        Tail { recent: self.latest(most), next }
    }
}

fn used(id: &OrderId, first: &str) -> Answer {
    let message = format!("nothing was done: the order {id} was given before, and was to {first}");
    Answer::Refused { message }
}

/// The answer to an order that is in the journal.
fn again(id: &OrderId, order: &Order, entry: &JournalEntry) -> Answer {
    if order.words() != (entry.what.as_str(), entry.target.as_deref()) {
        let first = entry.target.as_deref().map_or(entry.what.clone(), |to| format!("{} {to}", entry.what));
        return used(id, &first);
    }
    match entry.outcome.strip_prefix(FAILED) {
        Some(message) => Answer::Failed { message: message.to_owned() },
        None => Answer::Done { message: entry.outcome.clone() },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use tokio::sync::Notify;

    use super::*;
    use crate::model::{BeaconName, Moment, UnixMs};
    use crate::store::SqliteStore;

    /// A journal of its own, and where it is kept.
    async fn book() -> (Book, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreHandle::start(SqliteStore::open(dir.path(), "test").unwrap()).unwrap();
        let clock: Clock = Arc::new(|| Moment { wall: UnixMs(5), mono_us: 0 });
        (Book::new(clock, store).await.unwrap(), dir)
    }

    fn drain(name: &str) -> Order {
        Order::Drain { beacon: BeaconName::new(name) }
    }

    #[expect(clippy::unused_async, reason = "it counts when it is carried out, not when it is made")]
    async fn done(count: &AtomicU32) -> Answer {
        Answer::Done { message: format!("done {}", count.fetch_add(1, SeqCst) + 1) }
    }

    fn says(text: &str) -> Answer {
        Answer::Done { message: text.into() }
    }

    #[tokio::test]
    async fn an_order_given_twice_is_carried_out_once_and_told_twice() {
        let ((book, _dir), count, id) = (book().await, AtomicU32::new(0), OrderId::random());
        for _ in 0..2 {
            let answer = book.once(&id, &drain("b1"), "alice (uid 1000)", done(&count)).await;
            assert_eq!(answer, says("done 1"));
        }
        let other = book.once(&OrderId::random(), &drain("b1"), "bob (uid 1001)", done(&count)).await;
        assert_eq!(other, says("done 2"));
        let entries = book.latest(9);
        assert_eq!(
            entries.iter().map(|entry| entry.who.as_str()).collect::<Vec<_>>(),
            ["alice (uid 1000)", "bob (uid 1001)"]
        );
        let expected = JournalEntry {
            id: 1,
            at: UnixMs(5),
            who: "alice (uid 1000)".into(),
            what: "drain".into(),
            target: Some("b1".into()),
            order: Some(id.to_string()),
            outcome: "done 1".into(),
        };
        assert_eq!(entries[0], expected);
        assert!(book.under_way.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_second_asker_of_an_order_under_way_waits_for_the_first() {
        let ((book, _dir), count, id, go) =
            (book().await, AtomicU32::new(0), OrderId::random(), Notify::new());
        let work = || async {
            go.notified().await;
            done(&count).await
        };
        let order = drain("b1");
        let both = async {
            tokio::join!(book.once(&id, &order, "a", work()), book.once(&id, &order, "b", work()), async {
                assert!(matches!(
                    book.once(&id, &drain("b2"), "c", done(&count)).await,
                    Answer::Refused { message } if message.ends_with("was to drain b1")
                ));
                go.notify_one();
            })
        };
        let (first, second, ()) = both.await;
        assert_eq!((first, second), (says("done 1"), says("done 1")));
        assert_eq!(book.latest(9).len(), 1);
    }

    #[tokio::test]
    async fn an_id_is_for_one_order_and_a_refused_order_may_be_given_again() {
        let ((book, _dir), count, id) = (book().await, AtomicU32::new(0), OrderId::random());
        let no = async { Answer::Refused { message: "not now".into() } };
        let answer = book.once(&id, &drain("b1"), "a", no).await;
        assert_eq!(answer, Answer::Refused { message: "not now".into() });
        assert!(book.latest(9).is_empty());
        assert_eq!(book.once(&id, &drain("b1"), "a", done(&count)).await, says("done 1"));
        let other = book.once(&id, &drain("b2"), "a", done(&count)).await;
        assert!(matches!(other, Answer::Refused { message } if message.ends_with("was to drain b1")));
        assert_eq!(count.load(SeqCst), 1);
    }

    #[tokio::test]
    async fn an_order_that_failed_is_in_the_journal_and_not_tried_again() {
        let ((book, _dir), count, id) = (book().await, AtomicU32::new(0), OrderId::random());
        let no = || Answer::Failed { message: "b1 did not drain".into() };
        assert_eq!(book.once(&id, &drain("b1"), "a", async { no() }).await, no());
        assert_eq!(book.once(&id, &drain("b1"), "a", done(&count)).await, no());
        assert_eq!(book.latest(9)[0].outcome, "failed: b1 did not drain");
    }

    #[tokio::test]
    async fn a_tail_tells_what_is_there_and_what_comes() {
        let ((book, _dir), count) = (book().await, AtomicU32::new(0));
        for _ in 0..3 {
            book.once(&OrderId::random(), &drain("b1"), "a", done(&count)).await;
        }
        let mut tail = book.tail(2);
        assert_eq!(tail.recent.iter().map(|entry| entry.id).collect::<Vec<_>>(), [2, 3]);
        book.once(&OrderId::random(), &drain("b1"), "a", done(&count)).await;
        assert_eq!(tail.next.recv().await.unwrap().id, 4);
    }
}
