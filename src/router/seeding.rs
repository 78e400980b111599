//! Seeds on their way: to their seed set with the client's request, and again to a beacon that must be told anew.
//!
//! What a client tells is remembered before it is sent; the client is answered after the first success or
//! [`ANSWER_WITHIN`], and what did not arrive by then is delivered by whoever follows the book. An entry that names
//! another fee recipient than another client did is not sent. The other entries of its body are, and the answer is still
//! 400 with `failures`: whoever runs the second client must see it at once, and his other validators are in order.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Response, StatusCode};
use tokio::sync::{Notify, oneshot};

use super::body::Answer;
use super::flow::{Case, Flowed, published};
use super::merge::{self, Verdict};
use super::run::{self, Broadcast, Plan};
use super::strategy::{Choice, Key, of};
use super::upstream::Ask;
use super::{Router, answer, head};
use crate::model::{Attempt, BeaconId, BeaconSet, ClientId, Epoch, Outcome, SeedKind, Slot};
use crate::pool::Table;
use crate::seeds::{
    Book, Client, Form, Refused, Replay, Round, Seed, When, body, kind_of, row_of, sync_duties,
};

/// A client has its answer by then (Beacon API clients with a second URL give subscriptions no longer; Lighthouse
/// `beacon_node_fallback`).
const ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// A beacon has so long to take a body that is told again.
const REPLAY_TIME: Duration = Duration::from_secs(4);
/// Bodies longer than this are read beside the tasks that answer.
const LONG: usize = 64 << 10;

const FORK: HeaderName = HeaderName::from_static("eth-consensus-version");

/// The book as many hands reach it. Lives as long as the process.
#[derive(Default)]
pub struct Desk {
    book: Mutex<Book>,
    /// Something changed: whoever follows the book should look.
    pub wake: Notify,
}

impl Desk {
    /// Looks at or changes the book. A poisoned lock still guards plain data.
    pub fn with<R>(&self, look: impl FnOnce(&mut Book) -> R) -> R {
        look(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The book, and how clients of this fleet file are named in it.
pub struct Seeding {
    /// The book.
    pub desk: Arc<Desk>,
    /// By [`ClientId`]; the first stands for those without a name.
    clients: Vec<Client>,
}

/// What a request gave.
pub struct Given {
    client: Client,
    seed: Seed,
    round: Round,
}

/// What became of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It was taken.
    Taken,
    /// It was refused and would be again.
    Refused(u16),
    /// It did not arrive.
    Failed,
}

impl Seeding {
    /// For the names of a fleet file's clients, in order.
    pub fn new<'a>(desk: Arc<Desk>, names: impl Iterator<Item = &'a str>) -> Self {
        let clients = std::iter::once("").chain(names).map(Client::named).collect();
        Self { desk, clients }
    }

    fn client(&self, id: ClientId, ip: IpAddr) -> Client {
        match self.clients.get(usize::from(id.0)) {
            Some(client) if id.0 > 0 => client.clone(),
            _ => Client::unnamed(ip),
        }
    }

    /// What draws of a client are keyed by; one the fleet file does not name any more keeps a key of its own.
    fn key(&self, client: &Client) -> Key {
        if let Some(ip) = client.address() {
            return Key::of(ClientId(0), ip);
        }
        match self.clients.iter().skip(1).position(|known| known == client) {
            Some(place) => Key(place as u64 + 1),
            None => {
                Key(client.as_str().bytes().fold(1 << 62, |key, byte| key.rotate_left(8) ^ u64::from(byte)))
            }
        }
    }
}

impl Router {
    /// The seed set of a client's kind: who must be told, by the present table.
    pub fn seed_set(&self, client: &Client, kind: SeedKind, table: &Table) -> BeaconSet {
        let mut set = BeaconSet::default();
        let Some(row) = row_of(kind) else { return set };
        let key = self.seeding.key(client);
        let choice = Choice { row, key, slot: Slot(0), producer: None, holders: set };
        let order = of(row.strategy).order(&choice, table);
        let width = self.policy.width(row, order.len());
        order.into_iter().take(width).for_each(|id| set.add(id));
        set
    }

