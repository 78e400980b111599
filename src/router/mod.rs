//! The door validator clients knock at: classify, choose, attempt, answer, and leave a trace.
//!
//! A request finds its [`crate::endpoint::Row`]; the row's strategy orders beacons from the pool's published table (one
//! atomic load, no lock); a runner walks the order within the row's budget; the answer streams back. What became of it
//! goes to the [`Sink`] as one fixed-size trace. This room never judges health and never signs or alters bytes that are
//! signed or to be signed. To add a strategy, see [`strategy`]; to add an endpoint, see [`crate::endpoint`].

mod afterwards;
mod answer;
mod blocks;
mod body;
mod canary;
mod connection;
mod decided;
mod door;
mod duties;
mod flight;
mod flow;
mod fresh;
mod front;
mod gate;
mod given;
mod guarded;
mod guest;
mod head;
mod held;
#[cfg(test)]
mod histories;
mod hub;
mod kept;
mod limit;
mod listener;
mod listing;
mod liveness;
mod local;
mod memory;
mod merge;
mod merger;
mod offer;
mod policy;
mod quorum;
mod refusal;
mod replies;
mod room;
mod run;
mod seeding;
mod shadow;
mod shelf;
mod sift;
mod signable;
pub mod strategy;
mod tenure;
mod topics;
mod upstream;
mod viewed;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::Method;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::endpoint::{RowId, find};
use crate::guard::{Marks, Published};
use crate::model::{
    BeaconId, BeaconName, BeaconSet, ClientId, Clock, Limits, Moment, Opened, Slot, Trace, UnixMs,
};
use crate::pool::Table;

pub use canary::Canary;
pub use gate::{Gate, Rules};
pub use given::Given;
pub use hub::{Hub, Voice};
pub use limit::Crowd;
pub use listener::{Clients, Ends, ListenError, Listener};
pub use local::LocalFacts;
pub use memory::{Memo, Memory, Produced};
pub use policy::Policy;
pub use run::{Lane, Report, Turns};
pub use seeding::{Desk, Heard, Seeding};
pub use shadow::Shadow;
pub use tenure::{Mark, Tenures};
pub use upstream::{Upstream, UpstreamError};

/// What passed: a publication or a list of duties, for whoever keeps the ledger.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The trace's number.
    pub trace: u64,
    /// The endpoint.
    pub row: RowId,
    /// Who asked.
    pub client: ClientId,
    /// The slot it is about, or the slot it arrived in.
    pub slot: Slot,
    /// Arrival of the request.
    pub at: Moment,
    /// Request body, shared.
    pub request: Bytes,
    /// Whether the request body is SSZ.
    pub request_ssz: bool,
    /// Answer body, shared; empty where the answer says nothing.
    pub answer: Bytes,
    /// Whether the answer body is SSZ.
    pub answer_ssz: bool,
    /// Beacons that took or answered it.
    pub beacons: BeaconSet,
}

/// Takes what the router leaves behind. Called on the hot path: it must not block.
pub trait Sink: Send + Sync {
    /// A request is over.
    fn trace(&self, trace: Trace);
    /// A publication or a list of duties passed.
    fn exchange(&self, exchange: Exchange);
    /// A question was asked of one more beacon.
    fn canary(&self, canary: Canary);
    /// A read was repeated at an excluded beacon.
    fn shadow(&self, shadow: Shadow);
}

/// Counters of the door that no trace carries, and the crowd before it.
#[derive(Debug, Default)]
pub struct DoorGauge {
    /// Connections open.
    pub connections: AtomicUsize,
    /// Connections refused: not allowed, or too many.
    pub refused: AtomicU64,
    /// Requests refused for the door's token.
    pub strangers: AtomicU64,
    /// Requests refused because their client asks too often.
    pub hurried: AtomicU64,
    /// Requests that panicked.
    pub panics: AtomicU64,
    /// What each client takes.
    pub crowd: Crowd,
}

/// Everything a request needs; shared by all requests under one fleet file as loaded. What must outlive that file (hub,
/// counters, what lasts) is shared with the router of the next one.
pub struct Router {
    /// Beacons and clock.
    pub lane: Lane,
    /// The pool's published table.
    pub table: Arc<ArcSwap<Table>>,
    /// What the router answers itself.
    pub facts: Arc<ArcSwap<LocalFacts>>,
    /// Merged events.
    pub hub: Arc<Hub>,
    /// What is remembered between requests.
    pub memory: Arc<Memory>,
    /// What beacons must have been told.
    pub seeding: Seeding,
    /// Since when beacons are up.
    pub tenures: Arc<Tenures>,
    /// Widths and shares.
    pub policy: Policy,
    /// How connections are recognised.
    pub clients: Clients,
    /// Namespaces that are open.
    pub open: Vec<Opened>,
    /// Bounds.
    pub limits: Limits,
    /// Where traces go.
    pub sink: Arc<dyn Sink>,
    /// Counters.
    pub gauge: Arc<DoorGauge>,
    /// KiB of bodies that may be held at once.
    pub bodies: Arc<Semaphore>,
    /// What was signed or must be told, until the last beacon has it: it outlives the client that sent it, and a stop
    /// waits for it.
    pub lasting: TaskTracker,
    /// Turns of second copies, so that they never crowd out first ones.
    pub turns: Arc<Turns>,
    /// Number of the last trace.
    pub traces: Arc<AtomicU64>,
}

impl Router {
    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.lane.clock
    }

    /// What holds on the chain of this genesis after what was signed: of attestations, and the last blocks.
    pub fn marks(&self, genesis: UnixMs) -> (Option<Marks>, Vec<Published>) {
        (self.memory.decided().marks(genesis), self.memory.blocks().last(genesis))
    }

    /// Another process learned so much.
    pub fn raise(&self, genesis: UnixMs, marks: &Marks, blocks: &[Published]) {
        self.memory.decided().raise(genesis, marks);
        for one in blocks {
            self.memory.blocks().raise(genesis, *one);
        }
    }

    /// Whether some beacon may answer what gets signed.
    pub fn serves(&self) -> bool {
        local::healthy(&self.table.load())
    }

    /// What [`Router::bodies`] has while nothing is held.
    pub fn permits(limits: &Limits) -> usize {
        (limits.bodies / 1_024).min(Semaphore::MAX_PERMITS)
    }

    /// Whether it answers a question of its own, the way any request goes up to the choice of a beacon: row, published
    /// table, facts. Nobody asked, so it leaves no trace.
    pub fn answers(&self) -> bool {
        let found = find(&Method::GET, "/eth/v1/node/syncing");
        let answer = local::local(&found, &self.facts.load(), &self.table.load_full(), (self.clock())().wall);
        answer.is_some_and(|answer| answer.status().is_success())
    }

    /// The place of the beacon of this name, if the fleet file has one.
    fn place(&self, name: &BeaconName) -> Option<BeaconId> {
        self.lane.upstreams.iter().find(|upstream| upstream.name == *name).map(|upstream| upstream.id)
    }

    /// A beacon's name.
    pub fn name(&self, id: BeaconId) -> String {
        self.lane.upstreams.get(id.index()).map_or_else(String::new, |up| up.name.to_string())
    }
}
