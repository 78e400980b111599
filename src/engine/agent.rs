//! The agent of a host: looks at its machine, answers routers, and carries out what its own file allows by name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::{micros, system};
use crate::host::agent::words::{Allows, Report};
use crate::host::agent::{
    Hands, House, Identity, IdentityError, Looked, Orders, Paired, Run, ServeError, Server, identity, nonce,
};
use crate::host::shown;
use crate::host::{Finding, Found, Looker, Overrides, Role};
use crate::model::{AgentFile, AgentKey, Verb};
use crate::ops::{Far, FarRun, Program};

/// Time tasks get to end: an order that runs is ended, politely first.
const END: Duration = Duration::from_secs(10);
/// Time before the first look.
const FIRST: Duration = Duration::from_secs(1);
/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It has no key.
    #[error("the agent has no key")]
    Identity(#[from] IdentityError),
    /// It cannot listen.
    #[error("the agent cannot listen")]
    Serve(#[from] ServeError),
    /// The system does not say where it listens.
    #[error("the agent's address is not known")]
    Address(#[source] std::io::Error),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[from] getrandom::Error),
}

/// A running agent.
pub struct Agent {
    /// Where it listens, port included.
    pub address: SocketAddr,
    /// Its key.
    pub key: AgentKey,
    /// Routers it is paired with.
    pub paired: usize,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Agent {
    /// Opens the door and begins to look at the machine.
    ///
    /// # Errors
    /// The key cannot be had, or the address.
    pub async fn start(file: &AgentFile) -> Result<Self, AgentError> {
        let identity = Identity::open(&file.state, identity::AGENT)?;
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let paired = Arc::new(Paired::new(&file.state));
        let (looked, seen) = watch::channel(None);
        let house = House {
            paired: paired.clone(),
            orders: Orders::new(Arc::new(Allowed(file.clone())), tasks.clone(), cancel.clone()),
            looked: seen,
            micros: Arc::new(micros),
            life: nonce()?,
        };
        let server = Server::bind(file.listen, file.allow.clone(), &identity, house).await?;
        let address = server.address().map_err(AgentError::Address)?;
        let roles = file.roles.iter().filter_map(|word| Role::of(word)).collect();
        tasks.spawn(look(roles, file.limits.clone(), looked, cancel.clone()));
        let (tracker, ends) = (tasks.clone(), cancel.clone());
        tasks.spawn(async move { server.run(&tracker, &ends).await });
        Ok(Self { address, key: identity.key(), paired: paired.count(), tasks, cancel })
    }

    /// Ends connections, looks and orders.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(END, self.tasks.wait()).await;
    }
}

/// Looks at the machine until `cancel`. Durable writes are not measured: that is done in phase with the slots, which an agent
/// does not know.
async fn look(
    roles: Vec<Role>,
    limits: Overrides,
    looked: watch::Sender<Option<Looked>>,
    cancel: CancellationToken,
) {
    let (clock, mut wait, mut looker) = (system(), FIRST, Looker::below("/", roles.clone()));
    for look in 1.. {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        let (limits, clock) = (limits.clone(), clock.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let found = looker.look(&limits, None, &|| clock().wall);
            (looker, found)
        });
        tokio::select! {
            () = cancel.cancelled() => return,
            ended = looking => match ended {
                Ok((again, found)) => {
                    looker = again;
                    looked.send_replace(Some(Looked { report: report(&found, look), at: Instant::now() }));
                }
                Err(error) => {
                    looker = Looker::below("/", roles.clone());
                    tracing::warn!(%error, "this machine could not be looked at");
                }
            },
        }
    }
}

fn report(found: &Found, look: u64) -> Report {
    let all: Vec<&Finding> = found.findings.iter().collect();
    Report {
        look,
        age_ms: 0,
        roles: found.roles.iter().map(|role| role.word().to_owned()).collect(),
        findings: shown::findings(&all),
        classes: shown::classes(&all),
        clock: shown::clock(found),
    }
}

/// What the agent's file names.
struct Allowed(AgentFile);

impl Hands for Allowed {
    fn allows(&self) -> Allows {
        let names = |verb| self.0.procedures(verb).keys().cloned().collect();
        Allows { restart: names(Verb::Restart), upgrade: names(Verb::Upgrade) }
    }

    fn run(&self, verb: Verb, name: &str, cancel: CancellationToken) -> Option<Run> {
        let program = Program::new(self.0.procedures(verb).get(name)?.clone(), Arc::new(Nobody));
        Some(Box::pin(async move {
            program.run(cancel).await.map_err(|(error, output)| (error.to_string(), output))
        }))
    }
}

/// An agent asks no other; its file cannot name one.
struct Nobody;

impl Far for Nobody {
    fn run<'a>(&'a self, host: &'a str, _: &'a str, _: CancellationToken) -> FarRun<'a> {
        Box::pin(async move { Err((format!("an agent does not reach {host}"), String::new())) })
    }
}
