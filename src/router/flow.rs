//! From a classified request to an answer: the strategy's order, the runner that fits it, and what is remembered.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Response, StatusCode};

use super::afterwards::Afterwards;
use super::body::Answer;
use super::memory::Produced;
use super::merge::Verdict;
use super::replies::{gave_up, respond, soften};
use super::run::{self, Finished, Tried};
use super::seeding::{self, Given};
use super::signable::Question;
use super::strategy::{Choice, Key, of};
use super::upstream::{Ask, Reply};
use super::{Router, answer, blocks, decided, duties, fresh, head, liveness, shadow, viewed};
use crate::chain::{BlockKey, EnvelopeKey, attestation_bits, contribution_bits};
use crate::endpoint::{Found, Inspect, Row, RowId, Strategy};
use crate::model::{BeaconId, BeaconSet, ClientId, Root, Shared, Slot, Step, Use};
use crate::pool::{AgreedHead, Table};

/// What a flow needs to know of the request besides its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Who asks.
    pub key: Key,
    /// The slot it is about.
    pub slot: Slot,
    /// The request body is SSZ.
    pub ssz: bool,
    /// The answer should be SSZ.
    pub wants_ssz: bool,
    /// The client.
    pub client: ClientId,
    /// Where it comes from.
    pub ip: IpAddr,
    /// The endpoint.
    pub id: RowId,
    /// The head an answer should be about.
    pub head: Option<AgreedHead>,
    /// What is asked about attestation data, if it is that.
    pub question: Option<Question>,
    /// What is asked about the head, if it is that.
    pub view: Option<viewed::Question>,
}

impl Case {
    /// Whether a beacon needs SSZ for it.
    fn is_binary(self) -> bool {
        self.ssz || self.wants_ssz
    }
}

/// What a flow brings back.
pub struct Flowed {
    /// The answer.
    pub response: Response<Answer>,
    /// Who gave it.
    pub by: Option<BeaconId>,
    /// Why it was not fetched for this request; none if it was.
    pub shared: Option<Shared>,
    /// Attempts so far.
    pub tried: Tried,
    /// What goes on after the answer.
    pub afterwards: Option<Afterwards>,
}

impl Flowed {
    /// What was fetched for this request, with nothing to do afterwards.
    pub(super) fn fetched(response: Response<Answer>, by: Option<BeaconId>, tried: Tried) -> Self {
        Self { response, by, shared: None, tried, afterwards: None }
    }

    /// An answer of the router's own; nobody was asked.
    pub(super) fn own(response: Response<Answer>) -> Self {
        Self::fetched(response, None, Tried::default())
    }
}

/// Runs the flow of a request; a signed block's as long as no other one of its slot and proposer is out.
pub async fn run(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    found: &Found<'_>,
    case: Case,
    table: &Table,
) -> Flowed {
    if ask.row.inspect != Inspect::SignedBlock {
        return route(router, ask, found, case, table).await;
    }
    let Some(key) = BlockKey::of_signed(&ask.body, case.ssz) else {
        return route(router, ask, found, case, table).await;
    };
    let origin = router.memory.made(Produced::Block(key));
    let ask = Arc::new(Ask { origin, block: Some(key), ..(*ask).clone() });
    let within = run::total(ask.row, key.slot, table);
    let go = Box::pin(route(router, ask, found, case, table));
    blocks::publish(router, &key, table, within, go).await
}

/// Runs the flow of a row.
async fn route(router: &Arc<Router>, ask: Arc<Ask>, found: &Found<'_>, case: Case, table: &Table) -> Flowed {
    let (row, arrived) = (ask.row, ask.arrived);
    let decided = router.memory.decided();
    let question = Question::read(found, table, arrived)
        .and_then(|question| question.map_or(Ok(None), |one| decided.question(&one).map(|()| Some(one))));
    let view = viewed::Question::read(found, case.wants_ssz, table, arrived);
    let case = match question.and_then(|question| Ok((question, view?))) {
        Ok((question, view)) => Case { question, view, ..case },
        Err(refusal) => {
            let response = answer::error(StatusCode::BAD_REQUEST, &refusal.to_string());
            return Flowed::own(response);
        }
    };
    let duties = duties::Question::read(found, &ask);
    let choice = Choice {
        row,
        // Duties have one leader for all.
        key: if duties.is_some() { Key::default() } else { case.key },
        slot: case.slot,
        producer: producer(router, found, &ask, case),
        holders: holders(router, found, case, table),
    };
    let epoch = found.epoch();
    let order = of(row.strategy).order(&choice, table);
    let order = router.memory.able_first(order, case.id, case.is_binary(), arrived);
    let (order, fresh) = fresh::first(row, order, case.head, table);
    let Some(first) = order.first().copied() else { return nobody(router, row.needs, table) };
    let plan = run::plan(row, case.slot, arrived, table, &router.lane.upstreams[first.index()].gauge);
    let case = match (ask.row.inspect, epoch, table.clock.as_ref()) {
        (Inspect::Liveness, Some(epoch), Some(clock)) => Case { slot: clock.first_slot(epoch), ..case },
        _ => case,
    };
    let flowed = match duties {
        Some(question) => duties::ask(router, ask, case, question, (&order, fresh), plan, table).await,
        None => walk(router, ask, case, &choice, (&order, fresh), plan, table).await,
    };
    if let Some(afterwards) = flowed.afterwards.as_ref().filter(|_| row.inspect == Inspect::SyncDuties) {
        router.sync_duties(case, epoch, afterwards.answer(), table);
    }
    for attempt in flowed.tried.kept() {
        if lacks_endpoint(row, attempt.status) {
            router.memory.lacks(attempt.beacon, case.id, case.is_binary(), arrived);
        }
    }
    flowed
}

