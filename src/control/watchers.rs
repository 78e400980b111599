//! Who watches: the list that all who watch are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::Watcher;
use crate::model::UnixMs;

/// The list.
#[derive(Debug, Default)]
pub struct Watchers {
    list: watch::Sender<Vec<Watcher>>,
    numbers: AtomicU64,
}

impl Watchers {
    /// Enters somebody, who stays in the list until the returned value is dropped.
    pub fn enter(self: &Arc<Self>, who: String, program: String, since: UnixMs) -> Present {
        let id = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        self.list.send_modify(|list| list.push(Watcher { id, who, program, since }));
        Present { watchers: self.clone(), id }
    }

    /// The list and word of each change.
    pub fn subscribe(&self) -> watch::Receiver<Vec<Watcher>> {
        self.list.subscribe()
    }
}

/// Somebody's presence.
#[derive(Debug)]
pub struct Present {
    watchers: Arc<Watchers>,
    id: u64,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.watchers.list.send_modify(|list| list.retain(|watcher| watcher.id != self.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_is_gone_and_the_others_keep_their_order() {
        let watchers = Arc::new(Watchers::default());
        let list = watchers.subscribe();
        let enter = |who: &str| watchers.enter(who.into(), "console".into(), UnixMs(1));
        let (a, b, c) = (enter("a"), enter("b"), enter("c"));
        drop(b);
        let names = || list.borrow().iter().map(|watcher| watcher.who.clone()).collect::<Vec<_>>();
        assert_eq!(names(), ["a", "c"]);
        drop((a, c));
        assert_eq!(names(), [""; 0]);
    }
}
