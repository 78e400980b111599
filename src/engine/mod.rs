//! The composition root: starts, supervises and stops everything; the only real clock.
//!
//! It owns the tasks and the order in which they start and stop. It decides nothing: health is the pool's, choice the
//! router's. To add a task, start it in [`Engine::start`] under the tracker and end it by the token.

mod clock;
mod explain;
mod held;
mod journal;
mod network;
mod orders;
mod pool_task;
mod status;
mod tls;
mod watcher;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::beacon::{BeaconClient, ReadError};
use crate::control::{ControlError, ControlServer};
use crate::endpoint;
use crate::metrics::{self, Metrics, MetricsError, MetricsServer};
use crate::model::{BeaconId, BeaconName, BeaconSet, Clock, Fleet, FleetStatus, Role};
use crate::pool::{Event, Gauge, Member, Pool, Settings, Table};
use crate::router::{
    Clients, DoorGauge, Hub, Lane, ListenError, Listener, LocalFacts, Memory, Policy, Router, Upstream,
    UpstreamError,
};

use journal::Journal;
use pool_task::{Message, PoolTask};
use watcher::Watcher;

/// Messages on their way to the pool's task.
const POOL_QUEUE: usize = 8_192;
/// Publications whose second and further copies are under way at once.
const COPIES_AT_ONCE: usize = 64;
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
    /// Addresses of the doors, ports included.
    pub doors: Vec<SocketAddr>,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    status: watch::Receiver<Arc<FleetStatus>>,
    router: Arc<Router>,
    accept: CancellationToken,
    cancel: CancellationToken,
    connections: TaskTracker,
    tasks: TaskTracker,
    core: Vec<(&'static str, JoinHandle<()>)>,
    patience: Duration,
}

struct Parts {
    clock: Clock,
    names: Vec<BeaconName>,
    gauges: Vec<Arc<Gauge>>,
    metrics: Arc<Metrics>,
    journal: Journal,
    hub: Arc<Hub>,
    memory: Arc<Memory>,
    table: Arc<ArcSwap<Table>>,
    facts: Arc<ArcSwap<LocalFacts>>,
    to_pool: mpsc::Sender<Message>,
}

impl Engine {
    /// Starts everything a fleet file asks for.
    ///
    /// # Errors
    /// A door, the control socket or the metrics address cannot be opened, or a beacon's TLS cannot be set up.
    pub async fn start(fleet: &Fleet) -> Result<Self, EngineError> {
        if fleet.beacons.len() > BeaconSet::MOST {
            return Err(EngineError::TooMany(fleet.beacons.len()));
        }
        let tokens = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let (parts, pool, journal_task, from_all) = parts(fleet);
        let router = router(fleet, &parts)?;
        let mut listeners = Vec::new();
        for listen in &fleet.listen {
            listeners.push(Listener::bind(listen).await?);
        }
        let (accept, cancel) = tokens;
        let (status, core_pool) = start_pool(fleet, &parts, pool, from_all, &cancel, &tasks)?;
        let orders = orders::Orders {
            pool: parts.to_pool.clone(),
            status: status.clone(),
            journal: parts.journal.clone(),
            names: parts.names.clone(),
        };
        ControlServer::start(&fleet.control, Arc::new(orders), cancel.clone(), &tasks).await?;
        let metrics_at = match fleet.metrics {
            Some(address) => {
                let served =
                    MetricsServer::start(address, parts.metrics.clone(), cancel.clone(), &tasks).await?;
                Some(served.address())
            }
            None => None,
        };
        let core = vec![
            ("pool", core_pool),
            ("journal", tasks.spawn(journal_task.run(cancel.clone()))),
            (
                "gauges",
                tasks.spawn(gauges_task(router.clone(), parts.metrics, status.clone(), cancel.clone())),
            ),
        ];
        let connections = TaskTracker::new();
        let clients = Arc::new(Clients::new(fleet.clients.clone()));
        let mut doors = Vec::new();
        for listener in listeners {
            doors.extend(listener.address());
            let serving =
                listener.serve(router.clone(), clients.clone(), accept.clone(), connections.clone());
            connections.spawn(serving);
        }
        tracing::info!(fleet = %fleet.name, ?doors, beacons = fleet.beacons.len(), "routing");
        let patience = fleet.limits.stop;
        let metrics = metrics_at;
        Ok(Self { doors, metrics, status, router, accept, cancel, connections, tasks, core, patience })
    }

    /// The published status, and word of each change.
    pub fn status(&self) -> watch::Receiver<Arc<FleetStatus>> {
        self.status.clone()
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
        self.accept.cancel();
        self.router.hub.close();
        self.connections.close();
        let in_flight = async {
            self.connections.wait().await;
            self.router.lasting.close();
            self.router.lasting.wait().await;
        };
        if tokio::time::timeout(self.patience, in_flight).await.is_err() {
            tracing::warn!("requests were still in flight when the time to stop was over");
        }
        self.cancel.cancel();
        self.tasks.close();
        // What is left is bounded: probes and answers on their way.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.tasks.wait()).await;
    }
}

