//! What was found on the machine and what was written there, as routers are told: anew after each look, and as soon as a remedy
//! is begun, kept or taken back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::engine::hosts::Machine;
use crate::host::agent::Looked;
use crate::host::agent::words::Report;
use crate::host::{Finding, Found, shown};
use crate::model::AgentFile;

/// Who tells.
pub struct Reports {
    machine: Arc<Machine>,
    state: PathBuf,
    /// Checks whose remedies may be ordered; the others' are for a person.
    remedies: Vec<String>,
}

impl Reports {
    /// Of a machine, by the agent's file.
    pub fn new(file: &AgentFile, machine: Arc<Machine>) -> Self {
        Self { machine, state: file.state.clone(), remedies: file.remedies.clone() }
    }

    /// Tells until `cancel`.
    pub async fn run(self, looked: watch::Sender<Option<Looked>>, cancel: CancellationToken) {
        let mut last: Option<(Arc<Found>, Instant)> = None;
        for number in 1.. {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.machine.changed() => {}
            }
            let Some(found) = self.machine.found() else { continue };
            let at = match &last {
                Some((before, at)) if before.at == found.at => *at,
                _ => Instant::now(),
            };
            let report = self.report(&found, number).await;
            looked.send_replace(Some(Looked { report, at }));
            last = Some((found, at));
        }
    }

    async fn report(&self, found: &Found, number: u64) -> Report {
        let remedies = self.machine.remedies(&self.state).await;
        let all: Vec<&Finding> = found.findings.iter().collect();
        let mut findings = shown::findings(&all);
        for finding in &mut findings {
            finding.writes &= self.remedies.contains(&finding.check);
        }
        Report {
            look: number,
            age_ms: 0,
            roles: found.roles.iter().map(|role| role.word().to_owned()).collect(),
            findings,
            classes: shown::classes(&all),
            clock: shown::clock(found),
            remedies,
        }
    }
}
