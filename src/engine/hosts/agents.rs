//! The agents of other hosts: each is asked by a task of its own, over a connection that is kept.
//!
//! A round is a few exchanges of the clock and, if there is a newer one, the report of the host. Rounds are spread, so that a
//! hundred agents are not asked at once; one that gives no answer is asked less and less often.

use std::collections::BTreeMap;
use std::sync::Arc;
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
/// The same until an agent that was started just now has looked at its host.
const SOON: Duration = Duration::from_secs(2);
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
    pub report: Option<(Arc<Report>, UnixMs)>,
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
            more => format!("; nor on {more} other hosts"),
        };
        Some(format!("no agent answers on {first}{more}"))
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
            let wait = if known.is_none() { SOON } else { EVERY };
            tokio::time::sleep(wait * 3 / 4 + share(wait / 2)).await;
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
                told.report = Some((report.into(), at));
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rustix::time::{ClockId, clock_gettime};

    use super::*;
    use crate::engine::clock::{micros, system};
    use crate::host::agent::words::Allows;
    use crate::host::agent::{Hands, House, Looked, Orders, Paired, Run, Server, paired};
    use crate::model::{HostFinding, HostLevel, Verb};

    const AGENTS: usize = 100;
    /// A minute of rounds, in which each host is looked at once.
    const ROUNDS: usize = 6;

    struct Nothing;

    impl Hands for Nothing {
        fn allows(&self) -> Allows {
            Allows::default()
        }

        fn run(&self, _: Verb, _: &str, _: CancellationToken) -> Option<Run> {
            None
        }
    }

    /// As long as those of a machine of which much is wrong.
    fn report() -> Report {
        let finding = HostFinding {
            check: "net.softnet_drops".into(),
            level: HostLevel::Warn,
            actual: "eth0: 5 packets were dropped within the last minute".into(),
            expected: "none".into(),
            why: "A block or an attestation that is dropped is asked for again, or never comes.".repeat(2),
            cost_ms: (5, 400),
            remedy: "sysctl -w net.core.netdev_max_backlog=16384".into(),
            persistent: "echo net.core.netdev_max_backlog=16384 > /etc/sysctl.d/90-beacondeck.conf".into(),
            revert: "rm /etc/sysctl.d/90-beacondeck.conf; sysctl --system".into(),
            ..HostFinding::default()
        };
        Report { look: 1, findings: vec![finding; 20], ..Report::default() }
    }

    /// A hundred agents on threads of their own.
    fn agents(router: &Identity, cancel: &CancellationToken) -> Vec<AgentAddress> {
        let (sender, addresses) = std::sync::mpsc::channel();
        let (router, cancel) = (router.key(), cancel.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let dir = tempfile::tempdir().unwrap();
                paired::add(dir.path(), router).unwrap();
                let own = Identity::open(dir.path(), identity::AGENT).unwrap();
                let tracker = TaskTracker::new();
                let looked = Looked { report: report(), at: Instant::now() };
                let (_keeps, looked) = watch::channel(Some(looked));
                for _ in 0..AGENTS {
                    let house = House {
                        paired: Arc::new(Paired::new(dir.path())),
                        orders: Orders::new(Arc::new(Nothing), tracker.clone(), cancel.clone()),
                        looked: looked.clone(),
                        micros: Arc::new(micros),
                        life: String::new(),
                    };
                    let any = "127.0.0.1:0".parse().unwrap();
                    let server = Server::bind(any, Vec::new(), &own, house).await.unwrap();
                    sender.send(AgentAddress { key: own.key(), at: server.address().unwrap() }).unwrap();
                    let (tasks, ends) = (tracker.clone(), cancel.clone());
                    tokio::spawn(async move { server.run(&tasks, &ends).await });
                }
                drop(sender);
                cancel.cancelled().await;
            });
        });
        addresses.iter().collect()
    }

    fn spent() -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// The rounds are made one after another without the time between them; what they take of the processor is that of a
    /// minute, and the build is not an optimised one.
    #[test]
    fn a_hundred_agents_take_less_than_a_hundredth_of_a_core() {
        let (dir, cancel) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let router = Identity::open(dir.path(), identity::ROUTER).unwrap();
        let addresses = agents(&router, &cancel);
        assert_eq!(addresses.len(), AGENTS);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asker = Asker {
            clock: system(),
            micros: Arc::new(micros),
            tasks: TaskTracker::new(),
            cancel: cancel.clone(),
        };
        let nothing = || Told { status: AgentStatus::default(), report: None, clock: None };
        let tolds: Vec<watch::Sender<Told>> =
            std::iter::repeat_with(|| watch::channel(nothing()).0).take(AGENTS).collect();
        runtime.block_on(async {
            let mut clients = Vec::new();
            let began = spent();
            for address in &addresses {
                clients.push((Client::connect(&router, *address).await.unwrap(), None));
            }
            let connected = spent().saturating_sub(began);
            let began = spent();
            for _ in 0..ROUNDS {
                for ((client, known), told) in clients.iter_mut().zip(&tolds) {
                    asker.round(client, known, told).await.unwrap();
                }
            }
            let minute = spent().saturating_sub(began);
            let share = minute.as_secs_f64() / (EVERY * ROUNDS as u32).as_secs_f64();
            println!(
                "{AGENTS} agents: {:.2} % of a core; a connection takes {} µs once",
                100.0 * share,
                connected.as_micros() / AGENTS as u128
            );
            assert!(share < 0.01, "{share}");
        });
        assert!(tolds.iter().all(|told| told.borrow().report.is_some() && told.borrow().clock.is_some()));
        cancel.cancel();
    }

    #[tokio::test]
    async fn an_agent_that_is_not_there_is_in_trouble_and_asked_again_when_it_is() {
        let (dir, cancel) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let router = Identity::open(dir.path(), identity::ROUTER).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = AgentAddress { key: router.key(), at: free.local_addr().unwrap() };
        drop(free);
        let asker = Asker {
            clock: system(),
            micros: Arc::new(micros),
            tasks: TaskTracker::new(),
            cancel: cancel.clone(),
        };
        let mut running = asker.start(router, address);
        let refused = |told: &Told| {
            told.status.trouble.as_ref().is_some_and(|(_, why)| why.contains("nobody answers at 127.0.0.1"))
        };
        let told = tokio::time::timeout(Duration::from_secs(60), running.told.wait_for(refused));
        drop(told.await.unwrap().unwrap());
        let mut agents = Agents::new(asker);
        agents.running.insert("h1".into(), running);
        let now = (agents.asker.clock)().wall;
        assert_eq!(agents.trouble(now), None, "it may just be restarting");
        let later = agents.trouble(UnixMs(now.0 + GRACE_MS)).unwrap();
        assert!(later.starts_with("no agent answers on h1: nobody answers"), "{later}");
        cancel.cancel();
    }
}
