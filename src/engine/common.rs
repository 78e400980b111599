//! What outlives every fleet file.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bell::Bell;
use super::clock;
use super::hosts::{Errands, Machine};
use super::journal::{Journal, JournalTask, journal};
use super::notify::Manager;
use super::observe::{Eye, Seen, eye};
use super::pulse::Pulses;
use super::said::Message;
use super::seeds_task::Answering;
use crate::endpoint;
use crate::metrics::{Metrics, Part, RowLabels};
use crate::model::{Ack, Clock, Fleet, HostStatus, Operation, Silence, Use};
use crate::router::{Desk, DoorGauge, Ends, Hub, LocalFacts, Tenures, Turns};
use crate::store::StoreHandle;

/// Messages on their way to the pool's task.
const POOL_QUEUE: usize = 8_192;
/// Publications whose second and further copies are under way at once.
const COPIES_AT_ONCE: usize = 64;

/// Shared by whatever is built of a fleet file. Cheap to clone.
#[derive(Clone)]
pub struct Common {
    /// The clock.
    pub clock: Clock,
    /// Events for clients.
    pub hub: Arc<Hub>,
    /// What the router answers itself.
    pub facts: Arc<ArcSwap<LocalFacts>>,
    /// What beacons must have been told.
    pub desk: Arc<Desk>,
    /// Since when beacons are up.
    pub tenures: Arc<Tenures>,
    /// Who answers probes.
    pub answering: Arc<Answering>,
    /// Everything that is counted.
    pub metrics: Arc<Metrics>,
    /// What passed.
    pub journal: Journal,
    /// What was seen, and what it means.
    pub eye: Eye,
    /// The hosts underneath, as the status shows them.
    pub hosts: Arc<ArcSwap<Vec<HostStatus>>>,
    /// This machine.
    pub machine: Arc<Machine>,
    /// The remedy that is under way, on whichever host.
    pub errands: Arc<Errands>,
    /// What survives a restart.
    pub store: StoreHandle,
    /// The fleet file in force.
    pub fleet: Arc<ArcSwap<Fleet>>,
    /// Restarts and upgrades, as the status shows them.
    pub operations: Arc<ArcSwap<Vec<Operation>>>,
    /// Acknowledgements, as the status shows them.
    pub acks: Arc<ArcSwap<Vec<Ack>>>,
    /// Silences, as the status shows them.
    pub silences: Arc<ArcSwap<Vec<Silence>>>,
    /// Counters of all doors.
    pub gauge: Arc<DoorGauge>,
    /// Turns of second copies.
    pub turns: Arc<Turns>,
    /// What a stop waits for although its client has gone.
    pub lasting: TaskTracker,
    /// Number of the last trace.
    pub traces: Arc<AtomicU64>,
    /// Who started this process.
    pub manager: Manager,
    /// By this it is ordered to hand over.
    pub bell: Bell,
    /// Whether the core moves.
    pub pulses: Pulses,
    /// To the pool's task.
    pub pool: mpsc::Sender<Message>,
    /// Tasks that end by `cancel`.
    pub tasks: TaskTracker,
    /// Ends all but the doors.
    pub cancel: CancellationToken,
    /// Ends the doors.
    pub ends: Ends,
    /// Their connections.
    pub connections: TaskTracker,
}

impl Common {
    /// All of it, the journal's task, and what comes for the pool's and the eye's.
    pub fn new(
        fleet: Arc<Fleet>,
        store: StoreHandle,
        manager: Manager,
    ) -> (Self, JournalTask, mpsc::Receiver<Message>, mpsc::Receiver<Seen>) {
        let rows: Vec<RowLabels<'_>> = endpoint::table().iter().map(counted).collect();
        let metrics = Arc::new(Metrics::new(&rows));
        let (eye, seen) = eye();
        let (journal, task) = journal(fleet.limits.traces, metrics.clone(), eye.clone());
        let (pool, messages) = mpsc::channel(POOL_QUEUE);
        let common = Self {
            clock: clock::system(),
            hub: Arc::default(),
            facts: Arc::default(),
            desk: Arc::default(),
            tenures: Arc::default(),
            answering: Arc::default(),
            metrics,
            journal,
            eye,
            hosts: Arc::default(),
            machine: Arc::new(Machine::below("/")),
            errands: Arc::default(),
            store,
            fleet: Arc::new(ArcSwap::new(fleet)),
            operations: Arc::default(),
            acks: Arc::default(),
            silences: Arc::default(),
            gauge: Arc::default(),
            turns: Arc::new(Turns::new(COPIES_AT_ONCE)),
            lasting: TaskTracker::new(),
            traces: Arc::default(),
            manager,
            bell: Bell::default(),
            pulses: Pulses::default(),
            pool,
            tasks: TaskTracker::new(),
            cancel: CancellationToken::new(),
            ends: Ends { close: CancellationToken::new(), retire: CancellationToken::new() },
            connections: TaskTracker::new(),
        };
        (common, task, messages, seen)
    }
}

/// How requests of a row are counted.
fn counted(row: &endpoint::Row) -> RowLabels<'static> {
    let part = match row.needs {
        Use::Sign => Some(Part::Data),
        Use::Publish => Some(Part::Publish),
        Use::Read | Use::Seed | Use::Events => None,
    };
    RowLabels { name: row.name, of: row.step.zip(part) }
}
