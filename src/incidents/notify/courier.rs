//! A notifier's task: looks at the newest status, tells what is due, remembers what was told.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::ledger::{Due, Ledger};
use super::send::{SendError, Sender, SetupError};
use super::{Event, News, Patience, alertmanager, message};
use crate::model::{Clock, FleetStatus, Notifier, Target};

/// How often is looked although the status did not change.
const LOOK: Duration = Duration::from_secs(1);

/// What became of a message.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The notifier.
    pub notifier: &'a str,
    /// The incident's number.
    pub incident: u64,
    /// What was told of it.
    pub event: Event,
    /// Whether it was taken.
    pub outcome: Result<(), &'a SendError>,
}

/// Keeps what was told over restarts, and hears what became of messages.
pub trait Memory: Send {
    /// How high a mark is; 0 if it was never raised, or cannot be read.
    fn recall(&self, mark: String) -> impl Future<Output = u64> + Send;

    /// Raises a mark.
    fn keep(&self, mark: String, to: u64) -> impl Future<Output = ()> + Send;

    /// Hears of a message.
    fn report(&self, report: Report<'_>) -> impl Future<Output = ()> + Send;
}

/// The task of one notifier.
pub struct Courier<M> {
    notifier: Notifier,
    sender: Sender,
    ledger: Ledger,
    memory: M,
    clock: Clock,
    given_up: u32,
    rests_until: Option<Instant>,
}

impl<M: Memory> Courier<M> {
    /// It has told nobody anything yet.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(notifier: Notifier, patience: Patience, memory: M, clock: Clock) -> Result<Self, SetupError> {
        let sender = Sender::new(&notifier, patience)?;
        let again = matches!(notifier.target, Target::Alertmanager(_)).then_some(alertmanager::AGAIN);
        let ledger = Ledger::new(notifier.least, again);
        Ok(Self { notifier, sender, ledger, memory, clock, given_up: 0, rests_until: None })
    }

    /// Tells until `cancel`, or until nobody publishes any more. A message on its way is dropped then: it is due again
    /// after the next start.
    pub async fn run(mut self, mut status: watch::Receiver<Arc<FleetStatus>>, cancel: CancellationToken) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let telling = async {
            loop {
                tokio::select! {
                    changed = status.changed() => if changed.is_err() { return },
                    _ = looks.tick() => {}
                }
                if self.rests_until.is_none_or(|until| until <= Instant::now()) {
                    let snapshot = status.borrow_and_update().clone();
                    self.look(&snapshot).await;
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = telling => {}
        }
    }

    async fn look(&mut self, status: &FleetStatus) {
        for id in self.ledger.unknown(status) {
            let mark = self.memory.recall(self.mark(id)).await;
            self.ledger.recall(id, mark, status);
        }
        let mut dues = self.ledger.look(status, (self.clock)().wall);
        dues.sort_by_key(|due| std::cmp::Reverse(due.incident.severity));
        for due in dues {
            let told = self.tell(&status.fleet, &due).await;
            let (notifier, incident) = (self.notifier.name.as_str(), due.incident.id);
            let outcome = told.as_ref().err().map_or(Ok(()), Err);
            self.memory.report(Report { notifier, incident, event: due.event, outcome }).await;
            match told {
                Ok(()) => {
                    (self.given_up, self.rests_until) = (0, None);
                    if let Some((id, mark)) = self.ledger.told(due, (self.clock)().wall) {
                        self.memory.keep(self.mark(id), mark).await;
                    }
                }
                Err(error) => {
                    self.given_up += 1;
                    let rest = self.sender.patience().after(self.given_up);
                    self.rests_until = Some(Instant::now() + rest);
                    // One message that is not liked keeps no other back.
                    if error.is_passing() {
                        return;
                    }
                }
            }
        }
    }

    async fn tell(&self, fleet: &str, due: &Due) -> Result<(), SendError> {
        let now = (self.clock)().wall;
        let Due { event, incident, before } = due;
        let news = News { fleet, event: *event, incident, before: before.as_ref(), now };
        self.sender.send(&message(&self.notifier, &news)).await.map(|_| ())
    }

    fn mark(&self, (id, slot): (u64, u64)) -> String {
        format!("told {} {id}@{slot}", self.notifier.name)
    }
}
