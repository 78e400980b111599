//! One request from its head to its answer's head: classify, read, choose a flow, leave a trace.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, EXPECT, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};

use super::body::{Answer, BodyError};
use super::flow::{Case, Flowed};
use super::room::Room;
use super::strategy::Key;
use super::upstream::{Ask, micros};
use super::{Router, answer, body, flow, fresh, head, local, refusal};
use crate::endpoint::{Found, Inspect, Row, RowId, Strategy, find};
use crate::model::{ClientId, Limits, Moment, Served, Slot, TRACE_ATTEMPTS, Trace, Use};
use crate::pool::Table;

/// Status of a trace whose client hung up before its answer (nginx's number for it; never sent).
const CLIENT_GONE: u16 = 499;

/// Who is connected.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The client it is recognised as.
    pub client: ClientId,
    /// Where it comes from.
    pub ip: IpAddr,
}

/// Answers one request. Never fails: what goes wrong is an answer.
pub async fn handle(router: Arc<Router>, peer: Peer, request: Request<Incoming>) -> Response<Answer> {
    let arrived = (router.clock())();
    let (parts, incoming) = request.into_parts();
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let found = find(&parts.method, path.as_str());
    let table = router.table.load_full();
    let slot = slot_of(&found, &table, arrived);
    let mut note =
        Note { router: router.clone(), peer, id: found.id, slot, arrived, table: table.clone(), bytes_in: 0 };
    if let Some(refusal) = refusal::refuse(&parts, &found, &router.open) {
        let_go(&router, Request::from_parts(parts, incoming));
        return note.local(refusal);
    }
    if found.row.strategy == Strategy::Local
        && let Some(answer) = local::local(&found, &router.facts.load(), &table, arrived.wall)
    {
        return note.local(answer);
    }
    if found.row.strategy == Strategy::Stream {
        return note.local(router.hub.open(path.as_str()));
    }
    let (request_body, room) = match take_body(&router, &parts, incoming).await {
        Ok(taken) => taken,
        Err(answer) => return note.local(answer),
    };
    note.bytes_in = request_body.len() as u32;
    // The body may have taken its time: what was so when it began is not so now.
    note.table = router.table.load_full();
    let ssz = head::is_ssz(&parts.headers, &CONTENT_TYPE);
    let headers = for_beacon(parts.headers, found.row);
    let wants_ssz = head::is_ssz(&headers, &ACCEPT);
    let ask = Ask {
        row: found.row,
        method: if parts.method == Method::HEAD { Method::GET } else { parts.method },
        path: path.clone(),
        headers,
        body: request_body,
        arrived,
        origin: None,
        block: None,
    };
    let (key, client, ip, id) = (Key::of(peer.client, peer.ip), peer.client, peer.ip, found.id);
    let case = Case { key, slot, ssz, wants_ssz, client, ip, id, head: None, question: None, view: None };
    let publishes = matches!(found.row.needs, Use::Publish | Use::Seed);
    let gone = HungUp { note: (!publishes).then(|| note.clone()) };
    let answering = answer_from_beacons(note, ask, case, room);
    if !publishes {
        let response = answering.await;
        gone.answered();
        return response;
    }
    // What is signed goes out although the client hangs up.
    match router.lasting.spawn(answering).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => answer::error(StatusCode::SERVICE_UNAVAILABLE, "the router is stopping"),
        },
    }
}

/// Leaves a trace of a request whose client did not wait for the answer.
struct HungUp {
    note: Option<Note>,
}

impl HungUp {
    fn answered(mut self) {
        self.note = None;
    }
}

impl Drop for HungUp {
    fn drop(&mut self) {
        if let Some(note) = &self.note {
            let mut trace = note.trace(CLIENT_GONE, 0);
            trace.served = Served::Nobody;
            note.router.sink.trace(trace);
        }
    }
}

/// The way of a request through the beacons, with all it needs to outlive its client.
async fn answer_from_beacons(mut note: Note, ask: Ask, mut case: Case, room: Room) -> Response<Answer> {
    let ask = Arc::new(ask);
    let found = find(&ask.method, ask.path.as_str());
    note.table = fresh::wait(&note.router, found.row, note.table).await;
    case.head = fresh::head(note.router.hub.told(), &note.table);
    let flowed = flow::run(&note.router, ask.clone(), &found, case, &note.table).await;
    drop(room);
    note.beacons(flowed)
}

/// Whether the router reads the answers: of publications at least what a refusal says, of what gets signed whether it
/// may be.
fn is_read(row: &Row) -> bool {
    row.inspect != Inspect::Nothing || matches!(row.needs, Use::Publish | Use::Seed | Use::Sign)
}

/// A client's headers as they ask a beacon for an answer the router can read, where it reads it.
fn for_beacon(headers: HeaderMap, row: &Row) -> HeaderMap {
    let mut headers = head::for_beacon(headers, is_read(row));
    if is_read_as_json(row) {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    }
    headers
}

