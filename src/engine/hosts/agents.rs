//! The agents of other hosts: which there are, and what is known by each. How they are asked is [`super::asker`]'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::asker::{Asked, Asker};
use crate::host::agent::words::Report;
use crate::host::agent::{Identity, Sample, identity};
use crate::model::{AgentAddress, AgentStatus, Fleet, Moment, UnixMs};

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
                let asked = Asked { name: host.name.clone(), agent: host.agent };
                self.running.insert(host.name.clone(), self.start(identity.clone(), asked));
            }
        }
    }

    fn start(&self, identity: Identity, asked: Asked) -> Running {
        let nothing = Told { status: AgentStatus::default(), report: None, clock: None };
        let (sender, told) = watch::channel(nothing);
        let (cancel, agent) = (self.asker.cancel.child_token(), asked.agent);
        let (asker, ends) = (self.asker.clone(), cancel.clone());
        self.asker.tasks.spawn(async move {
            tokio::select! {
                () = ends.cancelled() => {}
                () = asker.ask(&identity, &asked, &sender) => {}
            }
        });
        Running { agent, told, cancel }
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

impl Told {
    /// Whether what it reported still tells of the present.
    pub fn is_fresh(&self, now: Moment) -> bool {
        self.status.answered.is_some_and(|at| now.wall.0.saturating_sub(at.0) < GRACE_MS)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn an_agent_that_is_not_there_is_in_trouble_and_asked_again_when_it_is() {
        let (dir, cancel) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let router = Identity::open(dir.path(), identity::ROUTER).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = AgentAddress { key: router.key(), at: free.local_addr().unwrap() };
        drop(free);
        let asker = Asker { cancel: cancel.clone(), ..Asker::for_tests() };
        let mut agents = Agents::new(asker);
        let mut running = agents.start(router, Asked { name: "h1".into(), agent: address });
        let refused = |told: &Told| {
            told.status.trouble.as_ref().is_some_and(|(_, why)| why.contains("nobody answers at 127.0.0.1"))
        };
        let told = tokio::time::timeout(Duration::from_secs(60), running.told.wait_for(refused));
        drop(told.await.unwrap().unwrap());
        agents.running.insert("h1".into(), running);
        let now = (agents.asker.clock)().wall;
        assert_eq!(agents.trouble(now), None, "it may just be restarting");
        let later = agents.trouble(UnixMs(now.0 + GRACE_MS)).unwrap();
        assert!(later.starts_with("no agent answers on h1: nobody answers"), "{later}");
        cancel.cancel();
    }
}
