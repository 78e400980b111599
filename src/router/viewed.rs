//! Questions about the head that bind nobody: the root that sync committees sign, and whether its payload was seen. Who
//! asks the same shares one read, and one answer stands for all, as with attestation data.
//!
//! Which answer stands is the guard's business; here are the questions and the reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use serde::Deserialize;

use super::flight::{Flights, Joined};
use super::flow::{Case, Flowed};
use super::kept::Kept;
use super::memory::lock;
use super::replies::gave_up;
use super::run::{self, Finished, Plan, Tried};
use super::upstream::{Ask, Reply};
use super::{Router, head, shadow};
use crate::chain::Era;
use crate::endpoint::Found;
use crate::guard::{self, PayloadData, Refusal, Stage, Views};
use crate::model::{BeaconId, Moment, Root, Shared, Slot, Step, UnixMs};
use crate::pool::Table;

/// The answer stays from this part of a slot after its due point on.
const CLOSES: u64 = 12;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum View {
    /// The head's root, in this slot; `late` once the sync committee's messages of the slot have been gathered.
    Root { slot: Slot, late: bool },
    /// Whether the payload of this slot's block was seen, in this form.
    Payload { slot: Slot, ssz: bool },
}

/// A question, read once.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    view: View,
    /// From then on its answer stays; never if there is none.
    closes: Option<UnixMs>,
}

impl Question {
    /// Reads it; none if this is another one, or no chain is known yet.
    ///
    /// # Errors
    /// It must not be answered.
    pub fn read(found: &Found<'_>, ssz: bool, table: &Table, now: Moment) -> Result<Option<Self>, Refusal> {
        let Some(clock) = &table.clock else { return Ok(None) };
        let present = clock.slot_at(now.wall).unwrap_or_default();
        let closes = |slot, step| UnixMs(clock.due(slot, step).0 + clock.slot_ms(slot) / CLOSES);
        match (found.row.name, found.slot()) {
            ("getBlockRoot", _) if found.params.get("block_id") == Some("head") => {
                let late = now.wall >= clock.due(present, Step::Contribution);
                let view = View::Root { slot: present, late };
                Ok(Some(Self { view, closes: (!late).then(|| closes(present, Step::SyncMessage)) }))
            }
            ("producePayloadAttestationData" | "producePayloadAttestationData (path)", Some(slot))
                if clock.era_of(slot) == Era::Payload =>
            {
                guard::question(slot, None, present, Era::Payload)?;
                let closes = Some(closes(slot, Step::PayloadAttest));
                Ok(Some(Self { view: View::Payload { slot, ssz }, closes }))
            }
            _ => Ok(None),
        }
    }

