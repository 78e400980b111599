//! The composition root: starts, supervises and stops everything; the only real clock.
//!
//! It owns the tasks and the order in which they start and stop. It decides nothing: health is the pool's, choice the
//! router's. Two lives are told apart: what is built of one fleet file (`generation`: router, watchers, the pool's seats)
//! and what outlives it (`common`, `doors`). `reload` goes from one to the next. To add a task, start it in
//! [`Engine::start`] under the tracker and end it by the token; to add what a fleet file configures, build it in
//! `generation`.

mod adopt;
mod book;
mod clock;
mod common;
mod doors;
mod explain;
mod generation;
mod held;
mod journal;
mod network;
mod orders;
mod pool_task;
mod reload;
mod said;
mod seeds_task;
mod status;
mod tally;
mod tls;
mod watcher;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::beacon::ReadError;
use crate::config::Loaded;
use crate::control::{ControlError, ControlServer, Desk};
use crate::metrics::{Metrics, MetricsError};
use crate::model::{BeaconSet, Fleet, FleetStatus};
use crate::pool::{Pool, Settings};
use crate::router::{ListenError, Router, UpstreamError};

use adopt::Course;
use common::Common;
use doors::Doors;
use generation::Draft;
use pool_task::PoolTask;
use reload::Keeper;
use said::Message;
use seeds_task::SeedsTask;

pub use clock::system as system_clock;
pub use reload::{House, ReloadError};

/// How often gauges of the door are copied into the metrics.
const GAUGES_EVERY: Duration = Duration::from_secs(1);

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
    /// A door, the control socket or the metrics address cannot be opened, or a beacon's TLS cannot be set up.
    pub async fn start(fleet: &Fleet) -> Result<Self, EngineError> {
        Self::open(fleet, None).await
    }

    /// The same for a fleet file, which can be reloaded then.
    ///
    /// # Errors
    /// Those of [`Engine::start`].
    pub async fn serve(loaded: &Loaded) -> Result<Self, EngineError> {
        Self::open(&loaded.fleet, Some(loaded.path.clone())).await
    }

    async fn open(fleet: &Fleet, file: Option<PathBuf>) -> Result<Self, EngineError> {
        let (common, journal, messages) = Common::new(fleet.limits.traces);
        let draft = Draft::new(Arc::new(fleet.clone()), &common, None)?;
        let (mut generation, course) = draft.build(&common, None);
        let router = Arc::new(ArcSwap::new(generation.router.clone()));
        let mut doors = Doors::new(router.clone(), common.clone());
        let bound = doors.bind(&fleet.listen).await?;
        let (status, pool) = start_pool(course, messages, &common);
        generation.start(&common);
        let metrics = reload::open_metrics(fleet.metrics, &common).await?;
        let cancel = common.cancel.clone();
        let gauges = gauges_task(router.clone(), common.metrics.clone(), status.clone(), cancel.clone());
        let seeds = SeedsTask::new(router.clone(), &common);
        let core = vec![
            ("pool", pool),
            ("seeds", common.tasks.spawn(seeds.run(cancel.clone()))),
            ("journal", common.tasks.spawn(journal.run(cancel.clone()))),
            ("gauges", common.tasks.spawn(gauges)),
        ];
        let orders = orders::Orders {
            pool: common.pool.clone(),
            status: status.clone(),
            journal: common.journal.clone(),
            book: book::Book::new(common.clock.clone()),
        };
        let desk = Desk::new(Arc::new(orders), common.clock.clone(), cancel, common.tasks.clone());
        ControlServer::start(&fleet.control, &desk).await?;
        doors.change(&fleet.listen, bound, fleet.limits.stop);
        let addresses = doors.addresses();
        tracing::info!(fleet = %fleet.name, doors = ?addresses, beacons = fleet.beacons.len(), "routing");
        let metrics_at = metrics.as_ref().map(|(at, _)| *at);
        let (router, status) = (router.clone(), status.clone());
        let keeper = Keeper {
            common: common.clone(),
            file,
            generation,
            router: router.clone(),
            doors,
            metrics,
            status: status.clone(),
        };
        Ok(Self {
            doors: addresses,
            metrics: metrics_at,
            desk,
            status,
            router,
            common,
            house: keeper.start(),
            core,
        })
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

    /// Stops in order: accept no more, let what is in flight finish, end the tasks.
    pub async fn stop(self) {
        let Common { ends, hub, connections, lasting, cancel, tasks, .. } = &self.common;
        ends.close.cancel();
        hub.close();
        connections.close();
        let in_flight = async {
            connections.wait().await;
            lasting.close();
            lasting.wait().await;
        };
        let patience = self.router.load().limits.stop;
        if tokio::time::timeout(patience, in_flight).await.is_err() {
            tracing::warn!("requests were still in flight when the time to stop was over");
        }
        cancel.cancel();
        tasks.close();
        // What is left is bounded: probes and answers on their way.
        let _ = tokio::time::timeout(Duration::from_secs(2), tasks.wait()).await;
    }
}

type Started = (watch::Receiver<Arc<FleetStatus>>, JoinHandle<()>);

fn start_pool(course: Course, messages: mpsc::Receiver<Message>, common: &Common) -> Started {
    let members = course.places.iter().map(|place| (place.member.clone(), place.gauge.clone()));
    let pool = Pool::new(Settings { health: course.health }, members.collect(), (common.clock)());
    let network = network::Network::new(course.places.len(), course.wanted);
    let (status, watched) = watch::channel(Arc::default());
    let mut task = PoolTask {
        pool,
        network,
        versions: vec![None; course.places.len()],
        course,
        joining: None,
        clock: common.clock.clone(),
        facts: common.facts.clone(),
        hub: common.hub.clone(),
        journal: common.journal.clone(),
        status,
        tracker: common.tasks.clone(),
        held: held::Held::default(),
        desk: common.desk.clone(),
        answering: common.answering.clone(),
        signs: std::collections::BTreeMap::new(),
        notices: std::collections::BTreeMap::new(),
    };
    task.enlist(|_| true);
    task.publish();
    task.publish_status();
    (watched, common.tasks.spawn(task.run(messages, common.cancel.clone())))
}

/// Copies what no trace carries into the metrics.
async fn gauges_task(
    router: Arc<ArcSwap<Router>>,
    metrics: Arc<Metrics>,
    status: watch::Receiver<Arc<FleetStatus>>,
    cancel: CancellationToken,
) {
    use std::sync::atomic::Ordering::Relaxed;
    let mut refused = 0;
    let mut ticks = tokio::time::interval(GAUGES_EVERY);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let router = router.load_full();
        let held = Router::permits(&router.limits) - router.bodies.available_permits();
        metrics.observe(&status.borrow());
        metrics.connections_open.set(router.gauge.connections.load(Relaxed) as i64);
        metrics.bodies_held.set((held * 1_024) as i64);
        let now = router.gauge.refused.load(Relaxed);
        metrics.connections_refused.inc_by(now - refused);
        refused = now;
    }
}