/// Walks the order with the runner that fits the row.
async fn walk(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    case: Case,
    choice: &Choice,
    (order, fresh): (&[BeaconId], usize),
    plan: run::Plan,
    table: &Table,
) -> Flowed {
    let row = ask.row;
    let width = router.policy.width(row, order.len());
    // An envelope that carries its blobs is complete: any beacon can publish it (Gloas, publishExecutionPayloadEnvelope).
    let complete = row.inspect == Inspect::Envelope && carries_blobs(&ask.headers);
    match row.strategy {
        Strategy::Seed => seeding::tell(router, ask, case, (order, width), plan, table).await,
        Strategy::Broadcast => publish(router, ask, case, (order, width), plan, table).await,
        Strategy::Pinned if complete => publish(router, ask, case, (order, width), plan, table).await,
        Strategy::Subscribed => {
            let held = order.iter().filter(|id| choice.holders.has(**id)).count();
            let score = |reply: &Reply| bits(row.step, reply);
            let finished =
                run::best(&router.lane, &ask, order, held.clamp(1, width.max(1)), plan, score).await;
            answered(router, &ask, case, finished)
        }
        Strategy::Or => liveness::ask(router, &ask, case, order, plan, table).await,
        Strategy::One if row.inspect == Inspect::ProducedBlock => {
            blocks::ask(router, ask, case, (choice, order), plan, table).await
        }
        Strategy::Any
        | Strategy::One
        | Strategy::Pinned
        | Strategy::Stream
        | Strategy::Local
        | Strategy::Deny => {
            if let Some(question) = case.question {
                return decided::ask(router, ask, case, question, (order, fresh), plan, table).await;
            }
            if let Some(question) = case.view {
                return viewed::ask(router, ask, case, question, (order, fresh), plan, table).await;
            }
            let finished = run::sequence(&router.lane, &ask, order, fresh, plan, |_, _| true).await;
            shadow::repeat(router, &ask, table, plan.attempt);
            answered(router, &ask, case, finished)
        }
    }
}

async fn publish(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    case: Case,
    (order, width): (&[BeaconId], usize),
    plan: run::Plan,
    table: &Table,
) -> Flowed {
    let vote = if ask.row.inspect == Inspect::Attestations {
        decided::signed(router, &ask, case, table)
    } else {
        None
    };
    let known = router.memory.was_taken(ask.path.as_str(), &ask.body);
    let first = router.turns.first();
    let sent = run::broadcast(&router.lane, &ask, order, width, plan, known).await;
    drop(first);
    if let Some(vote) = vote.filter(|_| sent.verdict == Verdict::Taken) {
        decided::took(router, &vote, table);
    }
    published(router, ask, case, sent, None)
}

/// Whether a status says that the beacon does not have the endpoint, or not in this form. A 404 says so only where the
/// specification knows no 404: elsewhere it is an answer.
fn lacks_endpoint(row: &Row, status: u16) -> bool {
    let no_404 =
        matches!(row.strategy, Strategy::Broadcast | Strategy::Seed | Strategy::One) || lists_duties(row);
    matches!(status, 405 | 406 | 415 | 501) || (status == 404 && no_404)
}

