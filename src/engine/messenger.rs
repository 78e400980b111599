//! Tells incidents outside: a task for each notifier of the fleet file in force, and what becomes of their messages.
//!
//! Nobody waits for it. What cannot be delivered is in the status, in the log and in the metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::common::Common;
use super::said::Message;
use crate::incidents::notify::{Courier, Memory, Patience, Report};
use crate::model::{Fleet, FleetStatus, Notifier};
use crate::store::Write;

/// The part of the program these notices speak of.
const PART: &str = "notify";
/// How often is looked for another fleet file.
const LOOK: Duration = Duration::from_secs(1);
/// How long a failure is shown that no further message has confirmed or refuted.
const SHOWN: Duration = Duration::from_secs(3_600);

/// Tells until the end, or until another process does.
pub async fn run(common: Common, status: watch::Receiver<Arc<FleetStatus>>) {
    let mut messenger = Messenger { failing: Arc::default(), running: BTreeMap::new(), common, status };
    let (cancel, retire) = (messenger.common.cancel.clone(), messenger.common.ends.retire.clone());
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            // The next process remembers what was told, and tells the rest.
            () = retire.cancelled() => break,
            _ = looks.tick() => {}
        }
        messenger.follow().await;
    }
    messenger.running.values().for_each(|(_, end)| end.cancel());
}

struct Messenger {
    common: Common,
    status: watch::Receiver<Arc<FleetStatus>>,
    failing: Arc<Failing>,
    running: BTreeMap<String, (Notifier, CancellationToken)>,
}

impl Messenger {
    /// Starts and ends tasks so that they are those of the fleet file in force.
    async fn follow(&mut self) {
        let fleet = self.common.fleet.load_full();
        let (common, failing) = (&self.common, &self.failing);
        self.running.retain(|name, (notifier, end)| {
            let stays = fleet.notify.contains(notifier);
            if !stays {
                end.cancel();
                failing.forget(name);
                if !fleet.notify.iter().any(|other| other.name == *name) {
                    common.metrics.forget_notifier(name);
                }
            }
            stays
        });
        self.start(&fleet);
        self.failing.expire();
        self.failing.tell(&self.common).await;
    }

    fn start(&mut self, fleet: &Fleet) {
        for notifier in &fleet.notify {
            if self.running.contains_key(&notifier.name) {
                continue;
            }
            let end = self.common.cancel.child_token();
            let desk = Desk { common: self.common.clone(), failing: self.failing.clone() };
            self.common.metrics.expect_notifier(&notifier.name);
            let clock = self.common.clock.clone();
            match Courier::new(notifier.clone(), Patience::default(), desk, clock) {
                Ok(courier) => {
                    self.common.tasks.spawn(courier.run(self.status.clone(), end.clone()));
                }
                Err(error) => {
                    tracing::error!(%error, "a notifier cannot be set up");
                    self.failing.set(&notifier.name, error.to_string());
                }
            }
            self.running.insert(notifier.name.clone(), (notifier.clone(), end));
        }
    }
}

/// What a courier keeps and says.
struct Desk {
    common: Common,
    failing: Arc<Failing>,
}

impl Memory for Desk {
    async fn recall(&self, mark: String) -> u64 {
        // What cannot be read is told again: twice is better than never.
        self.common.store.mark(mark).await.unwrap_or_default()
    }

    async fn keep(&self, mark: String, to: u64) {
        if let Err(error) = self.common.store.write(vec![Write::Raise { mark, to }]).await {
            tracing::debug!(%error, "what was told is not on disk: it is told again after a restart");
        }
    }

    async fn report(&self, report: Report<'_>) {
        let Report { notifier, incident, event, outcome } = report;
        self.common.metrics.notified(notifier, outcome.is_ok());
        match outcome {
            Ok(()) => {
                tracing::info!(notifier, incident, event = event.word(), "told");
                self.failing.forget(notifier);
            }
            Err(error) => {
                tracing::warn!(notifier, incident, event = event.word(), %error, "not told");
                self.failing.set(notifier, error.to_string());
            }
        }
        self.failing.tell(&self.common).await;
    }
}

/// Notifiers whose last message was not taken.
#[derive(Default)]
struct Failing(std::sync::Mutex<State>);

/// What on-call must know; none: nothing any more.
#[derive(Debug, PartialEq, Eq)]
struct Notice(Option<String>);

#[derive(Default)]
struct State {
    why: BTreeMap<String, (String, Instant)>,
    told: Option<String>,
}

impl Failing {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, notifier: &str, why: String) {
        self.with(|state| state.why.insert(notifier.to_owned(), (why, Instant::now())));
    }

    fn forget(&self, notifier: &str) {
        self.with(|state| state.why.remove(notifier));
    }

    fn expire(&self) {
        self.with(|state| state.why.retain(|_, (_, at)| at.elapsed() < SHOWN));
    }

    /// The notice if it is another than the last, or that there is none any more.
    fn changed(&self) -> Option<Notice> {
        self.with(|state| {
            let words: Vec<String> =
                state.why.iter().map(|(notifier, (why, _))| format!("{notifier}: {why}")).collect();
            let notice = (!words.is_empty()).then(|| {
                format!("incidents are not told by {}; see `beacondeck notify test`", words.join(", "))
            });
            (notice != state.told).then(|| {
                state.told.clone_from(&notice);
                Notice(notice)
            })
        })
    }

    async fn tell(&self, common: &Common) {
        if let Some(Notice(notice)) = self.changed() {
            // The pool's task ends last.
            let _ = common.pool.send(Message::Notice(PART, notice)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_notice_is_said_when_it_changes_and_ends_with_the_failure_or_with_time() {
        let failing = Failing::default();
        assert_eq!(failing.changed(), None);
        failing.set("pager", "it answered 500".into());
        let notice = failing.changed().unwrap().0.unwrap();
        assert!(notice.starts_with("incidents are not told by pager: it answered 500;"), "{notice}");
        assert_eq!(failing.changed(), None);
        failing.forget("pager");
        assert_eq!(failing.changed(), Some(Notice(None)));
        failing.set("chat", "it answered 404".into());
        assert!(failing.changed().is_some());
        tokio::time::advance(SHOWN).await;
        failing.expire();
        assert_eq!(failing.changed(), Some(Notice(None)));
    }
}
