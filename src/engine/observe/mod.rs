//! The engine's eye: what passed and what the chain says, joined into the ledger, told to the engine of incidents slot by
//! slot, and recorded.
//!
//! One task owns all of it. Whoever tells it something never waits: what does not fit the queue is counted as dropped.
//! What people see is published beside the status ([`Shown`]); what they ask is answered between two slots' work.
//!
//! | file | owns |
//! |---|---|
//! | `names` | ids that stay the same over fleet files |
//! | `counts` | requests of a slot, by client and beacon |
//! | `probes` | what watching each beacon told |
//! | `canaries` | what one more beacon said to a question |
//! | `shadows` | what excluded beacons said to reads that were repeated at them |
//! | `heads` | when each beacon told of a slot's head |
//! | `blocks` | when blocks were first seen |
//! | `keys` | keys that sign at two places, as lines |
//! | `kept` | which client signs with which key, across processes |
//! | `told` | which verdicts of the chain were told |
//! | `turnout` | the network's part in a slot |
//! | `reader` | what is read from beacons for the ledger |
//! | `worth` | what a duty is worth |
//! | `recorder` | the recording |
//! | `answer` | duties in people's words |
//! | `fleet` | beacons, clients and their labels |
//! | `task` | all together, slot by slot |

mod answer;
mod blocks;
mod canaries;
mod counts;
mod fleet;
mod heads;
mod kept;
mod keys;
mod names;
mod probes;
mod reader;
mod recorder;
mod shadows;
mod task;
mod told;
mod turnout;
mod worth;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};

use super::common::Common;
use super::journal::Labels;
use crate::beacon::BeaconClient;
use crate::chain::Spec;
use crate::duties::{AttesterDuty, PayloadDuty, ProposerDuty, Publication, SyncDuty};
use crate::model::{
    BeaconId, BeaconName, BeaconSet, ClientId, Culprit, DutiesAsked, DutyStatus, DutyTold, FleetStatus,
    Incident, Slot, Trace, ValidatorIndex,
};
use crate::pool::Table;
use crate::router::{Canary, Shadow};
use crate::store::StoreError;

pub use probes::Probed;
use task::Observer;

/// Messages on their way to the task.
const QUEUE: usize = 16_384;

/// What the task is told.
pub enum Seen {
    /// A request that is a step of a duty is over.
    Trace(Trace, Arc<Labels>),
    /// A question was asked of one more beacon.
    Canary(Canary, Arc<Labels>),
    /// A read was repeated at an excluded beacon.
    Shadow(Shadow, Arc<Labels>),
    /// A publication passed.
    Published(Passed<Publication>),
    /// Attester duties were told.
    AttesterDuties(Passed<Vec<AttesterDuty>>),
    /// Proposer duties were told.
    ProposerDuties(Passed<Vec<ProposerDuty>>),
    /// Sync duties were told, for the period of this slot.
    SyncDuties(Slot, Passed<Vec<SyncDuty>>),
    /// Duties in payload timeliness committees were told.
    PayloadDuties(Passed<Vec<PayloadDuty>>),
    /// Validators were said to be live in the epoch of this slot.
    Live(Slot, Passed<Vec<ValidatorIndex>>),
    /// These clients asked for something, whatever it was, in the last second.
    Heard(Vec<ClientId>, Arc<Labels>),
    /// The pool published another table.
    Table(Arc<Table>),
    /// The chain is known.
    Spec(Arc<Spec>),
    /// A beacon was probed.
    Probe(BeaconName, Probed),
    /// A beacon told of a head of this slot, by event or when it was probed.
    Head(BeaconName, Slot, bool),
    /// Somebody asks what became of duties.
    Asked(DutiesAsked, oneshot::Sender<Result<Vec<DutyTold>, String>>),
}

/// Something that passed, who sent or asked for it, and whose ids they are.
pub struct Passed<T> {
    /// What.
    pub what: T,
    /// Whose.
    pub client: ClientId,
    /// Who took or answered it.
    pub beacons: BeaconSet,
    /// When it came, against its due point, in milliseconds.
    pub due_ms: i32,
    /// What the ids stand for.
    pub labels: Arc<Labels>,
}

impl<T> Passed<T> {
    /// The only beacon, of what one answers.
    fn by(&self) -> Option<BeaconId> {
        (0..BeaconSet::MOST as u16).map(BeaconId).find(|id| self.beacons.has(*id))
    }
}

/// What people see of it.
#[derive(Debug, Default)]
pub struct Shown {
    /// Incidents, worst first.
    pub incidents: Vec<Incident>,
    /// What beacons or clients have in common.
    pub groups: Vec<Culprit>,
    /// What became of duties lately.
    pub duties: Option<DutyStatus>,
    /// Slots ahead in which validators that were seen here are to propose.
    pub proposing: Vec<Slot>,
}

/// Tells the task, asks it, and sees what it shows. Cheap to clone.
#[derive(Clone)]
pub struct Eye {
    to: mpsc::Sender<Seen>,
    /// What people see.
    pub shown: Arc<ArcSwap<Shown>>,
    /// Who can be asked for what the ledger lacks, by place in the fleet file in force.
    pub clients: Arc<ArcSwap<Vec<BeaconClient>>>,
}

/// An eye, and what comes for its task.
pub fn eye() -> (Eye, mpsc::Receiver<Seen>) {
    let (to, from) = mpsc::channel(QUEUE);
    (Eye { to, shown: Arc::default(), clients: Arc::default() }, from)
}

impl Eye {
    /// Tells something; whether it could be taken.
    pub fn tell(&self, seen: Seen) -> bool {
        self.to.try_send(seen).is_ok()
    }

    /// What became of duties, newest first.
    ///
    /// # Errors
    /// A sentence that says what is not known.
    pub async fn duties(&self, asked: DutiesAsked) -> Result<Vec<DutyTold>, String> {
        let (answer, answered) = oneshot::channel();
        let ended = || "this serve is stopping".to_owned();
        self.to.send(Seen::Asked(asked, answer)).await.map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Starts the task, once the state is ours: incidents of a process before this one go on.
///
/// # Errors
/// They cannot be read.
pub async fn start(
    common: &Common,
    from: mpsc::Receiver<Seen>,
    status: watch::Receiver<Arc<FleetStatus>>,
) -> Result<(), StoreError> {
    let kept = common.store.incidents().await?;
    let incidents = kept.iter().filter_map(|body| {
        let read = serde_json::from_str(body);
        read.inspect_err(|error| tracing::warn!(%error, "an incident in the state cannot be read")).ok()
    });
    let incidents = incidents.collect();
    let observer = Observer::new(common, from, status, incidents);
    let (runtime, cancel) = (tokio::runtime::Handle::current(), common.cancel.clone());
    // What the end of a slot takes must not hold up requests: it has a thread of its own.
    common.tasks.spawn_blocking(move || runtime.block_on(observer.run(cancel)));
    Ok(())
}
