//! What comes in by the control sockets: questions and orders.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::book::Book;
use super::explain::Asked;
use super::journal::Journal;
use super::said::Message;
use crate::control::{Answer, Answering, Feed, Feeding, Handler, Order, Peer, Request, Tail, Wanted};
use crate::model::{BeaconName, Clock, Drain, FleetStatus, Lifecycle};
use crate::store::{StoreHandle, Write};
use crate::telemetry;

/// Most explanations, and most journal entries, in one answer.
const MOST: u32 = 10_000;

/// Answers questions and carries orders out.
pub struct Orders {
    /// The pool's task.
    pub pool: mpsc::Sender<Message>,
    /// The published status.
    pub status: watch::Receiver<Arc<FleetStatus>>,
    /// What passed.
    pub journal: Journal,
    /// Who did what.
    pub book: Book,
    /// What survives a restart.
    pub store: StoreHandle,
    /// The clock.
    pub clock: Clock,
    /// One change of a beacon's lifecycle after the other, so that they are recorded as they were carried out.
    pub turn: Mutex<()>,
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
                Request::Journal { limit } => Answer::Journal(self.book.latest(limit.min(MOST) as usize)),
                Request::Order { order, what } => {
                    let who = peer.to_string();
                    self.book.once(&order, &what, &who, self.carry_out(&what, &who)).await
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
            Feed { status: self.status.clone(), journal, log }
        })
    }
}

impl Orders {
    async fn carry_out(&self, order: &Order, who: &str) -> Answer {
        match order {
            Order::Drain { beacon } => self.lifecycle(beacon, true, who).await,
            Order::Resume { beacon } => self.lifecycle(beacon, false, who).await,
        }
    }

    async fn lifecycle(&self, beacon: &BeaconName, drain: bool, who: &str) -> Answer {
        let (answer, answered) = oneshot::channel();
        let _turn = self.turn.lock().await;
        let order = drain.then(|| Drain { by: who.to_owned(), since: (self.clock)().wall });
        let message = Message::Order(beacon.clone(), order, answer);
        let stopping =
            || Answer::Refused { message: "this serve is stopping; ask again when it is back".to_owned() };
        if self.pool.send(message).await.is_err() {
            return stopping();
        }
        let Ok(lifecycle) = answered.await else { return stopping() };
        let Some(lifecycle) = lifecycle else {
            let status = self.status.borrow();
            let known: Vec<&str> = status.beacons.iter().map(|beacon| beacon.name.as_str()).collect();
            let message = format!("there is no beacon {beacon}; this fleet has {}", known.join(", "));
            return Answer::Refused { message };
        };
        let message = match lifecycle {
            Lifecycle::Active => format!("{beacon} is active"),
            Lifecycle::Draining(0) => format!("{beacon} is draining"),
            Lifecycle::Draining(n) => format!("{beacon} is draining, {n} in flight"),
            Lifecycle::Drained => format!("{beacon} is drained"),
        };
        // Of two drains the first stands, and the status has what stands.
        let standing = self.status.borrow().beacons.iter().find(|status| status.name == *beacon).cloned();
        let lifecycle = standing
            .and_then(|status| status.drained)
            .map_or_else(|| Write::Resume(beacon.clone()), |drain| Write::Drain(beacon.clone(), drain));
        match self.store.write(vec![lifecycle]).await {
            Ok(_) => Answer::Done { message },
            Err(error) => Answer::Done { message: format!("{message}; not persisted: {}", error.sentence()) },
        }
    }
}
