//! What somebody ordered and what stands until it ends by itself: by its key, as the status shows it and as it is on disk.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::common::Common;
use crate::model::{Ack, Clock, Silence, UnixMs};
use crate::store::{StoreHandle, Write};

/// How often is looked at what has ended.
const LOOK: Duration = Duration::from_secs(1);

/// Something that can stand.
pub trait Stands: Clone + Send + Sync + 'static {
    /// What identifies it.
    fn key(&self) -> &str;
    /// It stands now, in place of what had its key.
    fn begins(self) -> Write;
    /// What has this key stands no more.
    fn ends(key: String) -> Write;
}

impl Stands for Ack {
    fn key(&self) -> &str {
        &self.key
    }

    fn begins(self) -> Write {
        Write::Ack(self)
    }

    fn ends(key: String) -> Write {
        Write::Unack(key)
    }
}

impl Stands for Silence {
    fn key(&self) -> &str {
        &self.key
    }

    fn begins(self) -> Write {
        Write::Silence(self)
    }

    fn ends(key: String) -> Write {
        Write::Unsilence(key)
    }
}

/// All that stand of one kind.
pub struct Standing<T> {
    shown: Arc<ArcSwap<Vec<T>>>,
    store: StoreHandle,
    clock: Clock,
    /// One change after the other, so that what is shown is what is kept.
    turn: Arc<Mutex<()>>,
}

impl<T: Stands> Standing<T> {
    /// Those that were kept stand, and are shown there.
    pub fn new(common: &Common, shown: &Arc<ArcSwap<Vec<T>>>, kept: Vec<T>) -> Arc<Self> {
        shown.store(Arc::new(kept));
        let (store, clock) = (common.store.clone(), common.clock.clone());
        Arc::new(Self { shown: shown.clone(), store, clock, turn: Arc::default() })
    }

    /// The right to change something, held until the change is written.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// All of them.
    pub fn all(&self) -> Arc<Vec<T>> {
        self.shown.load_full()
    }

    /// The present.
    pub fn now(&self) -> UnixMs {
        (self.clock)().wall
    }

    /// One stands now, in place of what had its key; what is to be written.
    pub fn put(&self, one: T) -> Write {
        let mut all = self.without(&[one.key().to_owned()]);
        all.push(one.clone());
        self.shown.store(Arc::new(all));
        one.begins()
    }

    /// These stand no more; what is to be written.
    pub fn take(&self, keys: Vec<String>) -> Vec<Write> {
        self.shown.store(Arc::new(self.without(&keys)));
        keys.into_iter().map(T::ends).collect()
    }

    fn without(&self, keys: &[String]) -> Vec<T> {
        let gone = |one: &&T| keys.iter().any(|key| key == one.key());
        self.shown.load().iter().filter(|one| !gone(one)).cloned().collect()
    }

    /// Lets go, until `cancel`, of what `ended` says has ended.
    pub async fn let_go(
        self: Arc<Self>,
        cancel: CancellationToken,
        mut ended: impl FnMut(&[T], UnixMs) -> Vec<String>,
    ) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = looks.tick() => {}
            }
            let _turn = self.turn.lock().await;
            let ended = ended(&self.all(), self.now());
            if !ended.is_empty() {
                // What could not be written is kept and tried again; the status tells of it.
                let _ = self.store.write(self.take(ended)).await;
            }
        }
    }
}
