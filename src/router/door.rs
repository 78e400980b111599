//! One request from its head to its answer's head: classify, read, choose a flow, leave a trace.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use super::body::{Answer, BodyError};
use super::flow::{Case, Flowed};
use super::strategy::Key;
use super::upstream::{Ask, micros};
use super::{Router, answer, body, flow, head, local};
use crate::endpoint::{Follow, Found, Inspect, RowId, Strategy, find};
use crate::model::{ClientId, Moment, Served, Slot, TRACE_ATTEMPTS, Trace};
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

impl Peer {
    /// What draws for this client are keyed by: its name, or its address when it has none.
    fn key(self) -> Key {
        if self.client.0 > 0 {
            return Key(u64::from(self.client.0));
        }
        let bits = match self.ip {
            IpAddr::V4(ip) => u128::from(u32::from(ip)),
            IpAddr::V6(ip) => u128::from(ip),
        };
        Key((bits as u64 ^ (bits >> 64) as u64) | 1 << 63)
    }
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
    if !found.is_open(&router.open) {
        return note.local(refused(&found));
    }
    if found.row.strategy == Strategy::Local
        && let Some(answer) = local::local(&found, &router.facts.load(), &table, arrived.wall)
    {
        return note.local(answer);
    }
    if found.row.strategy == Strategy::Stream {
        return note.local(router.hub.open(path.as_str()));
    }
    let (request_body, permit) = match take_body(&router, incoming).await {
        Ok(taken) => taken,
        Err(answer) => return note.local(answer),
    };
    note.bytes_in = request_body.len() as u32;
    let plain = found.row.inspect != Inspect::Nothing;
    let ssz = head::is_ssz(&parts.headers, &CONTENT_TYPE);
    let wants_ssz = head::is_ssz(&parts.headers, &ACCEPT);
    let ask = Ask {
        row: found.row,
        method: if parts.method == Method::HEAD { Method::GET } else { parts.method },
        path: path.clone(),
        headers: head::for_beacon(parts.headers, plain),
        body: request_body,
        arrived,
    };
    let case = Case { key: peer.key(), slot, ssz, wants_ssz, client: peer.client, id: found.id };
    let ask = Arc::new(ask);
    if matches!(found.row.follow, Follow::SameBytes | Follow::AfterProducer) {
        // What is signed goes out although the client hangs up.
        let note = note.clone();
        let on_its_own = tokio::spawn(async move {
            let found = find(&ask.method, ask.path.as_str());
            let flowed = flow::run(&note.router, ask.clone(), &found, case, &note.table).await;
            drop(permit);
            note.beacons(flowed)
        });
        return on_its_own.await.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => answer::error(StatusCode::SERVICE_UNAVAILABLE, "the router is stopping"),
        });
    }
    let gone = HungUp { note: Some(note.clone()) };
    let flowed = flow::run(&router, ask, &found, case, &table).await;
    drop(permit);
    gone.answered();
    note.beacons(flowed)
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

/// The slot a request names, else the one it arrived in.
fn slot_of(found: &Found<'_>, table: &Table, now: Moment) -> Slot {
    found
        .slot()
        .unwrap_or_else(|| table.clock.as_ref().and_then(|clock| clock.slot_at(now.wall)).unwrap_or_default())
}

fn refused(found: &Found<'_>) -> Response<Answer> {
    let what = match found.vendor() {
        Some(vendor) => format!("`{vendor}`"),
        None => format!("{:?}", found.row.namespace).to_lowercase(),
    };
    answer::error(
        StatusCode::FORBIDDEN,
        &format!(
            "{} is closed at this router; list {what} under routing: open: in the fleet file to open it",
            found.row.name
        ),
    )
}

type Taken = (Bytes, Option<OwnedSemaphorePermit>);

/// Reads the request's body whole, within the bounds of one body and of all.
async fn take_body(router: &Router, incoming: Incoming) -> Result<Taken, Response<Answer>> {
    if incoming.is_end_stream() {
        return Ok((Bytes::new(), None));
    }
    let expected = incoming.size_hint().exact().unwrap_or(64 * 1024).min(router.limits.body as u64);
    let kib = u32::try_from(expected / 1024 + 1).unwrap_or(u32::MAX);
    let Ok(permit) = router.bodies.clone().try_acquire_many_owned(kib) else {
        return Err(answer::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many request bodies are held at once; raise limits: bodies: in the fleet file",
        ));
    };
    match body::whole(incoming, router.limits.body, router.limits.body_time).await {
        Ok(bytes) => Ok((bytes, Some(permit))),
        Err(error @ BodyError::TooLarge(_)) => {
            Err(answer::error(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()))
        }
        Err(error @ BodyError::Stalled) => {
            Err(answer::error(StatusCode::REQUEST_TIMEOUT, &error.to_string()))
        }
        Err(error @ BodyError::Broken(_)) => Err(answer::error(StatusCode::BAD_REQUEST, &error.to_string())),
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

    fn beacons(&self, flowed: Flowed) -> Response<Answer> {
        let bytes = flowed.response.body().size_hint().exact().unwrap_or(0);
        let mut trace = self.trace(flowed.response.status().as_u16(), bytes);
        trace.served = flowed.by.map_or(Served::Nobody, Served::Beacon);
        trace.attempts = flowed.tried.count;
        trace.tried = flowed.tried.kept;
        match flowed.afterwards {
            Some(afterwards) => afterwards.spawn(trace),
            None => self.router.sink.trace(trace),
        }
        flowed.response
    }
}