    /// Tells a beacon a body again.
    pub async fn replay(&self, id: BeaconId, replay: &Replay) -> Heard {
        let Some(row) = row_of(replay.kind) else { return Heard::Failed };
        let mut headers = HeaderMap::new();
        let form = if replay.form.ssz { "application/octet-stream" } else { "application/json" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(fork) = replay.form.fork.as_deref().and_then(|fork| HeaderValue::from_str(fork).ok()) {
            headers.insert(FORK, fork);
        }
        let ask = Ask {
            row,
            method: Method::POST,
            path: PathAndQuery::from_static(row.path),
            headers,
            body: replay.body.clone().into(),
            arrived: (self.clock())(),
            origin: None,
            block: None,
        };
        let (attempt, _) = self.lane.upstreams[id.index()].attempt(&ask, REPLAY_TIME, self.clock()).await;
        match attempt.outcome {
            Outcome::Ok | Outcome::AlreadyKnown => {
                self.memory.told(id, row.inspect, &ask.body);
                Heard::Taken
            }
            Outcome::Refused | Outcome::Empty => Heard::Refused(attempt.status),
            _ => Heard::Failed,
        }
    }

    /// A beacon took a request's body.
    pub(super) fn told(&self, id: BeaconId, ask: &Ask, given: Option<&Given>) {
        // Who holds what is read from JSON.
        let ssz = head::is_ssz(&ask.headers, &CONTENT_TYPE);
        match given.filter(|given| ssz && !given.seed.form.ssz) {
            Some(given) => self.memory.told(id, ask.row.inspect, &with_body(ask, &given.seed).body),
            None => self.memory.told(id, ask.row.inspect, &ask.body),
        }
        let clock = self.table.load().clock.clone();
        if let (Some(given), Some(clock)) = (given, clock) {
            let (name, when) = (&self.lane.upstreams[id.index()].name, When::on(&clock, (self.clock())()));
            self.seeding.desk.with(|book| book.took(name, &given.client, &given.seed, given.round, when));
        }
    }

    /// A client was told its sync duties.
    pub(super) fn sync_duties(&self, case: Case, epoch: Option<Epoch>, answer: &[u8], table: &Table) {
        let (Some(clock), Some(epoch), Some(duties)) = (&table.clock, epoch, sync_duties(answer)) else {
            return;
        };
        let client = self.seeding.client(case.client, case.ip);
        let when = When::on(clock, (self.clock())());
        self.seeding.desk.with(|book| book.sync_duties(&client, epoch, &duties, when));
    }

    /// Beacons that hold every fee recipient this client gave.
    pub(super) fn prepared(&self, case: Case) -> BeaconSet {
        let client = self.seeding.client(case.client, case.ip);
        let mut set = BeaconSet::default();
        self.seeding.desk.with(|book| {
            for upstream in self.lane.upstreams.iter() {
                let holds = |kind| book.holds(&upstream.name, &client, kind);
                if holds(SeedKind::Preparations) && holds(SeedKind::Preferences) {
                    set.add(upstream.id);
                }
            }
        });
        set
    }
}

/// A seed's way: remembered, sent to its seed set, answered in time.
pub async fn tell(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    case: Case,
    (order, width): (&[BeaconId], usize),
    plan: Plan,
    table: &Table,
) -> Flowed {
    let Some((client, seed, when)) = read(router, &ask, case, table).await else {
        let sent = run::broadcast(&router.lane, &ask, order, width, plan, false).await;
        return published(router, ask, case, sent, None);
    };
    let (given, refused) = router.seeding.desk.with(|book| {
        let refused = book.check(&client, &seed, when);
        let seed = without(seed, &refused);
        let round = book.give(&client, &seed, when);
        (Given { client, seed, round }, refused)
    });
    if given.seed.items.is_empty() && !refused.is_empty() {
        return Flowed::own(contradicted(&refused));
    }
    let ask = if refused.is_empty() { ask } else { with_body(&ask, &given.seed) };
    let given = Arc::new(given);
    let sent = send(router, ask.clone(), order.to_vec(), width, plan, given.clone());
    let mut flowed = match tokio::time::timeout(ANSWER_WITHIN, sent).await {
        Ok(Ok(sent)) => {
            withdraw_refused(router, &given, &sent);
            published(router, ask, case, sent, Some(given))
        }
        // Nobody took it so far and nobody refused it: it is remembered, and told as soon as somebody listens.
        Ok(Err(_)) | Err(_) => Flowed::own(answer::bare(StatusCode::OK)),
    };
    if !refused.is_empty() && flowed.response.status().is_success() {
        flowed.response = contradicted(&refused);
    }
    router.seeding.desk.wake.notify_one();
    flowed
}

async fn read(router: &Router, ask: &Ask, case: Case, table: &Table) -> Option<(Client, Seed, When)> {
    let kind = kind_of(ask.row)?;
    let when = When::on(table.clock.as_ref()?, (router.clock())());
    let fork = ask.headers.get(FORK).and_then(|value| value.to_str().ok()).map(Into::into);
    let (form, body) = (Form { ssz: case.ssz, fork }, ask.body.clone());
    let seed = if body.len() > LONG {
        tokio::task::spawn_blocking(move || Seed::read(kind, form, &body)).await.ok()?
    } else {
        Seed::read(kind, form, &body)
    };
    Some((router.seeding.client(case.client, case.ip), seed?, when))
}

/// Sends on, although the client may be answered before the end.
fn send(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    order: Vec<BeaconId>,
    width: usize,
    plan: Plan,
    given: Arc<Given>,
) -> oneshot::Receiver<Broadcast> {
    let (done, sent) = oneshot::channel();
    let router = router.clone();
    router.lasting.clone().spawn(async move {
        let sent = run::broadcast(&router.lane, &ask, &order, width, plan, false).await;
        let Err(sent) = done.send(sent) else { return };
        withdraw_refused(&router, &given, &sent);
        sent.took.iter().for_each(|id| router.told(*id, &ask, Some(&given)));
        let tell = |(attempt, reply): (Attempt, Option<super::upstream::Reply>)| {
            let success = reply.is_some_and(|reply| reply.status.is_success());
            if success || attempt.outcome == Outcome::AlreadyKnown {
                router.told(attempt.beacon, &ask, Some(&given));
            }
        };
        sent.laggards.finish(&router.lane, &ask, &router.turns, tell).await;
        router.seeding.desk.wake.notify_one();
    });
    sent
}

/// A body that everyone who answered called wrong is told to nobody again.
fn withdraw_refused(router: &Router, given: &Given, sent: &Broadcast) {
    let status = sent.finished.reply.as_ref().map(|(_, reply)| reply.status);
    let wrong = status.is_some_and(|status| status.is_client_error() && status != StatusCode::NOT_FOUND);
    if sent.verdict != Verdict::Taken && sent.took.is_empty() && wrong {
        router.seeding.desk.with(|book| book.withdraw(&given.client, &given.seed));
    }
}

fn without(mut seed: Seed, refused: &[Refused]) -> Seed {
    if !refused.is_empty() {
        let mut place = 0;
        seed.items.retain(|_| {
            place += 1;
            refused.iter().all(|refused| refused.index != place - 1)
        });
    }
    seed
}

fn with_body(ask: &Ask, seed: &Seed) -> Arc<Ask> {
    let body = Bytes::from(body(seed.form.ssz, seed.items.iter().map(|item| &*item.raw)));
    Arc::new(Ask { body, ..ask.clone() })
}

fn contradicted(refused: &[Refused]) -> Response<Answer> {
    let failures: BTreeMap<u64, String> =
        refused.iter().map(|refused| (refused.index as u64, refused.message.clone())).collect();
    let message =
        "another client named other fee recipients first; the entries that are not listed were taken";
    answer::own(StatusCode::BAD_REQUEST, merge::failures(message, failures))
}
