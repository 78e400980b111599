//! The task that owns what is in force: doors, router, what only one process may hold; it brings another fleet file into
//! force, and hands all of it over to another process.
//!
//! A reload is done whole or not at all: what may fail is done before anything in force is touched.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::EngineError;
use super::adopt::{Adopted, Joining};
use super::bell::{Bell, Tell};
use super::common::Common;
use super::doors::Doors;
use super::exclusive::Exclusive;
use super::generation::{Draft, Generation};
use super::handover::{HandOverError, Program, Successor};
use super::heritage::{Estate, Word};
use super::said::Message;
use crate::config::{self, LoadError, Takes};
use crate::control::HAND_OVER;
use crate::model::{BeaconId, Fleet, FleetStatus, Probing, Root};
use crate::router::{Memo, Router};

/// Orders waiting at once; one is carried out after the other.
const QUEUE: usize = 16;
/// The part of the program this task's notices speak of.
const PART: &str = "reload";
/// Words that wait for the next process to listen; each is a block produced within the moment of handing over.
const LATE: usize = 1_024;

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
    HandOver(Program, oneshot::Sender<Result<u32, HandOverError>>),
}

/// Gives orders to the task. Cheap to clone.
#[derive(Clone)]
pub struct House(mpsc::Sender<Order>, Bell);

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

    /// Operators' orders to hand over, from now on: each is to be told what came of it.
    pub fn asks(&self) -> mpsc::Receiver<Tell> {
        self.1.listen()
    }

    /// Hands over to another process, which serves when this returns: this one is to be retired then
    /// ([`super::Engine::retire`]). Its process id.
    ///
    /// # Errors
    /// The other process did not come to serve and has ended; this one goes on.
    pub async fn hand_over(&self, program: Program) -> Result<u32, HandOverError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Order::HandOver(program, answer)).await.map_err(|_| HandOverError::Stopping)?;
        answered.await.unwrap_or(Err(HandOverError::Stopping))
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
    /// What only one process may hold.
    pub exclusive: Exclusive,
    /// Word that the service manager follows this process, which another one started.
    pub followed: Arc<Notify>,
    /// The published status.
    pub status: watch::Receiver<Arc<FleetStatus>>,
}

impl Keeper {
    /// Starts the task; it ends with the doors.
    pub fn start(self) -> House {
        let (to, mut orders) = mpsc::channel(QUEUE);
        let tasks = self.common.tasks.clone();
        let (close, bell) = (self.common.ends.close.clone(), self.common.bell.clone());
        let mut keeper = self;
        tasks.spawn(async move {
            loop {
                let order = tokio::select! {
                    () = close.cancelled() => return,
                    () = keeper.followed.notified() => {
                        keeper.doors.followed();
                        continue;
                    }
                    order = orders.recv() => order,
                };
                match order {
                    Some(Order::Reload(answer)) => {
                        let outcome = keeper.reload_and_tell().await;
                        // Whoever asked may have gone.
                        let _ = answer.send(outcome);
                    }
                    Some(Order::HandOver(program, answer)) => {
                        let outcome = keeper.hand_over_and_tell(&program).await;
                        let is_over = outcome.is_ok();
                        let _ = answer.send(outcome);
                        if is_over {
                            // A fleet file that is loaded from now on is the next process's.
                            return close.cancelled().await;
                        }
                    }
                    None => return,
                }
            }
        });
        House(to, bell)
    }

    async fn reload_and_tell(&mut self) -> Result<String, ReloadError> {
        self.common.manager.reloading();
        let outcome = self.reload().await;
        self.common.manager.ready();
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

    async fn hand_over_and_tell(&mut self, program: &Program) -> Result<u32, HandOverError> {
        let outcome = self.hand_over(program).await;
        let notice = match &outcome {
            Ok(id) => {
                tracing::info!(id, "handed over: the next process serves");
                None
            }
            Err(error) => {
                tracing::error!(%error, "nothing was handed over: this process goes on");
                Some(format!("serve was not handed over: {error}"))
            }
        };
        let _ = self.common.pool.send(Message::Notice(HAND_OVER, notice)).await;
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
        let metrics = if fleet.metrics == self.generation.fleet.metrics {
            None
        } else {
            Some(self.exclusive.beside(fleet.metrics).await?)
        };
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
        if let Some(metrics) = metrics {
            self.exclusive.change(metrics);
        }
        self.common.journal.limit(fleet.limits.traces);
        std::mem::replace(&mut self.generation, next).end(&self.generation, &self.common);
        Ok(adopted)
    }

    /// Starts another process with the sockets of this one, and gives it the rest when it could serve.
    async fn hand_over(&mut self, program: &Program) -> Result<u32, HandOverError> {
        let failed = |source| HandOverError::Start { path: program.path.clone(), source };
        let mut next = Successor::start(program, self.doors.sockets().map_err(failed)?).await?;
        let id = next.id();
        tracing::info!(program = %program.path.display(), id, "handing over");
        let (late, words) = mpsc::channel(LATE);
        let given = async {
            next.able().await?;
            let estate = self.estate(late);
            self.exclusive.close().await;
            next.take_over(estate).await
        };
        if let Err(error) = given.await {
            next.end().await;
            if let Err(error) = self.exclusive.again(self.generation.fleet.metrics).await {
                tracing::error!(%error, "what was let go for the next process cannot be had back");
            }
            return Err(error);
        }
        self.common.manager.main_process(id);
        next.tell(words).await;
        Ok(id)
    }

    /// What no beacon could tell another process; `late` takes what is produced from now on.
    fn estate(&self, late: mpsc::Sender<Word>) -> Estate {
        let beacons = self.generation.names();
        let names = beacons.clone();
        let name = move |id: BeaconId| names.get(id.index()).cloned();
        let heir = name.clone();
        let (produced, held) = self.generation.router.memory.bequeath(move |memo| {
            if let Memo::Produced(id, what) = memo
                && let Some(name) = heir(id)
            {
                // A full queue is one nobody reads: the next process has ended.
                let _ = late.try_send(Word::Produced(what, name));
            }
        });
        let status = self.status.borrow().clone();
        let drained =
            status.beacons.iter().filter_map(|beacon| Some((beacon.name.clone(), beacon.drained.clone()?)));
        Estate {
            drained: drained.collect(),
            produced: produced.into_iter().filter_map(|(what, id)| Some((what, name(id)?))).collect(),
            held,
            given: self.generation.router.memory.blocks().tell(),
            beacons,
        }
    }
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