fn carries_blobs(headers: &HeaderMap) -> bool {
    headers.get("eth-blob-data-included").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

fn producer(router: &Router, found: &Found<'_>, ask: &Ask, case: Case) -> Option<BeaconId> {
    let finishes = matches!(ask.row.inspect, Inspect::SignedBlock | Inspect::Envelope)
        || ask.row.strategy == Strategy::Pinned;
    if !finishes {
        return None;
    }
    let exact = match ask.row.inspect {
        Inspect::SignedBlock => ask.block.map(Produced::Block),
        Inspect::Envelope => EnvelopeKey::of_signed(&ask.body, case.ssz)
            .map(|key| Produced::Root(key.slot, key.beacon_block_root)),
        _ => None,
    };
    router.memory.producer(exact, found.slot().unwrap_or(case.slot))
}

fn holders(router: &Router, found: &Found<'_>, case: Case, table: &Table) -> BeaconSet {
    let index = || found.query("committee_index").and_then(|text| text.parse().ok());
    let sync = || {
        let epoch = table.clock.as_ref().map(|clock| clock.epoch_of(case.slot));
        epoch.map_or_else(BeaconSet::default, |epoch| router.memory.sync_holders(epoch))
    };
    match (found.row.strategy, found.row.step) {
        (Strategy::One, _) => router.prepared(case),
        (Strategy::Subscribed, Some(Step::Contribution)) => sync(),
        (Strategy::Subscribed, _) => router.memory.committee_holders(case.slot, index()),
        (Strategy::Broadcast, _) if found.row.inspect == Inspect::Attestations => {
            router.memory.committee_holders(case.slot, None)
        }
        (Strategy::Broadcast, _) if found.row.inspect == Inspect::SyncMessages => sync(),
        _ => BeaconSet::default(),
    }
}

fn bits(step: Option<Step>, reply: &Reply) -> u32 {
    let ssz = head::is_ssz(&reply.headers, &CONTENT_TYPE);
    let Some(body) = reply.bytes() else { return 0 };
    let bits = match step {
        Some(Step::Contribution) => contribution_bits(body, ssz),
        _ => attestation_bits(body, ssz),
    };
    bits.unwrap_or(0)
}

fn nobody(router: &Router, uses: Use, table: &Table) -> Flowed {
    let why = table.nobody(uses, |id| router.name(id));
    Flowed::own(answer::error(StatusCode::SERVICE_UNAVAILABLE, &why))
}

fn answered(router: &Arc<Router>, ask: &Arc<Ask>, case: Case, finished: Finished) -> Flowed {
    let Finished { reply, tried } = finished;
    let Some((by, reply)) = reply else {
        return Flowed::fetched(gave_up(router, ask.row, &tried), None, tried);
    };
    let ssz = head::is_ssz(&reply.headers, &CONTENT_TYPE);
    let good = reply.status.is_success();
    let bytes = reply.bytes().cloned().unwrap_or_default();
    if good && ask.row.strategy == Strategy::Pinned && ask.body.is_empty() {
        let root = ask.path.path().rsplit('/').next().and_then(|text| text.parse::<Root>().ok());
        if let Some(root) = root {
            router.memory.served_envelope(by, case.slot, root);
        }
    }
    // A blinded block is published by one beacon after another, not by a broadcast.
    let tells = lists_duties(ask.row) || ask.row.inspect == Inspect::SignedBlock;
    let afterwards = (good && tells).then(|| Afterwards::of_answer(router, ask, case, by, (bytes, ssz)));
    let mut response = respond(router, by, reply, &tried);
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        soften(&mut response, &tried);
    }
    Flowed { afterwards, ..Flowed::fetched(response, Some(by), tried) }
}

/// Whether an answer tells of duties the ledger keeps.
pub(super) fn lists_duties(row: &Row) -> bool {
    matches!(
        row.inspect,
        Inspect::AttesterDuties | Inspect::ProposerDuties | Inspect::SyncDuties | Inspect::PayloadDuties
    )
}

/// What a broadcast amounts to; its laggards run on.
pub(super) fn published(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    case: Case,
    sent: run::Broadcast,
    given: Option<Arc<Given>>,
) -> Flowed {
    let run::Broadcast { verdict, finished: Finished { reply, tried }, laggards, took } = sent;
    let mut set = BeaconSet::default();
    for id in took {
        set.add(id);
        router.told(id, &ask, given.as_deref());
    }
    if verdict == Verdict::Taken {
        router.memory.took(ask.path.as_str(), &ask.body);
    }
    let by = reply.as_ref().map(|(id, _)| *id);
    let response = match reply {
        None => gave_up(router, ask.row, &tried),
        Some((by, reply)) => {
            let mut response = respond(router, by, reply, &tried);
            soften(&mut response, &tried);
            response
        }
    };
    let afterwards = Afterwards::of_broadcast(router, ask, case, (laggards, set), given);
    Flowed { afterwards: Some(afterwards), ..Flowed::fetched(response, by, tried) }
}
