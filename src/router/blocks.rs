//! Blocks at the door: the best of several is given to be signed, the same question gets the same bytes, and one block
//! goes out for a slot and its proposer.
//!
//! Which block may be given or passed on is the guard's business; here are the reads and publications under way.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use hyper::header::ACCEPT;
use hyper::{HeaderMap, StatusCode};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::afterwards::Afterwards;
use super::flight::{Flights, Joined};
use super::flow::{Case, Flowed};
use super::kept::Kept;
use super::memory::{Produced, lock};
use super::offer::{Offer, Taste};
use super::replies::gave_up;
use super::run::{self, Plan, Tried};
use super::shelf::Shelf;
use super::strategy::{Choice, Key};
use super::upstream::{Ask, Reply};
use super::{Router, answer};
use crate::chain::{BlockKey, SlotClock};
use crate::endpoint::{RowId, find};
use crate::guard::{Blocked, Drafts, End, Entry, Proposals, Published};
use crate::model::{Attempt, BeaconId, Outcome, Shared, Slot, UnixMs};
use crate::pool::{FALLBACK_SLOT_MS, Table};

/// What a client asks: the same again is the same block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) client: Key,
    pub(super) row: RowId,
    pub(super) slot: Slot,
    pub(super) randao: Box<str>,
}

/// A block as it is given.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) kept: Arc<Kept>,
    /// None if its form is not known.
    pub(super) key: Option<BlockKey>,
}

/// What beacons brought, for all who wait for it.
#[derive(Clone, Default)]
struct Brought {
    draft: Option<Draft>,
    /// Why a block that came is not given.
    blocked: Option<Blocked>,
    tried: Tried,
}

/// Blocks that were given, are being made, or published.
#[derive(Default)]
pub struct Blocks {
    pub(super) drafts: Mutex<Drafts<Question, Draft>>,
    flights: Flights<Question, Brought>,
    proposals: Mutex<Proposals>,
    /// A publication has ended.
    ended: Notify,
    /// None: what is given is not kept on disk.
    pub(super) shelf: OnceLock<Shelf>,
}

impl Blocks {
    /// The last blocks published on the chain of this genesis.
    pub fn last(&self, genesis: UnixMs) -> Vec<Published> {
        lock(&self.proposals).last(genesis)
    }

    /// Another process published this one.
    pub fn raise(&self, genesis: UnixMs, one: Published) {
        lock(&self.proposals).raise(genesis, one);
    }

    /// A beacon took a block whose publication had ended.
    pub fn took(&self, key: &BlockKey) {
        lock(&self.proposals).took(key);
    }

    /// On a chain whose clock is this one; what is known of another chain is forgotten.
    fn on(&self, clock: Option<&SlotClock>) -> MutexGuard<'_, Proposals> {
        let mut proposals = lock(&self.proposals);
        if let Some(clock) = clock {
            proposals.on(clock.genesis());
        }
        proposals
    }
}

/// Answers a question for a block: by what was given, by what is under way, or by several beacons.
pub async fn ask(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    case: Case,
    (choice, order): (&Choice, &[BeaconId]),
    plan: Plan,
    table: &Table,
) -> Flowed {
    let (blocks, found) = (router.memory.blocks(), find(&ask.method, ask.path.as_str()));
    let randao = found.query("randao_reveal").unwrap_or_default().into();
    let question = Question { client: case.key, row: case.id, slot: case.slot, randao };
    let standing = || lock(&blocks.drafts).given(&question);
    let make = || {
        let spec = router.facts.load();
        let taste = Taste::of(&ask, &found, case.ssz, spec.spec.as_deref());
        let alike = alike(choice, order, table);
        let width = router.policy.width(ask.row, order.len()).min(alike);
        let soft = Instant::now() + soft(router, &ask, case.slot, plan, table);
        let maker = Maker { taste, order: order.to_vec(), alike, width, plan, soft };
        maker.make(router.clone(), ask.clone(), question.clone())
    };
    let (brought, shared) = match blocks.flights.join(question.clone(), standing, make) {
        Joined::Stands(draft) => (Brought { draft: Some(draft), ..Brought::default() }, Some(Shared::Cached)),
        Joined::Waits(flight) => {
            let joined = flight.shared();
            (flight.landed().await.unwrap_or_default(), joined)
        }
    };
    let tried = brought.tried.counted(shared.is_none());
    let Some(Draft { kept, key }) = brought.draft else {
        let response = match brought.blocked {
            Some(blocked) => answer::error(StatusCode::BAD_REQUEST, &blocked.to_string()),
            None => gave_up(router, ask.row, &brought.tried),
        };
        return Flowed::fetched(response, None, tried);
    };
    // What was published meanwhile may forbid it.
    let allowed = key.map_or(Ok(()), |key| blocks.on(table.clock.as_ref()).gives(&key));
    if let Err(blocked) = allowed {
        let response = answer::error(StatusCode::BAD_REQUEST, &blocked.to_string());
        return Flowed::fetched(response, None, tried);
    }
    Flowed { shared, ..give(router, &ask, case, &kept, tried, shared.is_none()) }
}

