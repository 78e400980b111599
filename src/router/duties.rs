//! Duties asked once: who asks the same shares one read, and what was told of a validator is told again for as long as
//! the block it rests on.
//!
//! What stands is the guard's business; here are the reads. All clients ask one beacon in an epoch, the leader, while it is
//! well. A beacon whose list rests on another block than most beacons' is passed over. Only validators of whom nothing
//! is known are asked for, and never those of two clients together: a list that beacons refuse spoils no other one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::afterwards::Afterwards;
use super::flight::{Flights, Joined};
use super::flow::{Case, Flowed};
use super::kept::Kept;
use super::listing::{self, Listing, WHOLE};
use super::memory::lock;
use super::replies::gave_up;
use super::run::{self, Finished, Plan, Tried};
use super::sift::sift;
use super::upstream::{Ask, Reply};
use super::{Router, fresh, shadow};
use crate::chain::dependent_root;
use crate::endpoint::{Found, Inspect, Row};
use crate::guard::{Deciders, DutyKind, DutyList, Known, Roster};
use crate::model::{BeaconId, BeaconName, Epoch, Quoted, Root, Shared};
use crate::pool::{GOOD, Table};

/// Validators in one question; a longer one is passed on as it is.
const VALIDATORS: usize = 1 << 18;

/// What a beacon told of a validator.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its duty as it was written; empty where it has none. Of proposers the whole answer.
    pub duty: Bytes,
    /// Who told.
    pub by: BeaconName,
}

/// What a read brought, for all who wait for it.
#[derive(Clone, Default)]
pub struct Brought {
    /// The answer; none if there is none.
    pub kept: Option<Arc<Kept>>,
    /// What it tells, if it is a list of duties.
    pub listing: Option<Arc<Listing>>,
    /// Attempts made.
    pub tried: Tried,
}

/// What is read: a list, the block it should rest on, of which validators.
type Flying = (DutyList, Option<Root>, Arc<[u64]>, bool);

/// Duties that stand, and reads under way.
#[derive(Default)]
pub struct Duties {
    roster: Mutex<Roster<Told>>,
    flights: Flights<Flying, Brought>,
}

impl Duties {
    /// A beacon says which blocks decide duties.
    pub fn hear(&self, beacon: &BeaconName, said: Deciders) {
        self.roster().hear(beacon, said);
    }

    /// Blocks after this epoch's were replaced.
    pub fn reorg(&self, since: Epoch) {
        self.roster().reorg(since);
    }

    /// Forgets what all beacons but these said.
    pub fn keep(&self, beacons: &[BeaconName]) {
        self.roster().keep(beacons);
    }

    fn roster(&self) -> MutexGuard<'_, Roster<Told>> {
        lock(&self.roster)
    }
}

/// What is asked about duties.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    list: DutyList,
    /// In order, each once.
    validators: Arc<[u64]>,
}

impl Question {
    /// Reads it; none if this is another question, or one that only a beacon can judge.
    pub fn read(found: &Found<'_>, ask: &Ask) -> Option<Self> {
        let kind = kind(found.row)?;
        if ask.path.query().is_some() {
            return None;
        }
        let epoch = found.epoch()?;
        let mut validators = if kind.is_whole() {
            vec![WHOLE]
        } else {
            let list: Vec<Quoted> = serde_json::from_slice(&ask.body).ok()?;
            list.into_iter().map(|index| index.0).collect()
        };
        validators.sort_unstable();
        validators.dedup();
        let fits = !validators.is_empty() && validators.len() <= VALIDATORS;
        fits.then(|| Self { list: DutyList { kind, epoch }, validators: validators.into() })
    }
}

/// Which duties a row lists.
fn kind(row: &Row) -> Option<DutyKind> {
    Some(match (row.inspect, row.name) {
        (Inspect::AttesterDuties, _) => DutyKind::Attester,
        (Inspect::ProposerDuties, "getProposerDutiesV2") => DutyKind::ProposerV2,
        (Inspect::ProposerDuties, _) => DutyKind::Proposer,
        (Inspect::SyncDuties, _) => DutyKind::Sync,
        (Inspect::PayloadDuties, _) => DutyKind::PayloadAttester,
        _ => return None,
    })
}