/// Whether the router reads the answers as JSON: the Beacon API has no other form of these, although Lodestar has.
fn is_read_as_json(row: &Row) -> bool {
    matches!(
        row.inspect,
        Inspect::AttesterDuties
            | Inspect::ProposerDuties
            | Inspect::SyncDuties
            | Inspect::PayloadDuties
            | Inspect::Liveness
    )
}

/// The slot a request names, else the one it arrived in.
fn slot_of(found: &Found<'_>, table: &Table, now: Moment) -> Slot {
    found
        .slot()
        .unwrap_or_else(|| table.clock.as_ref().and_then(|clock| clock.slot_at(now.wall)).unwrap_or_default())
}

/// Reads the request's body whole, within the bounds of one body and of all.
async fn take_body(
    router: &Router,
    parts: &Parts,
    mut incoming: Incoming,
) -> Result<(Bytes, Room), Response<Answer>> {
    let mut room = Room::new(&router.bodies);
    if incoming.is_end_stream() {
        return Ok((Bytes::new(), room));
    }
    let Limits { body: limit, body_time, .. } = router.limits;
    let error = match body::whole(&mut incoming, limit, Some(body_time), |bytes| room.hold(bytes)).await {
        Ok(bytes) => return Ok((bytes, room)),
        Err(error) => error,
    };
    let status = match error {
        BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::Stalled => StatusCode::REQUEST_TIMEOUT,
        BodyError::Broken(_) => StatusCode::BAD_REQUEST,
        BodyError::Full => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut why = error.to_string();
    match error {
        BodyError::TooLarge(_) => why.push_str("; raise limits: body: in the fleet file"),
        BodyError::Full => why.push_str("; raise limits: bodies: in the fleet file"),
        BodyError::Stalled | BodyError::Broken(_) => {}
    }
    if matches!(error, BodyError::TooLarge(_) | BodyError::Full) {
        let_go(router, Request::from_parts(parts.clone(), incoming));
    }
    Err(answer::error(status, &why))
}

/// Swallows a refused body beside its answer. One who asked first whether to send it (`Expect`) is not encouraged.
pub fn let_go(router: &Router, request: Request<Incoming>) {
    let sends = request.version() == Version::HTTP_11 && !request.headers().contains_key(EXPECT);
    if sends && !request.body().is_end_stream() {
        tokio::spawn(body::swallow(request.into_body(), router.limits.body_time));
    }
}

/// What the trace of a request is made of.
#[derive(Clone)]
struct Note {
    router: Arc<Router>,
    peer: Peer,
    id: RowId,
    slot: Slot,
    arrived: Moment,
    table: Arc<Table>,
    bytes_in: u32,
}

impl Note {
    fn trace(&self, status: u16, bytes_out: u64) -> Trace {
        let row = crate::endpoint::row(self.id);
        let due = row.step.and_then(|step| Some(self.table.clock.as_ref()?.due(self.slot, step)));
        let from = due.or_else(|| Some(self.table.clock.as_ref()?.start_of(self.slot)));
        let now = (self.router.clock())();
        Trace {
            id: self.router.traces.fetch_add(1, Relaxed) + 1,
            at: self.arrived.wall,
            client: self.peer.client,
            row: self.id.0,
            slot: self.slot,
            due_ms: from.map_or(0, |from| {
                self.arrived.wall.since(from).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
            }),
            table: self.table.seq,
            status,
            served: Served::Local,
            shared: None,
            took_us: micros(now, self.arrived),
            bytes_in: self.bytes_in,
            bytes_out: u32::try_from(bytes_out).unwrap_or(u32::MAX),
            attempts: 0,
            tried: [crate::model::Attempt::default(); TRACE_ATTEMPTS],
        }
    }

    fn local(&self, response: Response<Answer>) -> Response<Answer> {
        let bytes = response.body().size_hint().exact().unwrap_or(0);
        self.router.sink.trace(self.trace(response.status().as_u16(), bytes));
        response
    }

    fn beacons(&self, mut flowed: Flowed) -> Response<Answer> {
        if let Some(shared) = flowed.shared {
            let word = HeaderValue::from_static(shared.word());
            flowed.response.headers_mut().insert(head::SHARED, word);
        }
        let bytes = flowed.response.body().size_hint().exact().unwrap_or(0);
        let mut trace = self.trace(flowed.response.status().as_u16(), bytes);
        trace.served = flowed.by.map_or(Served::Nobody, Served::Beacon);
        trace.shared = flowed.shared;
        trace.attempts = flowed.tried.count;
        trace.tried = flowed.tried.kept;
        match flowed.afterwards {
            Some(afterwards) => afterwards.spawn(trace),
            None => self.router.sink.trace(trace),
        }
        flowed.response
    }
}