/// A block in the form it was made in.
fn give(router: &Arc<Router>, ask: &Arc<Ask>, case: Case, kept: &Kept, tried: Tried, begun: bool) -> Flowed {
    let good = kept.status.is_success();
    if good && !begun && !takes(&ask.headers, kept.is_ssz()) {
        let form = if kept.is_ssz() { "SSZ" } else { "JSON" };
        let why =
            format!("the block of slot {} was given to this client as {form}; take it as that", case.slot);
        let response = answer::error(StatusCode::NOT_ACCEPTABLE, &why);
        return Flowed::fetched(response, None, tried);
    }
    let mut flowed = kept.give(router, tried);
    if let Some(by) = flowed.by.filter(|_| good && begun) {
        let body = (kept.body.clone(), kept.is_ssz());
        flowed.afterwards = Some(Afterwards::of_answer(router, ask, case, by, body));
    }
    flowed
}

/// Whether a client takes this form (RFC 9110, section 12.5.1; JSON where it does not say).
fn takes(headers: &HeaderMap, ssz: bool) -> bool {
    let form = if ssz { "application/octet-stream" } else { "application/json" };
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accept.flat_map(|value| value.split(',')).peekable();
    if kinds.peek().is_none() {
        return !ssz;
    }
    kinds.any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        [form, "application/*", "*/*"].iter().any(|known| kind.eq_ignore_ascii_case(known))
    })
}

/// How many at the front are as good as the first: at the agreed head, told of this client's fee recipients, of one rank.
/// A block of another one may pay somebody else.
fn alike(choice: &Choice, order: &[BeaconId], table: &Table) -> usize {
    let kind = |id: BeaconId| {
        let entry = &table.entries[id.index()];
        let rank = entry.rank(choice.row.needs, choice.row.role);
        (rank, entry.at_agreed, entry.owed.is_some(), choice.holders.has(id))
    };
    order.iter().take_while(|id| kind(**id) == kind(order[0])).count()
}

/// Time until the best is taken that there is: from the slot's start on, or from the request's arrival before it.
fn soft(router: &Router, ask: &Ask, slot: Slot, plan: Plan, table: &Table) -> Duration {
    let Some(clock) = &table.clock else { return plan.attempt };
    let since = (router.clock())().wall.since(clock.start_of(slot));
    let past = Duration::from_millis(u64::try_from(since).unwrap_or_default());
    let waited = Duration::from_millis((router.clock())().ms_since(ask.arrived));
    plan.attempt.saturating_sub(past.max(waited))
}

/// One making of a block for all who ask the same.
struct Maker {
    taste: Taste,
    order: Vec<BeaconId>,
    alike: usize,
    width: usize,
    plan: Plan,
    soft: Instant,
}

