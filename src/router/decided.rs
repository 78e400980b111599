//! Attestation data decided once: who asks the same shares one read, and one answer stands for all.
//!
//! Which answer stands is the guard's business; here are the reads that are under way. A read runs in a task of its own:
//! whoever waits for it may hang up. Beacons are known by name: answers outlive a fleet file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use tokio::sync::watch;

use super::body::Answer;
use super::flow::{Case, Flowed};
use super::replies::{gave_up, soften};
use super::run::{self, Finished, Plan, Tried};
use super::signable::Question;
use super::upstream::Ask;
use super::{Router, head, shadow};
use crate::chain::Era;
use crate::guard::{AttestationData, Board, Marks, Refusal, Stage, Topic};
use crate::model::{BeaconId, BeaconName, Root, UnixMs};
use crate::pool::Table;

/// What a beacon said.
struct Said {
    beacon: BeaconName,
    label: HeaderValue,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// None if it is an error.
    data: Option<AttestationData>,
}

/// What a read brought, for all who wait for it.
#[derive(Clone, Default)]
struct Brought {
    said: Option<Arc<Said>>,
    tried: Tried,
}

type Flight = watch::Receiver<Option<Brought>>;
type FlightKey = (Topic, Option<Root>, bool);

/// Answers that stand, and reads under way.
#[derive(Default)]
pub struct Decided {
    board: Mutex<Board<Arc<Said>>>,
    flights: Mutex<HashMap<FlightKey, Flight>>,
}

/// A poisoned lock still guards plain data: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Decided {
    /// Whether data may be given after what was given before.
    ///
    /// # Errors
    /// Its source goes back.
    pub fn allows(&self, data: &AttestationData) -> Result<(), Refusal> {
        lock(&self.board).allows(data)
    }

    /// What was given and signed at most on the chain of this genesis.
    pub fn marks(&self, genesis: UnixMs) -> Option<Marks> {
        lock(&self.board).marks(genesis)
    }

    /// Another process gave and signed so much.
    pub fn raise(&self, genesis: UnixMs, marks: Marks) {
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

/// A client publishes attestations: it gets no other data for their slot.
pub fn signed(router: &Router, ask: &Ask, case: Case, table: &Table) {
    let since = |slot| table.clock.as_ref().is_some_and(|clock| clock.era_of(slot) != Era::Committee);
    if let Some(slot) = AttestationData::slot_signed(&ask.body, case.ssz, since(case.slot)) {
        lock(&router.memory.decided().board).signed(case.client, slot);
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
    let standing = || lock(&decided.board).standing(case.client, topic, stage);
    let begin = |ended| {
        let ticket = lock(&decided.board).ticket();
        let steady = question.is_steady(case.head);
        let reader = Reader { question, steady, topic, stage, ticket, order: order.to_vec(), fresh, plan };
        tokio::spawn(reader.read(router.clone(), ask.clone(), ended));
    };
    let (mut flight, begun) = match join((topic, stage.head, stage.closed), decided, standing, begin) {
        Joined::Stands(said) => return give(router, case, &said, Tried::default()),
        Joined::Waits { flight, begun } => (flight, begun),
    };
    if begun {
        shadow::repeat(router, &ask, table, plan.attempt);
    }
    let brought = flight.wait_for(Option::is_some).await.ok().and_then(|brought| brought.clone());
    let Brought { said, tried } = brought.unwrap_or_default();
    let Some(said) = said else {
        return Flowed { response: gave_up(router, ask.row, &tried), by: None, tried, afterwards: None };
    };
    let said = match said.data {
        Some(_) => lock(&decided.board).hand(case.client, topic, said),
        None => said,
    };
    // Attempts are counted once: with who began the read.
    give(router, case, &said, if begun { tried } else { Tried::default() })
}

/// How a question is answered.
enum Joined {
    /// By what stands.
    Stands(Arc<Said>),
    /// By a read, begun just now or before.
    Waits { flight: Flight, begun: bool },
}

/// What stands, else the read that is under way, else one that `begin` begins. All under one lock: a read leaves its
/// place only after what it brought stands.
fn join(
    key: FlightKey,
    decided: &Decided,
    standing: impl FnOnce() -> Option<Arc<Said>>,
    begin: impl FnOnce(watch::Sender<Option<Brought>>),
) -> Joined {
    let mut flights = lock(&decided.flights);
    if let Some(said) = standing() {
        return Joined::Stands(said);
    }
    // One whose task is gone without a word will never end.
    flights.retain(|_, flight| flight.has_changed().is_ok());
    if let Some(flight) = flights.get(&key) {
        return Joined::Waits { flight: flight.clone(), begun: false };
    }
    let (ended, flight) = watch::channel(None);
    flights.insert(key, flight.clone());
    begin(ended);
    Joined::Waits { flight, begun: true }
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
    async fn read(self, router: Arc<Router>, ask: Arc<Ask>, ended: watch::Sender<Option<Brought>>) {
        let Self { question, steady, topic, stage, ticket, order, fresh, plan } = self;
        let usable = |by, reply: &_| question.takes(&router, by, reply);
        let Finished { reply, tried } = run::sequence(&router.lane, &ask, &order, fresh, plan, usable).await;
        let decided = router.memory.decided();
        let said = reply.and_then(|(by, reply)| {
            let upstream = &router.lane.upstreams[by.index()];
            let body = reply.bytes().cloned().unwrap_or_default();
            let ssz = head::is_ssz(&reply.headers, &CONTENT_TYPE);
            let good = reply.status.is_success();
            let data = good.then(|| AttestationData::of(&body, ssz)).flatten();
            let (beacon, label) = (upstream.name.clone(), upstream.label.clone());
            let said =
                Arc::new(Said { beacon, label, status: reply.status, headers: reply.headers, body, data });
            let Some(data) = data else { return Some(said) };
            lock(&decided.board).settle(topic, ticket, stage, (data, steady), said)
        });
        lock(&decided.flights).remove(&(topic, stage.head, stage.closed));
        ended.send_replace(Some(Brought { said, tried }));
    }
}

/// What was said, in the form this client asked for.
fn give(router: &Router, case: Case, said: &Said, tried: Tried) -> Flowed {
    let mut headers = said.headers.clone();
    let mut body = said.body.clone();
    if let Some(data) = said.data.filter(|_| head::is_ssz(&headers, &CONTENT_TYPE) != case.wants_ssz) {
        let (kind, other) = if case.wants_ssz {
            ("application/octet-stream", data.ssz())
        } else {
            ("application/json", data.json().into_bytes())
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.remove(ETAG);
        headers.remove(CONTENT_LENGTH);
        body = other.into();
    }
    head::for_client(&mut headers, true, &said.label, usize::from(tried.count));
    let mut response = Response::new(Answer::of(body));
    *response.status_mut() = said.status;
    *response.headers_mut() = headers;
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        soften(&mut response, &tried);
    }
    let by = router.lane.upstreams.iter().find(|upstream| upstream.name == said.beacon);
    Flowed { response, by: by.map(|upstream| upstream.id), tried, afterwards: None }
}
