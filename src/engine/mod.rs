//! The composition root: starts, supervises and stops everything; the only real clock.
//!
//! It owns the tasks and the order in which they start and stop. It decides nothing: health is the pool's, choice the
//! router's. Two lives are told apart: what is built of one fleet file (`generation`: router, watchers, the pool's seats)
//! and what outlives it (`common`, `doors`). `reload` goes from one to the next. To add a task, start it in
//! [`Engine::start`] under the tracker and end it by the token; to add what a fleet file configures, build it in
//! `generation`.

mod acks;
mod adopt;
pub mod agent;
mod bell;
mod book;
mod clock;
mod common;
mod distant;
mod doors;
mod exclusive;
mod explain;
mod feed;
mod fixer;
mod forks;
mod gauges;
mod generation;
mod handover;
mod heritage;
mod hosts;
mod journal;
mod lead;
mod lifecycles;
mod marks_kept;
mod messenger;
mod network;
mod notify;
mod observe;
mod operations;
mod orders;
mod persist;
mod pool_task;
mod predecessor;
mod processors;
mod pulse;
mod reload;
mod remedies;
pub mod replay;
mod restarts;
mod said;
mod seeds_kept;
mod seeds_task;
mod silences;
mod sockets;
mod standing;
mod status;
mod step;
mod tally;
mod tenures_kept;
mod tls;
mod watcher;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::beacon::ReadError;
use crate::config::Loaded;
use crate::control::{ControlError, Desk};
use crate::metrics::MetricsError;
use crate::model::{BeaconName, BeaconSet, Drain, Fleet, FleetStatus, Reason};
use crate::pool::{Pool, Settings};
use crate::router::{ListenError, Router, UpstreamError};
use crate::store::{StoreError, StoreHandle};

use adopt::Course;
use common::Common;
use doors::Doors;
use exclusive::Exclusive;
use generation::Draft;
use pool_task::PoolTask;
use predecessor::Predecessor;
use reload::Keeper;
use said::Message;
use seeds_task::SeedsTask;

pub use bell::Tell;
pub use clock::system as system_clock;
pub use handover::{HandOverError, Program};
pub use notify::Manager;
pub use reload::{House, ReloadError};
pub use sockets::{Birth, Inherited};

/// How long clients that wait at sockets of before are kept waiting until some beacon serves.
const SERVES_WITHIN: Duration = Duration::from_secs(3);
/// How often that is looked at.
const SERVES_LOOK: Duration = Duration::from_millis(10);
/// Time connections have to be used once more before idle ones are closed, when somebody takes over the sockets.
const LAST_USE: Duration = Duration::from_millis(300);
/// Time the tasks get to end once nothing is in flight.
const TASKS_END: Duration = Duration::from_secs(2);
/// How often a process that was handed over looks whether only event streams are left.
const RETIRE_LOOK: Duration = Duration::from_millis(20);