impl Maker {
    async fn make(self, router: Arc<Router>, ask: Arc<Ask>, question: Question) -> Brought {
        let Self { taste, order, alike, width, plan, soft } = self;
        let (slot, blocks) = (question.slot, router.memory.blocks());
        let (blocked, untold) = (OnceLock::new(), AtomicBool::new(false));
        let may_not_tell = ask.row.path.starts_with("/eth/v4/");
        let read = |reply: &Reply| {
            let offer = Offer::of(reply);
            untold.fetch_or(may_not_tell && !offer.told, Relaxed);
            let Some(key) = offer.key else { return Some(offer) };
            let given = blocks.on(router.table.load().clock.as_ref()).gives(&key);
            if let Err(why) = given {
                let _ = blocked.set(why);
                return None;
            }
            (key.slot == slot).then_some(offer)
        };
        let rate = |id: BeaconId, offer: &Offer| {
            let like_first = order.iter().take(alike).any(|other| *other == id);
            let taste = if untold.load(Relaxed) { taste.without_payloads() } else { taste };
            (offer.fits(id, slot, &router.table.load()), (like_first, taste.worth(offer)))
        };
        let finished = run::produce(&router.lane, &ask, (&order, width), (plan, soft), read, rate).await;
        let tried = finished.tried;
        let used = finished.reply.as_ref().map(|(by, _)| *by);
        for lost in tried.kept().iter().filter(|attempt| Some(attempt.beacon) != used) {
            router.lane.upstreams[lost.beacon.index()].gauge.spared(ask.arrived);
        }
        let mut draft = None;
        if let Some((by, reply)) = finished.reply {
            let offer = reply.status.is_success().then(|| Offer::of(&reply));
            if let Some(offer) = &offer {
                router.memory.produced(by, slot, offer.key);
                tell(&router, by, slot, offer);
            }
            let kept = Arc::new(Kept::of(&router, by, reply));
            let is_block = offer.is_some();
            let made = Draft { kept, key: offer.and_then(|offer| offer.key) };
            draft = Some(if is_block { blocks.keep(question, made).await } else { made });
        }
        // A refusal of the router's own is what the client must hear of, not a beacon's beside it.
        let blocked = blocked.get().copied();
        let good = |draft: &Draft| draft.kept.status.is_success();
        Brought { draft: draft.filter(|draft| blocked.is_none() || good(draft)), blocked, tried }
    }
}

/// Says whose block it is; one that is on an odd parent, aloud.
fn tell(router: &Router, by: BeaconId, slot: Slot, offer: &Offer) {
    let (beacon, parent) = (router.name(by), offer.parent());
    if offer.fits(by, slot, &router.table.load()) {
        tracing::info!(beacon, %slot, %parent, "block given to be signed");
    } else {
        tracing::warn!(beacon, %slot, %parent, "block given to be signed: nobody has one upon the agreed head");
    }
}

/// From this part of a slot on a block that was given here waits no longer for one that was not.
const PATIENCE: u64 = 12;

/// Passes a signed block on by `go`, unless another one is out; if another is under way its end is waited for, `within`
/// this time. Signatures are not looked at here, so one that no beacon answers for, and that nobody was given here, gives
/// way to one that was: garbage sent to a beacon that hangs costs nobody a block.
pub async fn publish(
    router: &Arc<Router>,
    key: &BlockKey,
    table: &Table,
    within: Duration,
    go: impl Future<Output = Flowed>,
) -> Flowed {
    let (blocks, end) = (router.memory.blocks(), Instant::now() + within);
    let refuse = |status, why: &str| Flowed::own(answer::error(status, why));
    let given = |key: &BlockKey| router.memory.made(Produced::Block(*key)).is_some();
    let slot_ms = table.clock.as_ref().map_or(FALLBACK_SLOT_MS, |clock| clock.slot_ms(key.slot));
    let patient = Instant::now() + Duration::from_millis(slot_ms / PATIENCE);
    loop {
        let mut ended = std::pin::pin!(blocks.ended.notified());
        // Whoever ends from here on is noticed.
        ended.as_mut().enable();
        let in_doubt = blocks.on(table.clock.as_ref()).in_doubt(key);
        let in_doubt = in_doubt.filter(|(other, _)| given(key) && !given(other));
        if let Some((other, going)) = in_doubt
            && (!going || Instant::now() >= patient)
        {
            tracing::error!(slot = %key.slot, proposer = %key.proposer, "a block that nobody was given here gives way");
            blocks.on(table.clock.as_ref()).give_way(&other);
        }
        match blocks.on(table.clock.as_ref()).enter(key) {
            Ok(Entry::Goes) => break,
            Ok(Entry::Waits) => {}
            Err(blocked) => {
                tracing::error!(slot = %key.slot, proposer = %key.proposer, %blocked, "block refused");
                return refuse(StatusCode::BAD_REQUEST, &blocked.to_string());
            }
        }
        let until = if in_doubt.is_some() { end.min(patient) } else { end };
        if timeout_at(until, ended).await.is_err() && Instant::now() >= end {
            let why = "another block of this slot and proposer is being published and no beacon has answered yet; send \
                       it again";
            return refuse(StatusCode::SERVICE_UNAVAILABLE, why);
        }
    }
    let mut going = Going { blocks, key, end: End::Unknown };
    let flowed = go.await;
    going.end = end_of(&flowed);
    flowed
}

