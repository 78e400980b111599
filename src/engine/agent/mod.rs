//! The agent of a host: looks at its machine, answers routers, and carries out what its own file allows by name.
//!
//! | file | owns |
//! |---|---|
//! | `hands` | what may be ordered |
//! | `reports` | what was found, and what was written, as routers are told |
//! | `phase` | when durable writes are measured |

mod hands;
mod phase;
mod reports;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::{micros, system};
use super::fixer::{Fixer, Place, Writer};
use super::hosts::{Here, Machine, probe};
use crate::host::Role;
use crate::host::agent::{
    House, Identity, IdentityError, Orders, Paired, ServeError, Server, identity, nonce,
};
use crate::model::{AgentFile, AgentKey};
use hands::Allowed;
use phase::Phase;
use reports::Reports;

/// Time tasks get to end: an order that runs is ended, politely first.
const END: Duration = Duration::from_secs(10);
/// Time before the first look.
const FIRST: Duration = Duration::from_secs(1);
const AGENT: Writer = Writer {
    name: "its agent",
    hint: ": the unit that `beacondeck print unit agent` prints says which lines give it the right",
};

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
    /// Opens the door and begins to look at the machine. What it had begun to write before it was cut off is taken back first.
    ///
    /// # Errors
    /// The key cannot be had, or the address.
    pub async fn start(file: &AgentFile) -> Result<Self, AgentError> {
        let identity = Identity::open(&file.state, identity::AGENT)?;
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        let roles: Vec<Role> = file.roles.iter().filter_map(|word| Role::of(word)).collect();
        let (clock, machine) = (system(), Arc::new(Machine::below("/").with_roles(roles.clone())));
        let (state, limits) = (file.state.clone(), file.limits.clone());
        let place = move || Place { state: state.clone(), limits: limits.clone(), roles: roles.clone() };
        let fixer = Fixer::new(machine.clone(), clock.clone(), AGENT, place);
        fixer.mend().await;
        let paired = Arc::new(Paired::new(&file.state));
        let (looked, seen) = watch::channel(None);
        let phase = Arc::new(Phase::new(file));
        let hands = Arc::new(Allowed { file: file.clone(), fixer });
        let house = House {
            paired: paired.clone(),
            orders: Orders::new(hands, tasks.clone(), cancel.clone()),
            looked: seen,
            slots: phase.clone(),
            micros: Arc::new(micros),
            life: nonce()?,
        };
        let server = Server::bind(file.listen, file.allow.clone(), &identity, house).await?;
        let address = server.address().map_err(AgentError::Address)?;
        let (measured, probed) = watch::channel(None);
        let limits = file.limits.clone();
        let here = Here {
            machine: machine.clone(),
            clock: clock.clone(),
            limits: move || limits.clone(),
            first: FIRST,
            cancel: cancel.clone(),
        };
        tasks.spawn(here.run(probed));
        tasks.spawn(probe::run(measured, phase, machine.clone(), clock, cancel.clone()));
        tasks.spawn(Reports::new(file, machine).run(looked, cancel.clone()));
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
