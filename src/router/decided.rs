//! Attestation data decided once: who asks the same shares one read, and one answer stands for all.
//!
//! Which answer stands is the guard's business; here are the reads. Beacons are known by name: answers outlive a fleet
//! file.

use std::sync::{Arc, Mutex};

use hyper::StatusCode;

use super::flight::{Flights, Joined};
use super::flow::{Case, Flowed};
use super::kept::Kept;
use super::memory::lock;
use super::replies::gave_up;
use super::run::{self, Finished, Plan, Tried};
use super::signable::Question;
use super::upstream::Ask;
use super::{Router, answer, canary, quorum, shadow};
use crate::chain::Era;
use crate::guard::{self, AttestationData, Board, Heard, Marks, Refusal, Stage, Topic};
use crate::model::{BeaconId, Root, Shared, UnixMs};
use crate::pool::Table;

/// What a beacon said.
struct Said {
    kept: Kept,
    /// None if it is an error.
    data: Option<AttestationData>,
}

/// What a read brought, for all who wait for it.
#[derive(Clone, Default)]
struct Brought {
    /// What stands then.
    said: Option<Arc<Said>>,
    /// Whether what stands was there before.
    was_there: bool,
    /// Why nobody may be given any.
    halted: Option<Arc<str>>,
    tried: Tried,
}

/// Answers that stand, and reads under way.
#[derive(Default)]
pub struct Decided {
    /// Whose turn it is to be asked of one more beacon.
    pub canaries: canary::Turns,
    board: Mutex<Board<Arc<Said>>>,
    /// Reads under way, by what is asked, about which head, and whether the question is closed.
    flights: Flights<(Topic, Option<Root>, bool), Brought>,
}

impl Decided {
    /// Whether data may be given after what was given before.
    ///
    /// # Errors
    /// Its source goes back.
    pub fn allows(&self, data: &AttestationData) -> Result<(), Refusal> {
        lock(&self.board).allows(data)
    }

    /// What holds on the chain of this genesis after what was signed.
    pub fn marks(&self, genesis: UnixMs) -> Option<Marks> {
        lock(&self.board).marks(genesis)
    }

    /// Another process learned so much.
    pub fn raise(&self, genesis: UnixMs, marks: &Marks) {
        lock(&self.board).raise(genesis, marks);
    }

    /// Whether a slot may be asked about after what was signed.
    ///
    /// # Errors
    /// Later ones were signed.
    pub fn question(&self, question: &Question) -> Result<(), Refusal> {
        lock(&self.board).question(question.genesis, question.slot)
    }
}

/// A client publishes attestations: it gets no other data for their slot. What the first of them says.
pub fn signed(router: &Router, ask: &Ask, case: Case, table: &Table) -> Option<AttestationData> {
    let since = |slot| table.clock.as_ref().is_some_and(|clock| clock.era_of(slot) != Era::Committee);
    let vote = AttestationData::of_published(&ask.body, case.ssz, since(case.slot))?;
    lock(&router.memory.decided().board).signed(case.client, vote.slot);
    Some(vote)
}