/// The block a list should rest on, by the word of the beacons that are well, or of all if none is.
fn expected(router: &Router, row: &Row, list: DutyList, table: &Table) -> Option<Root> {
    let well = |good: bool| -> HashSet<&BeaconName> {
        let entries = table.entries.iter().filter(|entry| !good || entry.rank(row.needs, row.role) == GOOD);
        entries.map(|entry| &router.lane.upstreams[entry.id.index()].name).collect()
    };
    let mut count = well(true);
    if count.is_empty() {
        count = well(false);
    }
    let head = fresh::head(router.hub.told(), table).map(|head| head.root);
    router.memory.duties().roster().expected(list, head, |name| count.contains(name))
}

/// Answers a question: by what stands, and for the rest by the read under way or one of its own.
pub async fn ask(
    router: &Arc<Router>,
    ask: Arc<Ask>,
    case: Case,
    question: Question,
    (order, fresh): (&[BeaconId], usize),
    plan: Plan,
    table: &Table,
) -> Flowed {
    let Question { list, validators } = question;
    let expected = expected(router, ask.row, list, table);
    let duties = router.memory.duties();
    let look = || known(router, list, expected, &validators);
    let mut at_first = look();
    loop {
        let missing: Arc<[u64]> = at_first.missing.as_slice().into();
        let whole = at_first.told.is_empty();
        let read = || {
            let order = order.to_vec();
            let reader = Reader { list, expected, validators: missing.clone(), whole, order, fresh, plan };
            reader.read(router.clone(), ask.clone())
        };
        let standing = || Some(look()).filter(|known| known.missing.is_empty());
        let flight = match duties.flights.join((list, expected, missing.clone(), whole), standing, read) {
            Joined::Stands(known) => return cached(router, &ask, case, list, expected, &known.told),
            Joined::Waits(flight) => flight,
        };
        let (begun, shared) = (flight.begun, flight.shared());
        if begun {
            shadow::repeat(router, &ask, table, plan.attempt);
        }
        let brought = flight.landed().await.unwrap_or_default();
        let counted = brought.tried.counted(begun);
        let Some(kept) = brought.kept else {
            let response = gave_up(router, ask.row, &brought.tried);
            return Flowed { shared, ..Flowed::fetched(response, None, counted) };
        };
        if whole || !kept.status.is_success() {
            return Flowed { shared, ..give(router, &ask, case, &kept, counted) };
        }
        let more = brought.listing.filter(|more| more.root.is_none() || more.root == expected);
        if let (Some(more), Some(by)) = (more, router.place(&kept.beacon)) {
            let told = at_first.told.iter().chain(more.told.iter().map(|(_, told)| told));
            let body = listing::written(list.kind, expected, told);
            return Flowed { shared, ..give(router, &ask, case, &Kept::json(router, by, body), counted) };
        }
        // What stood and what was brought rest on different blocks: all is asked anew.
        at_first = Known { told: Vec::new(), missing: validators.to_vec() };
    }
}

/// What stands for a question. What beacons told that are no longer in the fleet file is asked anew.
fn known(router: &Router, list: DutyList, expected: Option<Root>, validators: &[u64]) -> Known<Told> {
    let known = router.memory.duties().roster().known(list, expected, validators);
    if known.told.first().is_none_or(|told| router.place(&told.by).is_some()) {
        return known;
    }
    Known { told: Vec::new(), missing: validators.to_vec() }
}

/// An answer of what was told before.
fn cached(
    router: &Arc<Router>,
    ask: &Arc<Ask>,
    case: Case,
    list: DutyList,
    root: Option<Root>,
    told: &[Told],
) -> Flowed {
    let Some(by) = told.first().and_then(|told| router.place(&told.by)) else {
        return Flowed::fetched(gave_up(router, ask.row, &Tried::default()), None, Tried::default());
    };
    let kept = Kept::json(router, by, listing::written(list.kind, root, told.iter()));
    Flowed { shared: Some(Shared::Cached), ..give(router, ask, case, &kept, Tried::default()) }
}