    /// The head an answer is about, and whether it changes by the head alone; none if it is no answer to this.
    fn about(self, status: StatusCode, body: &[u8], ssz: bool) -> Option<(Root, bool)> {
        match self.view {
            View::Root { .. } => root(body).map(|root| (root, true)),
            View::Payload { slot, .. } => {
                let data = PayloadData::of(body, ssz).filter(|data| data.slot == slot);
                data.filter(|_| status == StatusCode::OK).map(|data| (data.head, data.is_complete()))
            }
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Rooted,
}

#[derive(Deserialize)]
struct Rooted {
    root: Root,
}

fn root(body: &[u8]) -> Option<Root> {
    serde_json::from_slice::<Answer>(body).ok().map(|answer| answer.data.root)
}

/// What a read brought, for all who wait for it.
#[derive(Clone, Default)]
struct Brought {
    kept: Option<Arc<Kept>>,
    /// Whether what stands then was there before.
    was_there: bool,
    tried: Tried,
}

type Asked = (View, Option<Root>, bool);

/// Answers that stand, and reads under way.
#[derive(Default)]
pub struct Viewed {
    views: Mutex<Views<View, Arc<Kept>>>,
    flights: Flights<Asked, Brought>,
}

impl Viewed {
    fn views(&self) -> MutexGuard<'_, Views<View, Arc<Kept>>> {
        lock(&self.views)
    }
}

/// Answers a question: by what stands, by the read that is under way, or by a read of its own.
pub async fn ask(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    case: Case,
    question: Question,
    (order, fresh): (&[BeaconId], usize),
    plan: Plan,
    table: &Table,
) -> Flowed {
    let closed = question.closes.is_some_and(|closes| (router.clock())().wall >= closes);
    let stage = Stage { head: case.head.map(|head| head.root), closed };
    let viewed = router.memory.viewed();
    let standing = || viewed.views().standing(question.view, stage);
    let read = || {
        let ticket = viewed.views().ticket();
        let having = having(question, table);
        let mut order = order.to_vec();
        order.sort_by_key(|id| !having.contains(id));
        let reader = Reader { question, stage, ticket, order, having, fresh, plan };
        reader.read(router.clone(), ask.clone())
    };
    let flight = match viewed.flights.join((question.view, stage.head, closed), standing, read) {
        Joined::Stands(kept) => {
            return Flowed { shared: Some(Shared::Decided), ..kept.give(router, Tried::default()) };
        }
        Joined::Waits(flight) => flight,
    };
    let (begun, joined) = (flight.begun, flight.shared());
    if begun {
        shadow::repeat(router, &ask, table, plan.attempt);
    }
    let Brought { kept, was_there, tried } = flight.landed().await.unwrap_or_default();
    let counted = tried.counted(begun);
    let shared = if was_there { Some(Shared::Decided) } else { joined };
    let flowed = match kept {
        Some(kept) => kept.give(router, counted),
        None => Flowed::fetched(gave_up(router, ask.row, &tried), None, counted),
    };
    Flowed { shared, ..flowed }
}

/// Beacons that have the block a question is about: who has none says nothing about its payload.
fn having(question: Question, table: &Table) -> Vec<BeaconId> {
    let View::Payload { slot, .. } = question.view else { return Vec::new() };
    let has = table.entries.iter().filter(|entry| entry.head.is_some_and(|head| head.slot == slot));
    has.map(|entry| entry.id).collect()
}

/// One read for all who ask the same.
struct Reader {
    question: Question,
    stage: Stage,
    ticket: u64,
    order: Vec<BeaconId>,
    having: Vec<BeaconId>,
    fresh: usize,
    plan: Plan,
}

impl Reader {
    async fn read(self, router: Arc<Router>, ask: Arc<Ask>) -> Brought {
        let Self { question, stage, ticket, order, having, fresh, plan } = self;
        let nothing = Mutex::new(None);
        let usable = |by: BeaconId, reply: &Reply| {
            if reply.status == StatusCode::NO_CONTENT {
                lock(&nothing).get_or_insert_with(|| Kept::copy(&router, by, reply));
                // Another one has seen the block.
                return having.iter().all(|id| *id == by);
            }
            let ssz = head::is_ssz(&reply.headers, &CONTENT_TYPE);
            let good =
                question.about(reply.status, reply.bytes().map_or(&[][..], |body| &body[..]), ssz).is_some();
            if !good {
                tracing::warn!(
                    beacon = router.name(by),
                    path = ask.path.as_str(),
                    "no answer to this; refused"
                );
            }
            good
        };
        let Finished { reply, tried } = run::sequence(&router.lane, &ask, &order, fresh, plan, usable).await;
        let kept = reply.map(|(by, reply)| Kept::of(&router, by, reply));
        let nothing = nothing.into_inner().unwrap_or_else(PoisonError::into_inner);
        // That there is no block is an answer; that one could not say is none.
        let kept =
            kept.filter(|kept| kept.status.is_success() || nothing.is_none()).or(nothing).map(Arc::new);
        let Some(new) = kept.clone().filter(|kept| kept.status.is_success()) else {
            return Brought { kept, was_there: false, tried };
        };
        let about = question.about(new.status, &new.body, new.is_ssz()).filter(|(_, steady)| *steady);
        let about = about.map(|(head, _)| head);
        let stands = router.memory.viewed().views().settle(question.view, ticket, stage, about, new.clone());
        Brought { was_there: !Arc::ptr_eq(&stands, &new), kept: Some(stands), tried }
    }
}
