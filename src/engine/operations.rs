//! Restart and upgrade as orders: what they would mean, whether they may be done, and the hands by which they are.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::book::Book;
use super::common::Common;
use super::lifecycles::Lifecycles;
use crate::control::Answer;
use crate::model::{BeaconName, Clock, Consequences, Fleet, FleetStatus, JournalEntry, Operation, Verb};
use crate::ops::{Bounds, Hands, Ordering, Program, Runner, preflight};
use tokio_util::task::TaskTracker;

/// Begins and ends operations.
pub struct Operations {
    runner: Runner,
    fleet: Arc<ArcSwap<Fleet>>,
    status: watch::Receiver<Arc<FleetStatus>>,
}

impl Operations {
    /// None is running.
    pub fn new(
        common: &Common,
        status: watch::Receiver<Arc<FleetStatus>>,
        lifecycles: Arc<Lifecycles>,
        book: Arc<Book>,
    ) -> Self {
        let hands = EngineHands {
            lifecycles,
            book,
            shown: common.operations.clone(),
            clock: common.clock.clone(),
            tasks: common.tasks.clone(),
        };
        let runner = Runner::new(
            Arc::new(hands),
            status.clone(),
            common.clock.clone(),
            common.tasks.clone(),
            Bounds::default(),
        );
        Self { runner, fleet: common.fleet.clone(), status }
    }

    /// What taking a beacon out would mean; without a verb for a drain.
    pub fn preflight(&self, beacon: &BeaconName, verb: Option<Verb>) -> Consequences {
        let fleet = self.fleet.load();
        let configured = verb.is_none_or(|verb| {
            fleet.beacons.iter().any(|one| one.name == *beacon && one.procedure(verb).is_some())
        });
        preflight(&self.status.borrow(), &self.runner.operations(), beacon, verb, configured)
    }

    /// Begins an operation unless the preflight speaks against it; `force` takes the last healthy beacon out too.
    pub fn begin(&self, verb: Verb, beacon: &BeaconName, force: bool, who: &str) -> Answer {
        let told = self.preflight(beacon, Some(verb));
        if let Some(message) = told.refusal {
            return Answer::Refused { message };
        }
        if told.last_healthy && !force {
            let message = format!("{beacon} is the last healthy beacon; {verb} it all the same with --force");
            return Answer::Refused { message };
        }
        let fleet = self.fleet.load();
        let procedure =
            fleet.beacons.iter().find(|one| one.name == *beacon).and_then(|one| one.procedure(verb));
        // Between the preflight and now the fleet file may have been reloaded.
        let Some(procedure) = procedure.cloned() else {
            let message = format!("the fleet file no longer says how to {verb} {beacon}");
            return Answer::Refused { message };
        };
        match self.runner.begin(verb, beacon, who, Program::new(procedure)) {
            Ok(_) => Answer::Done { message: format!("{verb} of {beacon} has begun") },
            Err(message) => Answer::Refused { message },
        }
    }

    /// Ends the operation at a beacon.
    pub fn abort(&self, beacon: &BeaconName, who: &str) -> Answer {
        match self.runner.abort(beacon, who) {
            Ok(message) => Answer::Done { message },
            Err(message) => Answer::Refused { message },
        }
    }
}

/// Reaches pool, journal and status.
struct EngineHands {
    lifecycles: Arc<Lifecycles>,
    book: Arc<Book>,
    shown: Arc<ArcSwap<Vec<Operation>>>,
    clock: Clock,
    tasks: TaskTracker,
}

impl Hands for EngineHands {
    fn order<'a>(&'a self, beacon: &'a BeaconName, drain: bool, who: &'a str) -> Ordering<'a> {
        Box::pin(async move {
            match self.lifecycles.order(beacon, drain, who).await {
                Answer::Done { .. } => Ok(()),
                Answer::Refused { message } | Answer::Failed { message } => Err(message),
                other => Err(format!("the pool answered {other:?}")),
            }
        })
    }

    fn changed(&self, operations: &[Operation], changed: &Operation) {
        self.shown.store(Arc::new(operations.to_vec()));
        let Some((_, _, outcome)) = &changed.end else { return };
        tracing::info!(beacon = %changed.beacon, verb = %changed.verb, who = %changed.who, %outcome, "operation ended");
        let entry = JournalEntry {
            id: 0,
            at: (self.clock)().wall,
            who: changed.who.clone(),
            what: format!("{} ended", changed.verb),
            target: Some(changed.beacon.to_string()),
            order: None,
            outcome: outcome.clone(),
        };
        let book = self.book.clone();
        self.tasks.spawn(async move { book.append(entry).await });
    }
}
