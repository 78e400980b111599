//! Who writes on a host: serve itself on its own machine, else the agent that the fleet file names.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::Remedies;
use super::judge::Known;
use crate::engine::distant::Errand;
use crate::engine::fixer::{Fixer, Outcome, Wanted, audit, by_hand};
use crate::engine::hosts::is_here;
use crate::host::agent::words::{OrderState, RemedyOrder, What};
use crate::host::agent::{Client, ClientError, Identity, identity, nonce};
use crate::host::check_of;
use crate::model::{AgentAddress, RemedyAsked, RemedyDraft, RemedyVerb};

/// The state directory that an agent has unless its file says otherwise: where the command run by hand finds its journal.
const OF_AGENT: &str = crate::config::AGENT_STATE;

/// See the module.
pub enum Site {
    /// This machine.
    Here(Fixer),
    /// Another.
    Agent(Box<Distance>),
}

/// The way to an agent.
pub struct Distance {
    host: String,
    agent: AgentAddress,
    identity: Identity,
    /// What does by hand what it does not do.
    by_hand: Vec<String>,
}

/// Why not, and what does it by hand.
type Instead = (String, Vec<String>);

impl Remedies {
    /// Who writes on the host of an order.
    pub(super) fn site(&self, asked: &RemedyAsked, known: &Known) -> Result<Site, Instead> {
        let RemedyAsked { verb, host, check } = asked;
        if is_here(&known.fleet, host) {
            return Ok(Site::Here(self.fixer.clone()));
        }
        let hosts = &known.status.hosts;
        let Some(found) = hosts.iter().find(|of| of.name == *host) else {
            let names: Vec<&str> = hosts.iter().map(|of| of.name.as_str()).collect();
            return Err((format!("there is no host {host}; there are {}", names.join(", ")), Vec::new()));
        };
        let of = found.findings.iter().filter(|of| of.check == *check && *verb == RemedyVerb::Fix);
        let by_hand = by_hand(of.map(|of| [of.remedy.as_str(), of.persistent.as_str()]));
        if !by_hand.is_empty() && check_of(check).is_some_and(|of| !of.is_written()) {
            let why = format!("{check} is not for a program to write; by hand, on {host}:");
            return Err((why, by_hand));
        }
        let commands = |state: &str| -> Vec<String> {
            std::iter::once(audit(verb.word(), check, Path::new(state))).chain(by_hand).collect()
        };
        let Some(agent) = known.fleet.agent(host) else {
            let why = format!("{host} is not the machine serve runs on, and has no agent; as root, on it:");
            return Err((why, commands(crate::config::STATE)));
        };
        let identity = Identity::open(&known.fleet.state, identity::ROUTER)
            .map_err(|error| (format!("no agent can be asked: {error}"), Vec::new()))?;
        let (host, by_hand) = (host.clone(), commands(OF_AGENT));
        Ok(Site::Agent(Box::new(Distance { host, agent, identity, by_hand })))
    }
}

impl Site {
    /// What an order would do.
    pub async fn draft(&self, asked: &RemedyAsked) -> RemedyDraft {
        match self {
            Self::Here(fixer) => fixer.draft(asked.verb, &asked.check).await,
            Self::Agent(distance) => match distance.draft(asked).await {
                Ok(draft) => draft,
                Err(why) => RemedyDraft {
                    refusal: Some(format!("{why}; as root, on {}:", distance.host)),
                    commands: distance.by_hand.clone(),
                    ..RemedyDraft::default()
                },
            },
        }
    }

    /// Has an order carried out, to its end.
    pub async fn order(&self, wanted: Wanted, cancel: &CancellationToken) -> Outcome {
        match self {
            Self::Here(fixer) => fixer.order(wanted, cancel).await,
            Self::Agent(distance) => distance.order(wanted, cancel).await,
        }
    }
}

impl Distance {
    async fn draft(&self, asked: &RemedyAsked) -> Result<RemedyDraft, String> {
        let told = async {
            let mut client = Client::connect(&self.identity, self.agent).await?;
            if !client.greeting().allows.remedy(&asked.check) {
                return Ok(None);
            }
            client.draft(asked.verb, &asked.check).await.map(Some)
        };
        match told.await.map_err(|error: ClientError| error.to_string())? {
            Some(draft) => Ok(draft),
            None => Err(format!(
                "the file of the agent on {} does not allow it (`remedies: [{}]` there, and a restart of the agent)",
                self.host, asked.check
            )),
        }
    }

    async fn order(&self, wanted: Wanted, cancel: &CancellationToken) -> Outcome {
        let Wanted { verb, check, seal, who } = wanted;
        let id = match nonce() {
            Ok(id) => id,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let host = &self.host;
        tracing::info!(%host, %verb, %check, %who, "the agent of a host is given an order about a remedy");
        let order = What::Remedy(RemedyOrder { id, verb, check, seal, who });
        let errand = Errand { identity: self.identity.clone(), agent: self.agent, order };
        match errand.run(cancel).await {
            Ok(OrderState::Done { output }) => Outcome::Done(output),
            Ok(OrderState::Failed { why, .. }) => Outcome::Failed(why),
            Ok(OrderState::Unknown) => Outcome::Failed(format!(
                "the agent of {host} was started anew meanwhile: what it had begun it has taken back, its log says so"
            )),
            Ok(OrderState::Running) => {
                Outcome::Failed(format!("serve stops; what nobody keeps the agent of {host} takes back"))
            }
            Ok(OrderState::Refused { why }) | Err(ClientError::Refused(_, why)) => Outcome::Refused(why),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}