fn parts(fleet: &Fleet) -> (Parts, Pool, journal::JournalTask, mpsc::Receiver<Message>) {
    let clock = clock::system();
    let names: Vec<BeaconName> = fleet.beacons.iter().map(|beacon| beacon.name.clone()).collect();
    let clients: Vec<String> = std::iter::once("unnamed".to_owned())
        .chain(fleet.clients.iter().map(|client| client.name.clone()))
        .collect();
    let rows: Vec<&str> = endpoint::table().iter().map(|row| row.name).collect();
    let metrics = Arc::new(Metrics::new(&metrics::Names { beacons: &names, rows: &rows, clients: &clients }));
    let told = explain::Names { beacons: names.clone(), clients };
    let (journal, journal_task) = journal::journal(fleet.limits.traces, told, metrics.clone());
    let (to_pool, from_all) = mpsc::channel(POOL_QUEUE);
    let gauges: Vec<Arc<Gauge>> = names.iter().map(|_| Arc::default()).collect();
    let pool = pool(fleet, &gauges, &clock);
    let table = Arc::new(ArcSwap::from_pointee(pool.table(clock())));
    let (hub, memory, facts) = Default::default();
    (
        Parts { clock, names, gauges, metrics, journal, hub, memory, table, facts, to_pool },
        pool,
        journal_task,
        from_all,
    )
}

fn pool(fleet: &Fleet, gauges: &[Arc<Gauge>], clock: &Clock) -> Pool {
    let mut hosts: Vec<String> = Vec::new();
    let members = fleet.beacons.iter().zip(gauges).map(|(beacon, gauge)| {
        let host = beacon.label("host").unwrap_or(beacon.name.as_str()).to_owned();
        let place = hosts.iter().position(|known| *known == host).unwrap_or_else(|| {
            hosts.push(host);
            hosts.len() - 1
        });
        let near = fleet.zone.is_some() && beacon.label("zone") == fleet.zone.as_deref();
        let member = Member { roles: beacon.roles, weight: beacon.weight, near, host: place as u16 };
        (member, gauge.clone())
    });
    Pool::new(Settings { health: fleet.health }, members.collect(), clock())
}

fn router(fleet: &Fleet, parts: &Parts) -> Result<Arc<Router>, EngineError> {
    let mut upstreams = Vec::new();
    for (index, (beacon, gauge)) in fleet.beacons.iter().zip(&parts.gauges).enumerate() {
        let id = BeaconId(index as u16);
        let upstream =
            Upstream::new(id, beacon, tls::client(beacon)?, gauge.clone(), fleet.limits.in_flight)?;
        upstreams.push(Arc::new(upstream));
    }
    let reports = parts.to_pool.clone();
    let lane = Lane {
        upstreams: upstreams.into(),
        clock: parts.clock.clone(),
        // A full queue means the pool's task hears of this beacon already.
        report: Arc::new(move |id| drop(reports.try_send(Message::Pool(Event::Broken(id))))),
    };
    Ok(Arc::new(Router {
        lane,
        table: parts.table.clone(),
        facts: parts.facts.clone(),
        hub: parts.hub.clone(),
        memory: parts.memory.clone(),
        policy: Policy::new(&fleet.routing, fleet.probing.shadow),
        open: fleet.routing.open.clone(),
        lasting: TaskTracker::new(),
        bodies: Arc::new(Semaphore::new((fleet.limits.bodies / 1_024).min(Semaphore::MAX_PERMITS))),
        turns: Semaphore::new(COPIES_AT_ONCE),
        limits: fleet.limits,
        sink: Arc::new(parts.journal.clone()),
        gauge: DoorGauge::default(),
        traces: 0.into(),
    }))
}

type Started = (watch::Receiver<Arc<FleetStatus>>, JoinHandle<()>);

fn start_pool(
    fleet: &Fleet,
    parts: &Parts,
    pool: Pool,
    messages: mpsc::Receiver<Message>,
    cancel: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<Started, EngineError> {
    let mut watchers = Vec::new();
    for (index, beacon) in fleet.beacons.iter().enumerate() {
        let client = BeaconClient::new(beacon, fleet.probing.timeout)
            .map_err(|error| EngineError::Client(Box::new(error)))?;
        let watcher = Watcher {
            id: BeaconId(index as u16),
            client,
            to: parts.to_pool.clone(),
            hub: parts.hub.clone(),
            feeds: beacon.has(Role::Events),
            probing: fleet.probing,
        };
        tasks.spawn(watcher.clone().run(cancel.clone()));
        watchers.push(watcher);
    }
    let network = network::Network::new(fleet.beacons.len(), fleet.genesis_validators_root);
    let known = status::Known {
        fleet: &fleet.name,
        names: &parts.names,
        versions: &vec![None; fleet.beacons.len()],
        network: None,
    };
    let first = status::compose(&pool, &parts.table.load(), &known, (parts.clock)());
    let (to_status, status) = watch::channel(Arc::new(first));
    let task = PoolTask {
        pool,
        network,
        clock: parts.clock.clone(),
        table: parts.table.clone(),
        facts: parts.facts.clone(),
        hub: parts.hub.clone(),
        memory: parts.memory.clone(),
        journal: parts.journal.clone(),
        watchers,
        names: parts.names.clone(),
        fleet: fleet.name.clone(),
        versions: vec![None; fleet.beacons.len()],
        status: to_status,
        tracker: tasks.clone(),
        held: held::Held::default(),
    };
    Ok((status, tasks.spawn(task.run(messages, cancel.clone()))))
}

/// Copies what no trace carries into the metrics.
async fn gauges_task(
    router: Arc<Router>,
    metrics: Arc<Metrics>,
    status: watch::Receiver<Arc<FleetStatus>>,
    cancel: CancellationToken,
) {
    use std::sync::atomic::Ordering::Relaxed;
    let most = (router.limits.bodies / 1_024).min(Semaphore::MAX_PERMITS);
    let mut refused = 0;
    let mut ticks = tokio::time::interval(GAUGES_EVERY);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        metrics.observe(&status.borrow());
        metrics.connections_open.set(router.gauge.connections.load(Relaxed) as i64);
        metrics.bodies_held.set(((most - router.bodies.available_permits()) * 1_024) as i64);
        let now = router.gauge.refused.load(Relaxed);
        metrics.connections_refused.inc_by(now - refused);
        refused = now;
    }
}
