//! The agents of other hosts: each is asked by a task of its own, over a connection that is kept.
//!
//! A round is a few exchanges of the clock and, if there is a newer one, the report of the host. Rounds are spread, so that a
//! hundred agents are not asked at once; one that gives no answer is asked less and less often.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::host::agent::sample::ROUND;
use crate::host::agent::words::Report;
use crate::host::agent::{Client, ClientError, Identity, Micros, Sample, identity};
use crate::model::{AgentAddress, AgentStatus, Clock, Fleet, Moment, UnixMs};

/// Time between two rounds; each is up to a quarter of it sooner or later.
const EVERY: Duration = Duration::from_secs(10);
/// Time before an agent that gave no answer is asked again, the first time and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// An agent without an answer is worth an alert after so long: it may just have been restarted.
const GRACE_MS: u64 = 60_000;

/// What is known by one agent.
#[derive(Debug, Clone)]
pub struct Told {
    /// How it is.
    pub status: AgentStatus,
    /// What it reported last, and when the look was, by our clock.
    pub report: Option<(Report, UnixMs)>,
    /// Its host's clock.
    pub clock: Option<Sample>,
}

/// Asks agents.
#[derive(Clone)]
pub struct Asker {
    /// Our clock.
    pub clock: Clock,
    /// The same, finer.
    pub micros: Micros,
    /// Where tasks run.
    pub tasks: TaskTracker,
    /// Ends all.
    pub cancel: CancellationToken,
}

struct Running {
    agent: AgentAddress,
    told: watch::Receiver<Told>,
    cancel: CancellationToken,
}

/// All agents of the fleet file in force.
pub struct Agents {
    asker: Asker,
    running: BTreeMap<String, Running>,
    keyless: Option<String>,
}

impl Agents {
    /// None is asked yet.
    pub fn new(asker: Asker) -> Self {
        Self { asker, running: BTreeMap::new(), keyless: None }
    }

    /// Asks those of this fleet file, and no others any more.
    pub fn follow(&mut self, fleet: &Fleet) {
        self.running.retain(|name, running| {
            let stays = fleet.agent(name) == Some(running.agent);
            if !stays {
                running.cancel.cancel();
            }
            stays
        });
        self.keyless = None;
        if self.running.len() == fleet.hosts.len() {
            return;
        }
        let identity = match Identity::open(&fleet.state, identity::ROUTER) {
            Ok(identity) => identity,
            Err(error) => {
                self.keyless = Some(format!("no agent can be asked: {error}"));
                return;
            }
        };
        for host in &fleet.hosts {
            if !self.running.contains_key(&host.name) {
                self.running.insert(host.name.clone(), self.asker.start(identity.clone(), host.agent));
            }
        }
    }

    /// What is known, by host.
    pub fn told(&self) -> BTreeMap<&str, Told> {
        self.running.iter().map(|(name, running)| (name.as_str(), running.told.borrow().clone())).collect()
    }

    /// What on-call is to be told of agents.
    pub fn trouble(&self, now: UnixMs) -> Option<String> {
        if self.keyless.is_some() {
            return self.keyless.clone();
        }
        let mut silent = self.running.iter().filter_map(|(name, running)| {
            let told = running.told.borrow();
            let (since, why) = told.status.trouble.as_ref()?;
            (now.0.saturating_sub(since.0) >= GRACE_MS).then(|| format!("{name}: {why}"))
        });
        let first = silent.next()?;
        let more = match silent.count() {
            0 => String::new(),
            more => format!("; and of {more} other hosts"),
        };
        Some(format!("the agent gives no answer of {first}{more}"))
    }
}

impl Asker {
    fn start(&self, identity: Identity, agent: AgentAddress) -> Running {
        let nothing = Told { status: AgentStatus::default(), report: None, clock: None };
        let (sender, told) = watch::channel(nothing);
        let cancel = self.cancel.child_token();
        let (asker, ends) = (self.clone(), cancel.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = ends.cancelled() => {}
                () = asker.ask(&identity, agent, &sender) => {}
            }
        });
        Running { agent, told, cancel }
    }

    /// Asks again and again.
    async fn ask(&self, identity: &Identity, agent: AgentAddress, told: &watch::Sender<Told>) {
        // Not all at the same moment after a start.
        tokio::time::sleep(share(AGAIN.0)).await;
        let mut again = AGAIN.0;
        loop {
            let answered = told.borrow().status.answered;
            let Err(error) = self.keep_asking(identity, agent, told).await;
            if told.borrow().status.answered != answered {
                again = AGAIN.0;
            }
            self.note(told, agent, &error);
            tokio::time::sleep(again + share(again)).await;
            again = (2 * again).min(AGAIN.1);
        }
    }

    async fn keep_asking(
        &self,
        identity: &Identity,
        agent: AgentAddress,
        told: &watch::Sender<Told>,
    ) -> Result<std::convert::Infallible, ClientError> {
        let mut client = Client::connect(identity, agent).await?;
        let mut known = None;
        loop {
            self.round(&mut client, &mut known, told).await?;
            tokio::time::sleep(EVERY * 3 / 4 + share(EVERY / 2)).await;
        }
    }

    /// One round; `known` is the look of this connection that was reported last.
    async fn round(
        &self,
        client: &mut Client,
        known: &mut Option<u64>,
        told: &watch::Sender<Told>,
    ) -> Result<(), ClientError> {
        let mut samples = Vec::with_capacity(ROUND);
        for _ in 0..ROUND {
            samples.extend(client.clock(&*self.micros).await?);
        }
        let report = client.report(*known).await?;
        let now = (self.clock)();
        let version = client.greeting().version.clone();
        let clock = Sample::of(samples, now);
        told.send_modify(|told| {
            told.status.version = version;
            told.status.answered = Some(now.wall);
            if told.status.trouble.take().is_some() {
                tracing::info!("an agent answers again");
            }
            told.clock = clock.or(told.clock);
            if let Some(report) = report {
                *known = Some(report.look);
                told.status.roles.clone_from(&report.roles);
                let at = UnixMs(now.wall.0.saturating_sub(report.age_ms));
                told.report = Some((report, at));
            }
        });
        Ok(())
    }

    fn note(&self, told: &watch::Sender<Told>, agent: AgentAddress, error: &ClientError) {
        let (now, why) = ((self.clock)().wall, error.to_string());
        told.send_modify(|told| {
            if told.status.trouble.as_ref().is_none_or(|(_, before)| *before != why) {
                tracing::warn!(agent = %agent.at, %why, "an agent gives no answer");
            }
            let since = told.status.trouble.as_ref().map_or(now, |(since, _)| *since);
            told.status.trouble = Some((since, why));
        });
    }
}

impl Told {
    /// Whether what it reported still tells of the present.
    pub fn is_fresh(&self, now: Moment) -> bool {
        self.status.answered.is_some_and(|at| now.wall.0.saturating_sub(at.0) < GRACE_MS)
    }
}

/// Up to the whole of a time, by chance.
fn share(of: Duration) -> Duration {
    let chance = getrandom::u32().unwrap_or(u32::MAX / 2);
    of.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}
