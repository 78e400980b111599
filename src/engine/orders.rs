//! What comes in by the control sockets: questions and orders.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::acks::Acks;
use super::bell::Bell;
use super::book::{Book, Carried};
use super::common::Common;
use super::explain::Asked;
use super::handover::Program;
use super::journal::Journal;
use super::lifecycles::Lifecycles;
use super::observe::Eye;
use super::operations::Operations;
use super::persist;
use super::remedies::Remedies;
use super::said::Message;
use super::silences::Silences;
use crate::control::{
    Answer, Answering, Feed, Feeding, HAND_OVER, Handler, Order, Peer, Request, SNAPSHOT_EVERY, Tail, Wanted,
};
use crate::model::{DutiesAsked, FleetStatus, JournalEntry, Verb};
use crate::router::Router;
use crate::telemetry;

/// Most explanations, and most journal entries, in one answer.
const MOST: u32 = 10_000;

/// Answers questions and carries orders out.
pub struct Orders {
    /// The published status.
    pub status: watch::Receiver<Arc<FleetStatus>>,
    /// What passed.
    pub journal: Journal,
    /// What became of duties.
    pub eye: Eye,
    /// Who did what.
    pub book: Arc<Book>,
    /// Drains and resumes.
    pub lifecycles: Arc<Lifecycles>,
    /// Restarts and upgrades.
    pub operations: Operations,
    /// Remedies of this machine.
    pub remedies: Remedies,
    /// Acknowledgements.
    pub acks: Acks,
    /// Silences.
    pub silences: Silences,
    /// By this it is ordered to hand over.
    pub bell: Bell,
}

impl Orders {
    /// Of a fleet that runs.
    pub fn new(
        common: &Common,
        router: &Arc<ArcSwap<Router>>,
        status: &watch::Receiver<Arc<FleetStatus>>,
        book: Arc<Book>,
        (acks, silences): (Acks, Silences),
    ) -> Self {
        let remedies = Remedies::start(common, router.clone(), status.clone(), book.clone());
        let lifecycles = Arc::new(Lifecycles {
            pool: common.pool.clone(),
            status: status.clone(),
            clock: common.clock.clone(),
            turn: Arc::default(),
        });
        let operations = Operations::new(common, status.clone(), lifecycles.clone(), book.clone());
        let journal = common.journal.clone();
        let (eye, bell) = (common.eye.clone(), common.bell.clone());
        let status = status.clone();
        Self { status, journal, eye, book, lifecycles, operations, remedies, acks, silences, bell }
    }
}

impl Handler for Orders {
    fn handle(&self, request: Request, peer: Peer) -> Answering<'_> {
        Box::pin(async move {
            match request {
                Request::Status => Answer::Status(self.status.borrow().clone()),
                Request::Explain { slot, client, limit } => {
                    let asked = Asked { slot, client, limit: limit.min(MOST) as usize };
                    Answer::Explained(self.journal.explain(asked).await)
                }
                Request::Duties(asked) => {
                    let asked = DutiesAsked { limit: asked.limit.min(MOST), ..asked };
                    match self.eye.duties(asked).await {
                        Ok(list) => Answer::Duties(list),
                        Err(message) => Answer::Refused { message },
                    }
                }
                Request::Journal { limit } => Answer::Journal(self.book.latest(limit.min(MOST) as usize)),
                Request::Order { order, what } => {
                    let who = peer.to_string();
                    let carried = Box::pin(self.carry_out(&what, &who));
                    Box::pin(self.book.once(&order, &what, &who, carried)).await
                }
                Request::Preflight { intent, beacons } => {
                    Answer::Consequences(self.operations.preflight(intent, &beacons))
                }
                Request::Remedy(asked) => Answer::Remedy(self.remedies.plan(asked).await),
                Request::Play { .. } => {
                    Answer::Refused { message: "this is the fleet itself, and no recording of it".to_owned() }
                }
                Request::Hello { .. } | Request::Watch(_) => {
                    Answer::Refused { message: "that is no question".to_owned() }
                }
            }
        })
    }

    fn feed(&self, wanted: Wanted) -> Feeding<'_> {
        Box::pin(async move {
            let journal = wanted.journal.map(|most| self.book.tail(most.min(MOST) as usize));
            let log = wanted.log.map(|most| {
                let (recent, next) = telemetry::lines().tail(most as usize);
                Tail { recent, next }
            });
            Feed { status: self.status.clone(), every: SNAPSHOT_EVERY, journal, log }
        })
    }
}

impl Orders {
    async fn carry_out(&self, order: &Order, who: &str) -> Carried {
        match order {
            Order::Drain { beacon } => self.lifecycles.order(beacon, true, who).await,
            Order::Resume { beacon } => self.lifecycles.order(beacon, false, who).await,
            Order::Restart { beacon, force } => {
                self.operations.begin(Verb::Restart, beacon, *force, who).into()
            }
            Order::Upgrade { beacon, force } => {
                self.operations.begin(Verb::Upgrade, beacon, *force, who).into()
            }
            Order::Ack { key, why } => self.acks.give(key, why.as_deref(), who).await,
            Order::Silence { key, seconds, why } => {
                self.silences.give(key, *seconds, why.as_deref(), who).await
            }
            Order::Unsilence { key } => self.silences.lift(key).await,
            Order::Abort { beacon } => self.operations.abort(beacon, who).into(),
            Order::Remedy { asked, seal } => self.remedies.order(asked.clone(), seal, who).await.into(),
            Order::HandOver => self.hand_over().await.into(),
        }
    }

    /// It is answered before it is done: the sockets by which it came go to the next process. That one's start is in the journal,
    /// and what became of it if there is none.
    async fn hand_over(&self) -> Answer {
        let Lifecycles { pool, clock, .. } = &*self.lifecycles;
        if self.bell.is_heard() {
            // What became of one before.
            let _ = pool.send(Message::Notice(HAND_OVER, None)).await;
        }
        let Some(told) = self.bell.ring() else {
            let message =
                "routing runs in a console: leave that by q and l, and it goes on in a serve of its own";
            return Answer::Refused { message: message.to_owned() };
        };
        let (book, clock) = (self.book.clone(), clock.clone());
        tokio::spawn(async move {
            let Ok(Err(why)) = told.await else { return };
            let entry = JournalEntry {
                id: 0,
                at: clock().wall,
                who: persist::OURSELVES.to_owned(),
                what: HAND_OVER.to_owned(),
                target: None,
                order: None,
                outcome: format!("failed: {why}"),
            };
            book.append(entry).await;
        });
        let path = Program::again().path;
        Answer::Done { message: format!("handing over to {} as it is on disk now", path.display()) }
    }
}
