//! The remedy that is under way, on whichever host: one at a time across the fleet. What is to be shown of it before its host
//! tells, and whose agent is to be asked more often meanwhile.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};

use crate::model::{HostRemedy, RemedyAsked};

/// See the module.
#[derive(Debug)]
pub struct Errands {
    due: ArcSwapOption<(String, HostRemedy)>,
    under_way: watch::Sender<Option<RemedyAsked>>,
    changed: Notify,
}

impl Default for Errands {
    fn default() -> Self {
        let (due, under_way) = (ArcSwapOption::empty(), watch::channel(None).0);
        Self { due, under_way, changed: Notify::new() }
    }
}

impl Errands {
    /// What waits on a host for a moment when nothing is due; none: nothing does any more.
    pub fn wait(&self, due: Option<(String, HostRemedy)>) {
        self.due.store(due.map(Arc::new));
        self.changed.notify_one();
    }

    /// What waits, and on which host.
    pub fn due(&self) -> Option<Arc<(String, HostRemedy)>> {
        self.due.load_full()
    }

    /// This is ordered; none: it has ended.
    pub fn begin(&self, asked: Option<RemedyAsked>) {
        self.under_way.send_replace(asked);
    }

    /// What is ordered.
    pub fn under_way(&self) -> watch::Receiver<Option<RemedyAsked>> {
        self.under_way.subscribe()
    }

    /// Something else is to be shown.
    pub fn tell(&self) {
        self.changed.notify_one();
    }

    /// Until something else is to be shown.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