fn give(router: &Arc<Router>, ask: &Arc<Ask>, case: Case, kept: &Kept, tried: Tried) -> Flowed {
    let flowed = kept.give(router, tried);
    let by = flowed.by.filter(|_| kept.status.is_success());
    let afterwards = by.and_then(|by| Afterwards::of_duties(router, ask, case, by, kept.body.clone()));
    Flowed { afterwards, ..flowed }
}

/// One read for all who ask the same.
pub struct Reader {
    list: DutyList,
    expected: Option<Root>,
    /// Of whom it asks.
    pub validators: Arc<[u64]>,
    /// Whether these are all the client asked for.
    whole: bool,
    order: Vec<BeaconId>,
    fresh: usize,
    /// How long it may take.
    pub plan: Plan,
}

impl Reader {
    async fn read(self, router: Arc<Router>, ask: Arc<Ask>) -> Brought {
        let ticket = router.memory.duties().roster().ticket();
        let first = if self.whole { ask.clone() } else { listing::about(&ask, &self.validators) };
        let mut brought = self.once(&router, &first, self.validators.clone()).await;
        if let Some(sifted) = sift(&self, &router, &ask, &brought).await {
            brought = sifted;
        }
        if let Some(listing) = &brought.listing {
            let expected = expected(&router, ask.row, self.list, &router.table.load());
            // Answers about sync committees tell no root: they rest on what was expected when they were asked for.
            if let Some(root) = listing.root.or(self.expected) {
                let told = listing.told.iter().cloned();
                router.memory.duties().roster().settle(self.list, ticket, (root, expected), told);
            }
        }
        brought
    }

    /// Asks along the order; one whose list rests on another block than expected is answered with only if all do.
    pub async fn once(&self, router: &Router, ask: &Arc<Ask>, validators: Arc<[u64]>) -> Brought {
        let odd = Mutex::new(None);
        let fits = |by: BeaconId, reply: &Reply| {
            let root = reply.bytes().and_then(|body| dependent_root(body));
            let (Some(expected), Some(said)) = (self.expected, root) else { return true };
            if said == expected {
                return true;
            }
            let (beacon, list) = (router.name(by), self.list);
            tracing::warn!(
                beacon, duties = ?list.kind, epoch = %list.epoch, root = %said, others = %expected,
                "duties that rest on another block than other beacons' are not given out"
            );
            let kept = Kept::copy(router, by, reply);
            lock(&odd).get_or_insert(kept);
            false
        };
        let Finished { reply, tried } =
            run::sequence(&router.lane, ask, &self.order, self.fresh, self.plan, fits).await;
        let kept = reply.map(|(by, reply)| Kept::of(router, by, reply));
        let odd = odd.into_inner().unwrap_or_else(PoisonError::into_inner);
        let kept = match kept {
            Some(kept) if kept.status.is_success() || odd.is_none() => Some(Arc::new(kept)),
            _ => odd.map(Arc::new),
        };
        let kind = self.list.kind;
        let listing = match kept.clone().filter(|kept| kept.status.is_success()) {
            Some(kept) => listing::read(kept, kind, validators).await.map(Arc::new),
            None => None,
        };
        Brought { kept, listing, tried }
    }

    /// What was told of these, as one answer of the beacon that told the first of it.
    pub fn put_together(&self, router: &Router, listing: Listing, tried: Tried) -> Option<Brought> {
        let by = router.place(&listing.told.first()?.1.by)?;
        let body = listing::written(self.list.kind, listing.root, listing.told.iter().map(|(_, told)| told));
        let kept = Some(Arc::new(Kept::json(router, by, body)));
        Some(Brought { kept, listing: Some(Arc::new(listing)), tried })
    }
}
