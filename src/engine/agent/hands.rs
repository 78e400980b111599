//! What an agent's file allows: programs and units by name, remedies by their check.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::engine::fixer::{Fixer, Outcome, Wanted};
use crate::host::agent::words::{Allows, OrderState, RemedyOrder, shown};
use crate::host::agent::{Drafting, Hands, Run};
use crate::model::{AgentFile, RemedyVerb, Verb};
use crate::ops::{Far, FarRun, Program};

/// What the agent's file names, and who writes.
pub struct Allowed {
    /// The file.
    pub file: AgentFile,
    /// The writer.
    pub fixer: Fixer,
}

impl Hands for Allowed {
    fn allows(&self) -> Allows {
        let names = |verb| self.file.procedures(verb).keys().cloned().collect();
        Allows {
            restart: names(Verb::Restart),
            upgrade: names(Verb::Upgrade),
            remedies: self.file.remedies.clone(),
        }
    }

    fn run(&self, verb: Verb, name: &str, cancel: CancellationToken) -> Option<Run> {
        let program = Program::new(self.file.procedures(verb).get(name)?.clone(), Arc::new(Nobody));
        Some(Box::pin(async move {
            match program.run(cancel).await {
                Ok(output) => OrderState::Done { output },
                Err((error, output)) => OrderState::Failed { why: error.to_string(), output },
            }
        }))
    }

    fn draft<'a>(&'a self, verb: RemedyVerb, check: &'a str) -> Drafting<'a> {
        Box::pin(self.fixer.draft(verb, check))
    }

    fn remedy(&self, order: RemedyOrder, cancel: CancellationToken) -> Run {
        let fixer = self.fixer.clone();
        let RemedyOrder { verb, check, seal, who, .. } = order;
        Box::pin(async move {
            let wanted = Wanted { verb, check, seal, who: shown(&who) };
            match fixer.order(wanted, &cancel).await {
                Outcome::Done(output) => OrderState::Done { output },
                Outcome::Refused(why) => OrderState::Refused { why },
                Outcome::Failed(why) => OrderState::Failed { why, output: String::new() },
            }
        })
    }
}

/// An agent asks no other; its file cannot name one.
struct Nobody;

impl Far for Nobody {
    fn run<'a>(&'a self, host: &'a str, _: &'a str, _: CancellationToken) -> FarRun<'a> {
        Box::pin(async move { Err((format!("an agent does not reach {host}"), String::new())) })
    }
}
