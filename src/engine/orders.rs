//! Orders that come in by the control socket.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::explain::Asked;
use super::journal::Journal;
use super::said::Message;
use crate::control::{Answer, Answering, Handler, Peer, Request};
use crate::model::{BeaconName, FleetStatus, Lifecycle};

/// Most explanations in one answer.
const MOST: usize = 10_000;

/// Carries orders out.
pub struct Orders {
    /// The pool's task.
    pub pool: mpsc::Sender<Message>,
    /// The published status.
    pub status: watch::Receiver<Arc<FleetStatus>>,
    /// What passed.
    pub journal: Journal,
}

impl Handler for Orders {
    fn handle(&self, request: Request, peer: Peer) -> Answering<'_> {
        Box::pin(async move {
            match request {
                Request::Status => Answer::Status(self.status.borrow().clone()),
                Request::Drain { beacon } => self.order(&beacon, true, &peer).await,
                Request::Resume { beacon } => self.order(&beacon, false, &peer).await,
                Request::Explain { slot, client, limit } => {
                    let asked = Asked { slot, client, limit: (limit as usize).min(MOST) };
                    Answer::Explained(self.journal.explain(asked).await)
                }
            }
        })
    }
}

impl Orders {
    async fn order(&self, beacon: &BeaconName, drain: bool, peer: &Peer) -> Answer {
        let (answer, answered) = oneshot::channel();
        let message = Message::Order(beacon.clone(), drain, answer);
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
        tracing::info!(%beacon, who = %peer, order = if drain { "drain" } else { "resume" }, "order carried out");
        let message = match lifecycle {
            Lifecycle::Active => format!("{beacon} is active"),
            Lifecycle::Draining(0) => format!("{beacon} is draining"),
            Lifecycle::Draining(n) => format!("{beacon} is draining, {n} in flight"),
            Lifecycle::Drained => format!("{beacon} is drained"),
        };
        Answer::Done { message }
    }
}
