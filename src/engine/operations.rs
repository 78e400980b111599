//! Restart and upgrade as orders: what they would mean, whether they may be done, and the hands by which they are.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::book::Book;
use super::common::Common;
use super::distant::Distant;
use super::lifecycles::Lifecycles;
use crate::control::Answer;
use crate::model::{
    Ahead, BeaconName, Clock, Consequences, Fleet, FleetStatus, Intent, JournalEntry, Operation, Slot, Verb,
};
use crate::ops::{Bounds, Hands, Ordering, Program, Question, Runner, preflight};
use crate::router::Desk;
use tokio_util::task::TaskTracker;

/// Begins and ends operations.
pub struct Operations {
    runner: Runner,
    fleet: Arc<ArcSwap<Fleet>>,
    status: watch::Receiver<Arc<FleetStatus>>,
    desk: Arc<Desk>,
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
        Self { runner, fleet: common.fleet.clone(), status, desk: common.desk.clone() }
    }

    /// What an order would mean.
    pub fn preflight(&self, intent: Intent, beacons: &[BeaconName]) -> Consequences {
        let file = self.fleet.load();
        let fleet = self.status.borrow().clone();
        let without = file
            .beacons
            .iter()
            .filter(|beacon| intent.verb().is_some_and(|verb| beacon.procedure(verb).is_none()));
        preflight(&Question {
            intent,
            beacons,
            ahead: self.ahead(&fleet),
            fleet: &fleet,
            operations: &self.runner.operations(),
            unconfigured: &without.map(|beacon| beacon.name.clone()).collect::<Vec<_>>(),
        })
    }

    /// Duties of this and the next epoch, as clients have told.
    fn ahead(&self, fleet: &FleetStatus) -> Ahead {
        let slots = fleet.traffic.timing.as_ref().map_or(0, |timing| timing.slots_per_epoch);
        let (Some(slot), Some(epoch)) = (fleet.slot, fleet.epoch) else { return Ahead::default() };
        let last = Slot((epoch.0 + 2) * slots).0.saturating_sub(1);
        self.desk.with(|book| book.ahead(slot..=Slot(last), epoch))
    }

    /// Begins an operation unless the preflight speaks against it; `force` takes the last healthy beacon out too.
    pub fn begin(&self, verb: Verb, beacon: &BeaconName, force: bool, who: &str) -> Answer {
        let told = self.preflight(verb.into(), std::slice::from_ref(beacon));
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
        let far = Distant { fleet: self.fleet.clone(), verb, who: who.to_owned() };
        match self.runner.begin(verb, beacon, who, Program::new(procedure, Arc::new(far))) {
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
            match self.book.keep(self.lifecycles.order(beacon, drain, who).await).await {
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
