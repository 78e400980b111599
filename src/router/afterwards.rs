//! What goes on after an answer: attempts that run on, and the record that waits for them.

use std::sync::Arc;

use bytes::Bytes;

use super::flow::{Case, lists_duties};
use super::run::{Laggards, Tried};
use super::seeding::Given;
use super::upstream::{Ask, Reply};
use super::{Exchange, Router};
use crate::model::{Attempt, BeaconId, BeaconSet, Outcome, Trace};

/// Attempts that run on, and the record that waits for them.
pub struct Afterwards {
    router: Arc<Router>,
    ask: Arc<Ask>,
    case: Case,
    laggards: Laggards,
    took: BeaconSet,
    given: Option<Arc<Given>>,
    answer: Bytes,
    answer_ssz: bool,
}

impl Afterwards {
    /// The record of a publication that some took, and whose laggards run on.
    pub(super) fn of_broadcast(
        router: &Arc<Router>,
        ask: Arc<Ask>,
        case: Case,
        (laggards, took): (Laggards, BeaconSet),
        given: Option<Arc<Given>>,
    ) -> Self {
        let router = router.clone();
        Self { router, ask, case, laggards, took, given, answer: Bytes::new(), answer_ssz: false }
    }

    /// The record of an answer that is read, and whether it is SSZ.
    pub(super) fn of_answer(
        router: &Arc<Router>,
        ask: &Arc<Ask>,
        case: Case,
        by: BeaconId,
        (answer, answer_ssz): (Bytes, bool),
    ) -> Self {
        let (router, ask, laggards) = (router.clone(), ask.clone(), Laggards::default());
        let mut took = BeaconSet::default();
        took.add(by);
        Self { router, ask, case, laggards, took, given: None, answer, answer_ssz }
    }

    /// The answer's body, where it is read.
    pub(super) fn answer(&self) -> &Bytes {
        &self.answer
    }

    /// The record of a list of duties, if the ledger keeps such.
    pub(super) fn of_duties(
        router: &Arc<Router>,
        ask: &Arc<Ask>,
        case: Case,
        by: BeaconId,
        answer: Bytes,
    ) -> Option<Self> {
        lists_duties(ask.row).then(|| Self::of_answer(router, ask, case, by, (answer, false)))
    }

    /// Lets the laggards run on, then hands over the trace and what passed.
    pub fn spawn(self, trace: Trace) {
        if self.laggards.is_empty() {
            return self.finish(trace);
        }
        self.router.lasting.clone().spawn(self.wait(trace));
    }

    async fn wait(mut self, mut trace: Trace) {
        let mut tried = Tried { kept: trace.tried, count: trace.attempts };
        let laggards = std::mem::take(&mut self.laggards);
        let (router, ask) = (self.router.clone(), self.ask.clone());
        let tell = |(attempt, reply): (Attempt, Option<Reply>)| {
            tried.end(attempt);
            let success = reply.is_some_and(|reply| reply.status.is_success());
            if success || attempt.outcome == Outcome::AlreadyKnown {
                self.took.add(attempt.beacon);
                router.told(attempt.beacon, &ask, self.given.as_deref());
                if let Some(block) = &ask.block {
                    router.memory.blocks().took(block);
                }
            }
        };
        laggards.finish(&router.lane, &ask, &router.turns, tell).await;
        trace.tried = tried.kept;
        trace.attempts = tried.count;
        self.finish(trace);
    }

    fn finish(self, trace: Trace) {
        self.router.sink.trace(trace);
        self.router.sink.exchange(Exchange {
            trace: trace.id,
            row: self.case.id,
            client: self.case.client,
            slot: self.case.slot,
            at: self.ask.arrived,
            request: self.ask.body.clone(),
            request_ssz: self.case.ssz,
            answer: self.answer,
            answer_ssz: self.answer_ssz,
            beacons: self.took,
        });
    }
}
