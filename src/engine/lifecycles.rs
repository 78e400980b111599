//! Drains and resumes: told to the pool one after the other; as they stand then they are written down with their order.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::book::Carried;
use super::said::Message;
use crate::control::Answer;
use crate::model::{BeaconName, Clock, Drain, FleetStatus, Lifecycle};
use crate::store::Write;

/// Gives beacons no new work, or work again.
pub struct Lifecycles {
    /// The pool's task.
    pub pool: mpsc::Sender<Message>,
    /// The published status.
    pub status: watch::Receiver<Arc<FleetStatus>>,
    /// The clock.
    pub clock: Clock,
    /// One change of a beacon's lifecycle after the other, so that they are recorded as they were carried out.
    pub turn: Arc<Mutex<()>>,
}

impl Lifecycles {
    /// Drains or resumes a beacon on somebody's behalf; what stands then is to be written down.
    pub async fn order(&self, beacon: &BeaconName, drain: bool, who: &str) -> Carried {
        let (answer, answered) = oneshot::channel();
        let turn = self.turn.clone().lock_owned().await;
        let order = drain.then(|| Drain { by: who.to_owned(), since: (self.clock)().wall });
        let message = Message::Order(beacon.clone(), order, answer);
        let stopping =
            || Answer::Refused { message: "this serve is stopping; ask again when it is back".to_owned() };
        if self.pool.send(message).await.is_err() {
            return stopping().into();
        }
        let Ok(lifecycle) = answered.await else { return stopping().into() };
        let Some(lifecycle) = lifecycle else {
            let status = self.status.borrow();
            let known: Vec<&str> = status.beacons.iter().map(|beacon| beacon.name.as_str()).collect();
            let message = format!("there is no beacon {beacon}; this fleet has {}", known.join(", "));
            return Answer::Refused { message }.into();
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
        Carried { answer: Answer::Done { message }, writes: vec![lifecycle], turn: Some(turn) }
    }
}
