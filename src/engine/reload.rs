//! The task that owns what is in force: doors, router, metrics address; and brings another fleet file into force.
//!
//! A reload is done whole or not at all: what may fail is done before anything in force is touched.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::EngineError;
use super::adopt::{Adopted, Joining};
use super::common::Common;
use super::doors::Doors;
use super::generation::{Draft, Generation};
use super::said::Message;
use crate::config::{self, LoadError, Takes};
use crate::metrics::MetricsServer;
use crate::model::{Fleet, FleetStatus, Probing, Root};
use crate::router::Router;

/// Orders waiting at once; one is carried out after the other.
const QUEUE: usize = 16;
/// The part of the program this task's notices speak of.
const PART: &str = "reload";

/// Why a fleet file was not taken; the old one stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// This engine was given a fleet, not a file of one.
    #[error("there is no fleet file to read again")]
    NoFile,
    /// It cannot be read, or has problems.
    #[error("{}", .0.summary())]
    File(#[source] Box<LoadError>),
    /// It changes what cannot change.
    #[error("{}: {}; restart serve for it", file.display(), what.join(", and "))]
    Fixed {
        /// The file.
        file: PathBuf,
        /// What, in words.
        what: Vec<String>,
    },
    /// It asks for what cannot be had.
    #[error("{}", words(.0))]
    Engine(#[source] Box<EngineError>),
    /// The program is about to end.
    #[error("this serve is stopping")]
    Stopping,
}

/// An error and its cause as one sentence.
fn words(error: &EngineError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl From<EngineError> for ReloadError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Box::new(error))
    }
}

enum Order {
    Reload(oneshot::Sender<Result<String, ReloadError>>),
}

/// Gives orders to the task. Cheap to clone.
#[derive(Clone)]
pub struct House(mpsc::Sender<Order>);

impl House {
    /// Reads the fleet file again. What became of it, one sentence.
    ///
    /// # Errors
    /// The file is not taken; the old one stays in force.
    pub async fn reload(&self) -> Result<String, ReloadError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Order::Reload(answer)).await.map_err(|_| ReloadError::Stopping)?;
        answered.await.unwrap_or(Err(ReloadError::Stopping))
    }
}

/// What is in force.
pub struct Keeper {
    /// What outlives it.
    pub common: Common,
    /// Where the fleet file was read from.
    pub file: Option<PathBuf>,
    /// What is built of it.
    pub generation: Generation,
    /// What requests look up.
    pub router: Arc<ArcSwap<Router>>,
    /// The doors.
    pub doors: Doors,
    /// Where metrics are served, and what ends that.
    pub metrics: Option<(SocketAddr, CancellationToken)>,
    /// The published status.
    pub status: watch::Receiver<Arc<FleetStatus>>,
}

impl Keeper {
    /// Starts the task; it ends with the doors.
    pub fn start(self) -> House {
        let (to, mut orders) = mpsc::channel(QUEUE);
        let tasks = self.common.tasks.clone();
        let close = self.common.ends.close.clone();
        let mut keeper = self;
        tasks.spawn(async move {
            loop {
                let order = tokio::select! {
                    () = close.cancelled() => return,
                    order = orders.recv() => order,
                };
                match order {
                    Some(Order::Reload(answer)) => {
                        let outcome = keeper.reload_and_tell().await;
                        // Whoever asked may have gone.
                        let _ = answer.send(outcome);
                    }
                    None => return,
                }
            }
        });
        House(to)
    }

    async fn reload_and_tell(&mut self) -> Result<String, ReloadError> {
        let outcome = self.reload().await;
        let notice = match &outcome {
            Ok(words) => {
                tracing::info!(outcome = words, "fleet file reloaded");
                None
            }
            Err(error) => {
                tracing::error!(%error, "fleet file not reloaded: the old one stays in force");
                Some(format!("fleet file not reloaded: {error}"))
            }
        };
        // The pool's task ends last.
        let _ = self.common.pool.send(Message::Notice(PART, notice)).await;
        outcome
    }