/// Why the engine cannot start, or why it ended.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The fleet is larger than the tables are made for.
    #[error("the fleet has {0} beacons; at most {most} are possible", most = BeaconSet::MOST)]
    TooMany(usize),
    /// A beacon cannot be set up.
    #[error("a beacon cannot be set up")]
    Upstream(#[from] UpstreamError),
    /// A beacon's client cannot be set up.
    #[error("a beacon cannot be set up")]
    Client(#[source] Box<ReadError>),
    /// A door cannot be opened.
    #[error("a door cannot be opened")]
    Listen(#[from] ListenError),
    /// The control socket cannot be opened.
    #[error("the control socket cannot be opened")]
    Control(#[from] ControlError),
    /// The metrics address cannot be opened.
    #[error("the metrics address cannot be opened")]
    Metrics(#[from] MetricsError),
    /// The state cannot be opened or written.
    #[error("the state is needed to start")]
    Store(#[from] StoreError),
    /// A task that must not end has ended.
    #[error("the {0} task ended; the process must not go on without it")]
    Died(&'static str),
}

/// A running engine.
pub struct Engine {
    /// Addresses of the doors it started with, ports included.
    pub doors: Vec<SocketAddr>,
    /// Where metrics were served when it started.
    pub metrics: Option<SocketAddr>,
    /// Where a console within this process is answered.
    pub desk: Desk,
    status: watch::Receiver<Arc<FleetStatus>>,
    router: Arc<ArcSwap<Router>>,
    common: Common,
    house: House,
    core: Vec<(&'static str, JoinHandle<()>)>,
}

impl Engine {
    /// Starts everything a fleet asks for.
    ///
    /// # Errors
    /// The state, a door, the control socket or the metrics address cannot be opened, or a beacon's TLS cannot be set up.
    pub async fn start(fleet: &Fleet) -> Result<Self, EngineError> {
        Self::open(fleet, None, Manager::default(), Inherited::default()).await
    }

    /// The same for a fleet file, which can be reloaded then, with what whoever started this process gave it.
    ///
    /// # Errors
    /// Those of [`Engine::start`].
    pub async fn serve(loaded: &Loaded, manager: Manager, inherited: Inherited) -> Result<Self, EngineError> {
        Self::open(&loaded.fleet, Some(loaded.path.clone()), manager, inherited).await
    }

    async fn open(
        fleet: &Fleet,
        file: Option<PathBuf>,
        manager: Manager,
        mut inherited: Inherited,
    ) -> Result<Self, EngineError> {
        let predecessor = inherited.take_predecessor().and_then(|line| Predecessor::new(line).ok());
        let (fleet, store) = (Arc::new(fleet.clone()), StoreHandle::waiting()?);
        // A process before this one has the state until it hands over.
        let drains = match &predecessor {
            Some(_) => BTreeMap::new(),
            None => persist::open(&store, &fleet.state).await?,
        };
        let (common, journal, messages, seen) = Common::new(fleet.clone(), store, manager);
        let draft = Draft::new(fleet.clone(), &common, None)?;
        let (mut generation, course) = draft.build(&common, None);
        let router = Arc::new(ArcSwap::new(generation.router.clone()));
        let takes_over = !inherited.is_empty();
        let mut doors = Doors::new(router.clone(), common.clone(), inherited);
        let bound = doors.bind(&fleet.listen).await?;
        let (status, pool) = start_pool(course, drains, messages, &common);
        generation.start(&common);
        let (cancel, seeds) = (common.cancel.clone(), SeedsTask::new(router.clone(), &common));
        let core = vec![
            ("pool", pool),
            ("seeds", common.tasks.spawn(seeds.run(cancel.clone()))),
            ("journal", common.tasks.spawn(journal.run(common.pulses.journal.clone(), cancel.clone()))),
            ("gauges", common.tasks.spawn(gauges::run(router.clone(), common.clone(), status.clone()))),
            ("state", persist::watch(&common)),
        ];
        if takes_over {
            until_it_serves(&router, &status, predecessor.is_some()).await;
        }
        let predecessor = Predecessor::take_over(predecessor, &generation, &common).await?;
        marks_kept::give_again(&fleet, &router).await;
        let orders = orders(&common, &router, &status).await?;
        observe::start(&common, seen, status.clone()).await?;
        beside(&common, &router, &status);
        let desk = Desk::new(orders, common.clock.clone(), cancel, common.tasks.clone());
        let mut exclusive = Exclusive::new(common.clone(), fleet.control.clone(), desk.clone());
        exclusive.open(fleet.metrics).await?;
        doors.change(bound, fleet.limits.stop);
        doors.close_the_rest();
        let followed = Predecessor::serves(predecessor, router.clone(), &common).await;
        let (addresses, metrics) = (doors.addresses(), exclusive.metrics());
        tracing::info!(fleet = %fleet.name, doors = ?addresses, beacons = fleet.beacons.len(), "routing");
        notify::start(&common, &status, &router);
        let keeper = Keeper {
            common: common.clone(),
            file,
            generation,
            router: router.clone(),
            doors,
            exclusive,
            followed,
            status: status.clone(),
        };
        Ok(Self { doors: addresses, metrics, desk, status, router, common, house: keeper.start(), core })
    }

    /// The published status, and word of each change.
    pub fn status(&self) -> watch::Receiver<Arc<FleetStatus>> {
        self.status.clone()
    }

    /// Takes orders about the fleet file.
    pub fn house(&self) -> House {
        self.house.clone()
    }

    /// Waits for as long as every task that must not end runs; returns what ended.
    pub async fn watch(&mut self) -> EngineError {
        let ends = self.core.iter_mut().map(|(name, task)| {
            Box::pin(async move {
                let _ = task.await;
                *name
            })
        });
        let (name, ..) = futures_util::future::select_all(ends).await;
        EngineError::Died(name)
    }

    /// Ends after another process was handed over to: connections may be used once more, event streams end last.
    pub async fn retire(self) {
        let Common { ends, hub, gauge, .. } = &self.common;
        // The state is the next one's: what is still written here is for nobody.
        self.common.store.close().await;
        ends.retire.cancel();
        let only_streams = async {
            while gauge.connections.load(Relaxed) > hub.streams() {
                tokio::time::sleep(RETIRE_LOOK).await;
            }
        };
        let patience = self.router.load().limits.stop;
        if tokio::time::timeout(patience, only_streams).await.is_err() {
            tracing::info!("connections that nobody used any more are closed");
        }
        self.wind_down().await;
    }

    /// Stops in order: accept no more, let what is in flight finish, end the tasks.
    pub async fn stop(self) {
        self.wind_down().await;
        if let Err(error) = persist::note(&self.common, "stop", "stopped in order".to_owned()).await {
            tracing::error!(error = %error.sentence(), "the stop is not in the journal");
        }
        self.common.store.close().await;
    }

    async fn wind_down(&self) {
        let Common { ends, hub, connections, lasting, cancel, tasks, manager, .. } = &self.common;
        let patience = self.router.load().limits.stop;
        manager.extend(LAST_USE + patience + TASKS_END);
        connections.close();
        if manager.keeps() {
            ends.retire.cancel();
            // Whoever is still there is asked to go.
            let _ = tokio::time::timeout(LAST_USE, connections.wait()).await;
        }
        ends.close.cancel();
        hub.close();
        let in_flight = async {
            connections.wait().await;
            lasting.close();
            lasting.wait().await;
        };
        if tokio::time::timeout(patience, in_flight).await.is_err() {
            tracing::warn!("requests were still in flight when the time to stop was over");
        }
        cancel.cancel();
        tasks.close();
        // What is left is bounded: probes and answers on their way.
        let _ = tokio::time::timeout(TASKS_END, tasks.wait()).await;
    }
}

/// Whoever carries orders out, once the state is ours; that this process started is the first thing written down.
async fn orders(
    common: &Common,
    router: &Arc<ArcSwap<Router>>,
    status: &watch::Receiver<Arc<FleetStatus>>,
) -> Result<Arc<orders::Orders>, EngineError> {
    let beacons = common.fleet.load().beacons.len();
    let outcome = format!("version {}, {beacons} beacons", env!("CARGO_PKG_VERSION"));
    persist::note(common, "start", outcome).await?;
    let book = Arc::new(book::Book::new(common.clock.clone(), common.store.clone()).await?);
    let acks = acks::Acks::start(common, status.clone()).await?;
    let silences = silences::Silences::start(common, status.clone()).await?;
    Ok(Arc::new(orders::Orders::new(common, router, status, book, (acks, silences))))
}

/// Starts what goes on by itself once the state is ours.
fn beside(common: &Common, router: &Arc<ArcSwap<Router>>, status: &watch::Receiver<Arc<FleetStatus>>) {
    common.tasks.spawn(hosts::run(common.clone(), router.clone()));
    common.tasks.spawn(marks_kept::keep(common.clone(), router.clone()));
    common.tasks.spawn(messenger::run(common.clone(), status.clone()));
}

/// Clients that wait at a socket that was handed over are better off waiting than with an answer that nobody can serve.
async fn until_it_serves(
    router: &ArcSwap<Router>,
    status: &watch::Receiver<Arc<FleetStatus>>,
    hears_all: bool,
) {
    let unheard = |status: &FleetStatus| {
        status.beacons.iter().any(|beacon| beacon.reasons.first() == Some(&Reason::NeverObserved))
    };
    let serves = async {
        // While another process serves there is time to hear of every beacon.
        while !router.load().serves() || hears_all && unheard(&status.borrow()) {
            tokio::time::sleep(SERVES_LOOK).await;
        }
    };
    if tokio::time::timeout(SERVES_WITHIN, serves).await.is_err() {
        tracing::warn!("not all beacons were heard of in time; clients are let in all the same");
    }
}

type Started = (watch::Receiver<Arc<FleetStatus>>, JoinHandle<()>);

fn start_pool(
    course: Course,
    drains: BTreeMap<BeaconName, Drain>,
    messages: mpsc::Receiver<Message>,
    common: &Common,
) -> Started {
    let members = course.places.iter().map(|place| (place.member.clone(), place.gauge.clone()));
    let pool = Pool::new(Settings { health: course.health }, members.collect(), (common.clock)());
    let network = network::Network::new(course.places.len(), course.wanted);
    let (status, watched) = watch::channel(Arc::default());
    let mut task = PoolTask {
        pool,
        network,
        versions: vec![None; course.places.len()],
        course,
        operations: common.operations.clone(),
        acks: common.acks.clone(),
        silences: common.silences.clone(),
        joining: None,
        clock: common.clock.clone(),
        facts: common.facts.clone(),
        hub: common.hub.clone(),
        journal: common.journal.clone(),
        eye: common.eye.clone(),
        hosts: common.hosts.clone(),
        status,
        tracker: common.tasks.clone(),
        desk: common.desk.clone(),
        answering: common.answering.clone(),
        tenures: common.tenures.clone(),
        signs: BTreeMap::new(),
        cpus: BTreeMap::new(),
        leader: None,
        hearing: std::collections::BTreeSet::new(),
        split_known: false,
        notices: BTreeMap::new(),
        drains,
        pulse: common.pulses.pool.clone(),
    };
    task.begin();
    (watched, common.tasks.spawn(task.run(messages, common.cancel.clone())))
}