/// A publication under way; however it ends, others are let go on.
struct Going<'a> {
    blocks: &'a Blocks,
    key: &'a BlockKey,
    end: End,
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        lock(&self.blocks.proposals).end(self.key, self.end);
        self.blocks.ended.notify_waiters();
    }
}

/// What a publication came to.
fn end_of(flowed: &Flowed) -> End {
    let attempts = || flowed.tried.kept().iter();
    let took = |status: u16| (200..300).contains(&status);
    let known = |attempt: &Attempt| attempt.outcome == Outcome::AlreadyKnown || took(attempt.status);
    // Not all attempts are kept.
    if flowed.response.status().is_success() || attempts().any(known) {
        return End::Taken;
    }
    let sent = |outcome| matches!(outcome, Outcome::Broken | Outcome::TimedOut | Outcome::Overtaken);
    if attempts().any(|attempt| attempt.status >= 400) || !attempts().any(|attempt| sent(attempt.outcome)) {
        return End::Refused;
    }
    End::Unknown
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], true)]
    #[case(&["application/json"], true)]
    #[case(&["application/octet-stream"], false)]
    #[case(&["application/octet-stream;q=1, Application/JSON;q=0.9"], true)]
    #[case(&["text/html", "*/*;q=0.1"], true)]
    fn who_takes_json(#[case] accept: &[&'static str], #[case] json: bool) {
        let mut headers = HeaderMap::new();
        for kind in accept {
            headers.append(ACCEPT, HeaderValue::from_static(kind));
        }
        assert_eq!(takes(&headers, false), json);
    }

    #[rstest]
    #[case::taken(&[(Outcome::Refused, 400), (Outcome::Ok, 202)], End::Taken)]
    #[case::known(&[(Outcome::AlreadyKnown, 400)], End::Taken)]
    #[case::refused(&[(Outcome::Refused, 400), (Outcome::TimedOut, 0)], End::Refused)]
    #[case::failed(&[(Outcome::Failed, 500)], End::Refused)]
    #[case::lost(&[(Outcome::Unreachable, 0), (Outcome::Broken, 0)], End::Unknown)]
    #[case::silent(&[(Outcome::TimedOut, 0)], End::Unknown)]
    #[case::not_sent(&[(Outcome::Unreachable, 0)], End::Refused)]
    #[case::nobody(&[], End::Refused)]
    fn a_publication_ends(#[case] attempts: &[(Outcome, u16)], #[case] end: End) {
        let mut tried = Tried::default();
        for (beacon, (outcome, status)) in (0..).zip(attempts) {
            tried.end(Attempt {
                beacon: BeaconId(beacon),
                outcome: *outcome,
                status: *status,
                ..Attempt::default()
            });
        }
        let response = answer::error(StatusCode::BAD_GATEWAY, "");
        assert_eq!(end_of(&Flowed::fetched(response, None, tried)), end);
    }
}
