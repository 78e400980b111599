//! How an agent is asked: by a task of its own, over a connection that is kept.
//!
//! A round is a few exchanges of the clock and, if there is a newer one, the report of the host. Rounds are spread, so that a
//! hundred agents are not asked at once; one that gives no answer is asked less and less often, one that carries a remedy out
//! more often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::agents::Told;
use super::errands::Errands;
use crate::host::agent::sample::ROUND;
use crate::host::agent::words::Slots;
use crate::host::agent::{Client, ClientError, Identity, Micros, Sample};
use crate::metrics::Metrics;
use crate::model::{AgentAddress, Clock, RemedyAsked, UnixMs};

/// Time between two rounds; each is up to a quarter of it sooner or later.
const EVERY: Duration = Duration::from_secs(10);
/// The same until an agent that was started just now has looked at its host, and while it carries a remedy out.
const SOON: Duration = Duration::from_secs(2);
/// How long after a remedy it is asked as often: its host is looked at anew, which takes some seconds.
const SETTLES: Duration = Duration::from_secs(20);
/// Time before an agent that gave no answer is asked again, the first time and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Where slots lie is told again after so long, that an agent may know what it knows to be of now.
const SLOTS_EVERY: Duration = Duration::from_secs(300);

/// Asks agents.
#[derive(Clone)]
pub struct Asker {
    /// Our clock.
    pub clock: Clock,
    /// The same, finer.
    pub micros: Micros,
    /// Counts answers that are not given.
    pub metrics: Arc<Metrics>,
    /// The remedy that is under way.
    pub errands: Arc<Errands>,
    /// Where slots lie, once that is known.
    pub slots: watch::Receiver<Option<Arc<Slots>>>,
    /// Where tasks run.
    pub tasks: TaskTracker,
    /// Ends all.
    pub cancel: CancellationToken,
}

/// Who is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The host.
    pub name: String,
    /// Its agent.
    pub agent: AgentAddress,
}

/// A connection, and what is known by it.
struct Line {
    client: Client,
    /// The report that came last.
    known: Option<u64>,
    /// What was told of slots, and when.
    slots: Option<(Arc<Slots>, Instant)>,
}

#[cfg(test)]
impl Asker {
    /// One with clocks and nothing else.
    pub fn for_tests() -> Self {
        Self {
            clock: crate::engine::clock::system(),
            micros: Arc::new(crate::engine::clock::micros),
            metrics: Arc::new(Metrics::new(&[])),
            errands: Arc::default(),
            slots: watch::channel(None).1,
            tasks: TaskTracker::new(),
            cancel: CancellationToken::new(),
        }
    }
}

impl Asker {
    /// Asks again and again.
    pub async fn ask(&self, identity: &Identity, asked: &Asked, told: &watch::Sender<Told>) {
        // Not all at the same moment after a start.
        tokio::time::sleep(share(AGAIN.0)).await;
        let mut again = AGAIN.0;
        loop {
            let answered = told.borrow().status.answered;
            let Err(error) = self.keep_asking(identity, asked, told).await;
            if told.borrow().status.answered != answered {
                again = AGAIN.0;
            }
            self.note(told, asked, &error);
            tokio::time::sleep(again + share(again)).await;
            again = (2 * again).min(AGAIN.1);
        }
    }

    async fn keep_asking(
        &self,
        identity: &Identity,
        asked: &Asked,
        told: &watch::Sender<Told>,
    ) -> Result<std::convert::Infallible, ClientError> {
        let client = Client::connect(identity, asked.agent).await?;
        let mut line = Line { client, known: None, slots: None };
        let (mut under_way, mut moved) = (self.errands.under_way(), None::<Instant>);
        loop {
            self.round(&mut line, asked, told).await?;
            let soon = line.known.is_none()
                || about(under_way.borrow().as_ref(), asked)
                || moved.is_some_and(|at| at.elapsed() < SETTLES);
            let wait = if soon { SOON } else { EVERY };
            tokio::select! {
                () = tokio::time::sleep(wait * 3 / 4 + share(wait / 2)) => {}
                () = begins_or_ends(&mut under_way, asked) => moved = Some(Instant::now()),
            }
        }
    }

    /// One round.
    async fn round(
        &self,
        line: &mut Line,
        asked: &Asked,
        told: &watch::Sender<Told>,
    ) -> Result<(), ClientError> {
        self.tell_slots(line, asked).await?;
        let mut samples = Vec::with_capacity(ROUND);
        for _ in 0..ROUND {
            samples.extend(line.client.clock(&*self.micros).await?);
        }
        let report = line.client.report(line.known).await?;
        let now = (self.clock)();
        let version = line.client.greeting().version.clone();
        let clock = Sample::of(samples, now);
        let mut is_news = false;
        told.send_modify(|told| {
            told.status.version = version;
            told.status.answered = Some(now.wall);
            if let Some((since, _)) = told.status.trouble.take() {
                let silent_s = now.wall.since(since) / 1_000;
                tracing::info!(host = %asked.name, agent = %asked.agent.at, silent_s, "an agent answers again");
            }
            told.status.round_trip_us = clock.map(Sample::round_trip_us).or(told.status.round_trip_us);
            told.clock = clock.or(told.clock);
            if let Some(report) = report {
                line.known = Some(report.look);
                told.status.roles.clone_from(&report.roles);
                let at = UnixMs(now.wall.0.saturating_sub(report.age_ms));
                is_news = told.report.as_ref().is_none_or(|(before, _)| {
                    before.remedies != report.remedies || before.findings.len() != report.findings.len()
                });
                told.report = Some((report.into(), at));
            }
        });
        if is_news {
            self.errands.tell();
        }
        Ok(())
    }