/// A beacon took attestations of which the first says this.
pub fn took(router: &Router, vote: &AttestationData, table: &Table) {
    let Some(clock) = &table.clock else { return };
    let (slot, epoch) = (vote.slot, clock.epoch_of(vote.slot));
    let ahead = clock.slot_at((router.clock())().wall).is_none_or(|present| slot.0 > present.0 + 1);
    if !ahead && guard::answer(vote, (slot, epoch), Some(vote.index), clock.era_of(slot)).is_ok() {
        lock(&router.memory.decided().board).took(vote);
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
    let topic = question.topic();
    let closed = (router.clock())().wall >= question.closes;
    let stage = Stage { head: case.head.map(|head| head.root), closed };
    let decided = router.memory.decided();
    let standing = || lock(&decided.board).standing(case.client, topic, stage).transpose();
    let read = || {
        let ticket = lock(&decided.board).ticket();
        let steady = question.is_steady(case.head);
        let reader = Reader { question, steady, topic, stage, ticket, order: order.to_vec(), fresh, plan };
        reader.read(router.clone(), ask.clone())
    };
    let flight = match decided.flights.join((topic, stage.head, stage.closed), standing, read) {
        Joined::Stands(Err(refusal)) => {
            return Flowed::own(answer::error(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()));
        }
        Joined::Stands(Ok(said)) => {
            return Flowed { shared: Some(Shared::Decided), ..give(router, case, &said, Tried::default()) };
        }
        Joined::Waits(flight) => flight,
    };
    let (begun, joined) = (flight.begun, flight.shared());
    if begun {
        shadow::repeat(router, &ask, table, plan.attempt);
    }
    let Brought { said, was_there, halted, tried } = flight.landed().await.unwrap_or_default();
    let counted = tried.counted(begun);
    let Some(said) = said else {
        let response = match halted {
            Some(why) => answer::error(StatusCode::SERVICE_UNAVAILABLE, &why),
            None => gave_up(router, ask.row, &tried),
        };
        return Flowed { shared: joined, ..Flowed::fetched(response, None, counted) };
    };
    if begun && let Some(by) = router.place(&said.kept.beacon) {
        canary::repeat(router, &ask, case, by, table, plan.attempt);
    }
    let given = match said.data {
        Some(data) => lock(&decided.board).hand(case.client, topic, data, said.clone()),
        None => said.clone(),
    };
    let stood = was_there || !Arc::ptr_eq(&given, &said);
    let shared = if stood { Some(Shared::Decided) } else { joined };
    Flowed { shared, ..give(router, case, &given, counted) }
}

/// One read for all who ask the same.
struct Reader {
    question: Question,
    steady: bool,
    topic: Topic,
    stage: Stage,
    ticket: u64,
    order: Vec<BeaconId>,
    fresh: usize,
    plan: Plan,
}

impl Reader {
    async fn read(self, router: Arc<Router>, ask: Arc<Ask>) -> Brought {
        let Self { question, steady, topic, stage, ticket, order, fresh, plan } = self;
        let usable = |by, reply: &_| question.takes(&router, by, reply);
        let Finished { reply, mut tried } =
            run::sequence(&router.lane, &ask, &order, fresh, plan, usable).await;
        let reply = match reply {
            Some(first) => {
                let given = quorum::confirm(&router, &ask, question, first, &order, plan, &mut tried).await;
                match given {
                    Ok(given) => Some(given),
                    Err(why) => return Brought { halted: Some(why.into()), tried, ..Brought::default() },
                }
            }
            None => None,
        };
        let decided = router.memory.decided();
        let said = reply.map(|(by, reply)| {
            let kept = Kept::of(&router, by, reply);
            let good = kept.status.is_success();
            let data = good.then(|| AttestationData::of(&kept.body, kept.is_ssz())).flatten();
            Arc::new(Said { kept, data })
        });
        let settle = |said: &Arc<Said>| match said.data {
            Some(data) => {
                let (by, alone) = (said.kept.beacon.clone(), order.len() == 1);
                let heard = Heard { ticket, stage, data, steady, by, alone };
                lock(&decided.board).settle(topic, heard, said.clone())
            }
            None => Some(said.clone()),
        };
        let stands = said.as_ref().and_then(settle);
        let was_there = stands.as_ref().zip(said.as_ref()).is_some_and(|(old, new)| !Arc::ptr_eq(old, new));
        Brought { said: stands, was_there, halted: None, tried }
    }
}

/// What was said, in the form this client asked for.
fn give(router: &Router, case: Case, said: &Said, tried: Tried) -> Flowed {
    match said.data.filter(|_| said.kept.is_ssz() != case.wants_ssz) {
        None => said.kept.give(router, tried),
        Some(data) if case.wants_ssz => {
            said.kept.give_as(router, "application/octet-stream", data.ssz().into(), tried)
        }
        Some(data) => said.kept.give_as(router, "application/json", data.json().into(), tried),
    }
}
