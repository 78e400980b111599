//! Restarts, upgrades and remedies that the agent of a host carries out, on behalf of one order.
//!
//! The order has an id: if the connection breaks the agent is asked again by another, and it is carried out once all the same.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::host::agent::words::{Order, OrderState, What};
use crate::host::agent::{Client, ClientError, Identity, identity, nonce};
use crate::model::{AgentAddress, Fleet, Verb};
use crate::ops::{Far, FarRun};

/// Time between two questions of how far it has come, before the second one and at most.
const AT_FIRST: Duration = Duration::from_millis(100);
const EVERY: Duration = Duration::from_secs(1);
/// Times an agent is looked for in a row before its order is given up.
const TRIES: u32 = 60;
/// Time an order that is ended gets to end.
const ENDING: Duration = Duration::from_secs(20);

/// Reaches the agents of the fleet file in force.
pub struct Distant {
    /// The fleet file.
    pub fleet: Arc<ArcSwap<Fleet>>,
    /// Restart or upgrade.
    pub verb: Verb,
    /// On whose behalf.
    pub who: String,
}

impl Far for Distant {
    fn run<'a>(&'a self, host: &'a str, name: &'a str, cancel: CancellationToken) -> FarRun<'a> {
        Box::pin(async move {
            let plain = |why: String| (why, String::new());
            let fleet = self.fleet.load_full();
            let Some(agent) = fleet.agent(host) else {
                return Err(plain(format!("the fleet file names no agent of {host} any more")));
            };
            let identity =
                Identity::open(&fleet.state, identity::ROUTER).map_err(|error| plain(error.to_string()))?;
            let id = nonce().map_err(|error| plain(error.to_string()))?;
            let order = Order { id, verb: self.verb, name: name.to_owned(), who: self.who.clone() };
            let errand = Errand { identity, agent, order: What::Procedure(order) };
            match errand.run(&cancel).await {
                Ok(OrderState::Done { output }) => Ok(output),
                Ok(OrderState::Failed { why, output }) => Err((why, output)),
                Ok(OrderState::Refused { why }) => Err(plain(why)),
                Ok(OrderState::Unknown) => Err(plain(format!(
                    "the agent of {host} was started anew meanwhile and does not know how it ended; its log may"
                ))),
                Ok(OrderState::Running) => Err(plain("it was ended by order".to_owned())),
                Err(error) => Err(plain(error.to_string())),
            }
        })
    }
}

/// One order of an agent, and the way to it.
pub struct Errand {
    /// Who we are.
    pub identity: Identity,
    /// Who it is.
    pub agent: AgentAddress,
    /// What is to be done.
    pub order: What,
}

impl Errand {
    /// Gives the order and waits for its end; `Running` if it was ended and has not said so.
    ///
    /// # Errors
    /// It is refused, or the agent cannot be had.
    pub async fn run(&self, cancel: &CancellationToken) -> Result<OrderState, ClientError> {
        let (mut failed, mut client, mut given, mut wait) = (0, None, None, AT_FIRST);
        loop {
            match self.ask(&mut client, &mut given).await {
                Ok(OrderState::Running) => failed = 0,
                Ok(state) => return Ok(state),
                Err(error @ ClientError::Refused(..)) => return Err(error),
                Err(error) if failed >= TRIES || cancel.is_cancelled() => return Err(error),
                Err(error) => {
                    (client, failed) = (None, failed + 1);
                    tracing::debug!(%error, "an agent with an order gives no answer");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (2 * wait).min(EVERY),
                () = cancel.cancelled() => {
                    let ended = tokio::time::timeout(ENDING, self.end()).await;
                    return ended.unwrap_or(Ok(OrderState::Running));
                }
            }
        }
    }

    /// `given` is the life of the agent's process to which the order was given. To the same one it is given again, which
    /// it takes for one order; another is only asked after it, for it must not begin again.
    async fn ask(
        &self,
        client: &mut Option<Client>,
        given: &mut Option<String>,
    ) -> Result<OrderState, ClientError> {
        let client = match client {
            Some(client) => client,
            none => none.insert(Client::connect(&self.identity, self.agent).await?),
        };
        let life = client.greeting().life.clone();
        if *given.get_or_insert_with(|| life.clone()) == life {
            client.order(self.order.clone()).await
        } else {
            client.outcome(self.order.id()).await
        }
    }

    async fn end(&self) -> Result<OrderState, ClientError> {
        let mut client = Client::connect(&self.identity, self.agent).await?;
        let mut state = client.end(self.order.id()).await?;
        while state == OrderState::Running {
            tokio::time::sleep(EVERY).await;
            state = client.outcome(self.order.id()).await?;
        }
        Ok(state)
    }
}