    /// Tells where slots lie, to an agent that measures in phase with them, if that is news to it.
    async fn tell_slots(&self, line: &mut Line, asked: &Asked) -> Result<(), ClientError> {
        if !line.client.greeting().wants_slots {
            return Ok(());
        }
        let Some(slots) = self.slots.borrow().clone() else { return Ok(()) };
        let known = line.slots.as_ref();
        if known.is_some_and(|(before, at)| *before == slots && at.elapsed() < SLOTS_EVERY) {
            return Ok(());
        }
        match line.client.slots((*slots).clone()).await {
            Err(ClientError::Refused(_, why)) => {
                tracing::warn!(host = %asked.name, %why, "an agent does not understand where slots lie");
            }
            told => told?,
        }
        line.slots = Some((slots, Instant::now()));
        Ok(())
    }

    fn note(&self, told: &watch::Sender<Told>, asked: &Asked, error: &ClientError) {
        self.metrics.agent_failed(&asked.name, error.reason());
        let (now, why) = ((self.clock)().wall, error.to_string());
        told.send_modify(|told| {
            if told.status.trouble.as_ref().is_none_or(|(_, before)| *before != why) {
                tracing::warn!(host = %asked.name, agent = %asked.agent.at, %why, "an agent gives no answer");
            }
            let since = told.status.trouble.as_ref().map_or(now, |(since, _)| *since);
            told.status.trouble = Some((since, why));
        });
    }
}

fn about(under_way: Option<&RemedyAsked>, asked: &Asked) -> bool {
    under_way.is_some_and(|of| of.host == asked.name)
}

/// Until a remedy on this host begins or ends.
async fn begins_or_ends(under_way: &mut watch::Receiver<Option<RemedyAsked>>, asked: &Asked) {
    let before = about(under_way.borrow_and_update().as_ref(), asked);
    let nobody_orders = under_way.wait_for(|now| about(now.as_ref(), asked) != before).await.is_err();
    if nobody_orders {
        std::future::pending::<()>().await;
    }
}

/// Up to the whole of a time, by chance.
fn share(of: Duration) -> Duration {
    let chance = getrandom::u32().unwrap_or(u32::MAX / 2);
    of.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use rustix::time::{ClockId, clock_gettime};

    use super::super::slots::tests::longest;
    use super::*;
    use crate::host::agent::words::{Allows, OrderState, RemedyOrder, Report};
    use crate::host::agent::{
        Drafting, Hands, House, Looked, Orders, Paired, Run, Schedule, Server, identity, paired,
    };
    use crate::model::{AgentStatus, HostFinding, HostLevel, RemedyDraft, RemedyVerb, Verb};

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

        fn draft<'a>(&'a self, _: RemedyVerb, _: &'a str) -> Drafting<'a> {
            Box::pin(async { RemedyDraft::default() })
        }

        fn remedy(&self, _: RemedyOrder, _: CancellationToken) -> Run {
            Box::pin(async { OrderState::Unknown })
        }
    }

    impl Schedule for Nothing {
        fn wanted(&self) -> bool {
            true
        }

        fn take(&self, slots: &Slots) -> Result<(), String> {
            slots.clock().map(drop).map_err(|error| error.to_string())
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
                        slots: Arc::new(Nothing),
                        micros: Arc::new(crate::engine::clock::micros),
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
    /// minute, in which each agent is told where slots lie, too. The build is not an optimised one.
    #[test]
    fn a_hundred_agents_take_less_than_a_hundredth_of_a_core() {
        let (dir, cancel) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let router = Identity::open(dir.path(), identity::ROUTER).unwrap();
        let addresses = agents(&router, &cancel);
        assert_eq!(addresses.len(), AGENTS);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (_keeps, slots) = watch::channel(Some(Arc::new(longest())));
        let asker = Asker { slots, cancel: cancel.clone(), ..Asker::for_tests() };
        let nothing = || Told { status: AgentStatus::default(), report: None, clock: None };
        let tolds: Vec<watch::Sender<Told>> =
            std::iter::repeat_with(|| watch::channel(nothing()).0).take(AGENTS).collect();
        runtime.block_on(async {
            let mut lines = Vec::new();
            let began = spent();
            for address in &addresses {
                let client = Client::connect(&router, *address).await.unwrap();
                let asked = Asked { name: address.at.to_string(), agent: *address };
                lines.push((Line { client, known: None, slots: None }, asked));
            }
            let connected = spent().saturating_sub(began);
            let began = spent();
            for _ in 0..ROUNDS {
                for ((line, asked), told) in lines.iter_mut().zip(&tolds) {
                    asker.round(line, asked, told).await.unwrap();
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
            assert!(lines.iter().all(|(line, _)| line.slots.is_some()), "each was told");
        });
        assert!(tolds.iter().all(|told| told.borrow().report.is_some() && told.borrow().clock.is_some()));
        cancel.cancel();
    }
}
