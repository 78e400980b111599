//! Looking at this machine again and again: what was found, with what is remembered between two looks.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::audit::{ClockSeen, audit, clock_of, collect, roles_of};
use super::beside::Beside;
use super::check::Role;
use super::clock::{Step, Steps};
use super::finding::Finding;
use super::limit::Overrides;
use super::live::Live;
use super::source::{Ask, Reading};
use crate::model::UnixMs;

/// Time between the two halves of a look: counters are seen to move.
const MOVES: Duration = Duration::from_secs(5);

/// What was found here.
#[derive(Debug, Clone)]
pub struct Found {
    /// When.
    pub at: UnixMs,
    /// What the machine is for.
    pub roles: Vec<Role>,
    /// What each check says.
    pub findings: Arc<Vec<Finding>>,
    /// The clock; none if nobody says anything of it.
    pub clock: Option<ClockSeen>,
    /// Steps of it since this process looks.
    pub steps: Vec<Step>,
}

/// Looks, and remembers.
#[derive(Debug)]
pub struct Looker {
    roles: Vec<Role>,
    root: PathBuf,
    steps: Steps,
}

impl Looker {
    /// At the machine whose `/` is this directory, for these roles; if there are none, those of what runs there.
    pub fn below(root: impl Into<PathBuf>, roles: Vec<Role>) -> Self {
        Self { root: root.into(), roles, steps: Steps::default() }
    }

    /// Looks twice and judges; blocks for as long as that takes. `had` are readings that were had otherwise.
    pub fn look(
        &mut self,
        limits: &Overrides,
        had: impl IntoIterator<Item = (Ask, Reading)>,
        now: &dyn Fn() -> UnixMs,
    ) -> Found {
        let live = Live::new(&self.root);
        let beside = Beside::new(&live);
        for (ask, reading) in had {
            beside.put(ask, reading);
        }
        let record = collect(&beside, || thread::sleep(MOVES));
        let clock = clock_of(&record, limits);
        for glance in clock.iter().flat_map(|clock| &clock.glances) {
            self.steps.take(*glance);
        }
        let roles = if self.roles.is_empty() { roles_of(&record) } else { self.roles.clone() };
        let findings = Arc::new(audit(&record, &roles, limits));
        Found { at: now(), roles, findings, clock, steps: self.steps.since(UnixMs(0)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Worst;

    #[test]
    fn this_machine_is_looked_at_twice_and_what_was_had_otherwise_is_judged_with_it() {
        let mut looker = Looker::below("/", Vec::new());
        let durable =
            (crate::host::durable::Durable::ask(), Err(crate::host::Unread::Failed("no room".into())));
        let found = looker.look(&Overrides::new(), [durable], &|| UnixMs(7));
        assert_eq!((found.at, found.steps.len()), (UnixMs(7), 0));
        let probe = found.findings.iter().find(|finding| finding.id == "disk.fsync_probe").unwrap();
        assert_eq!(probe.verdict.worst(), Worst::Unknown, "{probe}");
        assert!(found.findings.len() > 40, "{}", found.findings.len());
    }
}