    async fn reload(&mut self) -> Result<String, ReloadError> {
        let file = self.file.clone().ok_or(ReloadError::NoFile)?;
        let loaded = tokio::task::spawn_blocking({
            let file = file.clone();
            move || config::load(&file)
        });
        let loaded = loaded.await.map_err(|_| ReloadError::Stopping)?;
        let loaded = loaded.map_err(|error| ReloadError::File(Box::new(error)))?;
        for warning in &loaded.warnings {
            tracing::warn!(
                line = warning.line,
                path = warning.path,
                hint = warning.hint,
                "{}",
                warning.message
            );
        }
        let changes = config::changes(&self.generation.fleet, &loaded.fleet);
        let said = |takes: Takes| -> Vec<String> {
            changes.iter().filter(|change| change.takes == takes).map(|change| change.what.clone()).collect()
        };
        let mut fixed = said(Takes::Refused);
        fixed.extend(self.other_network(loaded.fleet.genesis_validators_root));
        if !fixed.is_empty() {
            return Err(ReloadError::Fixed { file, what: fixed });
        }
        let (now, later) = (said(Takes::Now), said(Takes::Restart));
        let adopted =
            if now.is_empty() { Adopted::AsWell } else { self.take(Arc::new(loaded.fleet)).await? };
        Ok(outcome(&now, &later, adopted))
    }

    /// A file that wants another network than the one being served would leave no beacon.
    fn other_network(&self, wanted: Option<Root>) -> Option<String> {
        let serving = self.status.borrow().genesis_validators_root?;
        let wanted = wanted.filter(|wanted| *wanted != serving)?;
        Some(format!(
            "genesis-validators-root {wanted} is another network than {serving}, which is being served"
        ))
    }

    async fn take(&mut self, fleet: Arc<Fleet>) -> Result<Adopted, ReloadError> {
        let draft = Draft::new(fleet.clone(), &self.common, Some(&self.generation))?;
        let bound = self.doors.bind(&fleet.listen).await.map_err(EngineError::from)?;
        let metrics = self.other_metrics(&fleet).await?;
        let (mut next, course) = draft.build(&self.common, Some(&self.generation));
        let (done, adopted) = oneshot::channel();
        let until = (self.common.clock)().plus_ms(patience_ms(&fleet.probing));
        let joining = Joining { course, until, done, heard: Vec::new() };
        let sent = self.common.pool.send(Message::Join(Box::new(joining))).await;
        sent.map_err(|_| ReloadError::Stopping)?;
        next.start(&self.common);
        let adopted = adopted.await.map_err(|_| ReloadError::Stopping)?;
        self.router.store(next.router.clone());
        self.common.fleet.store(fleet.clone());
        self.doors.change(bound, fleet.limits.stop);
        if let Some(metrics) = metrics
            && let Some((_, old)) = std::mem::replace(&mut self.metrics, metrics)
        {
            old.cancel();
        }
        self.common.journal.limit(fleet.limits.traces);
        std::mem::replace(&mut self.generation, next).end(&self.generation, &self.common);
        Ok(adopted)
    }

    /// The metrics address of the fleet file, opened; none if it is the same.
    async fn other_metrics(
        &self,
        fleet: &Fleet,
    ) -> Result<Option<Option<(SocketAddr, CancellationToken)>>, EngineError> {
        if fleet.metrics == self.generation.fleet.metrics {
            return Ok(None);
        }
        open_metrics(fleet.metrics, &self.common).await.map(Some)
    }
}

/// Opens the metrics address, if there is one.
pub async fn open_metrics(
    address: Option<SocketAddr>,
    common: &Common,
) -> Result<Option<(SocketAddr, CancellationToken)>, EngineError> {
    let Some(address) = address else { return Ok(None) };
    let end = common.cancel.child_token();
    let server = MetricsServer::start(address, common.metrics.clone(), end.clone(), &common.tasks).await?;
    Ok(Some((server.address(), end)))
}

/// How long new beacons are waited for: two probes, the second of which may take all its time.
fn patience_ms(probing: &Probing) -> u64 {
    (probing.interval * 2 + probing.timeout).as_millis() as u64
}

fn outcome(now: &[String], later: &[String], adopted: Adopted) -> String {
    let mut words = vec![if now.is_empty() { "nothing changed".to_owned() } else { now.join(", ") }];
    if !later.is_empty() {
        words.push(format!("{} waits for a restart", later.join(", ")));
    }
    if adopted == Adopted::TimeOver {
        words.push("not all new beacons answered in time, see status".to_owned());
    }
    words.join("; ")
}
