//! The task that owns the pool: takes what happened, publishes tables and status, carries out the pool's actions.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::held::Held;
use super::journal::Journal;
use super::network::{Network, Told};
use super::status::{Known, compose};
use super::watcher::Watcher;
use crate::beacon::NodeVersion;
use crate::model::{BeaconId, BeaconName, Clock, FleetStatus, Lifecycle, Reason, Role, Use};
use crate::pool::{Action, Chain, Event, NEVER, Pool, Table};
use crate::router::{Hub, LocalFacts, Memory};

/// How often time itself is an event: a silent beacon is suspected within one of these.
const TICK: Duration = Duration::from_millis(50);
/// How often the status is looked at anew.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Comments go out on event streams this often (Beacon API events: a comment every 10 s suits every client).
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What the task takes.
pub enum Message {
    /// An event of the pool.
    Pool(Event),
    /// A beacon told its chain.
    Told(BeaconId, Box<Told>),
    /// A beacon told its version.
    Version(BeaconId, NodeVersion),
    /// A beacon's event stream said this: topic and data.
    Event(BeaconId, String, Bytes),
    /// An operator's order: drain or resume. Answered with the lifecycle it has afterwards.
    Order(BeaconId, bool, oneshot::Sender<Lifecycle>),
}

/// The task and what it owns.
pub struct PoolTask {
    /// The pool.
    pub pool: Pool,
    /// The network.
    pub network: Network,
    /// The clock.
    pub clock: Clock,
    /// Where tables are published.
    pub table: Arc<ArcSwap<Table>>,
    /// Where the router's own answers are published.
    pub facts: Arc<ArcSwap<LocalFacts>>,
    /// Events for clients.
    pub hub: Arc<Hub>,
    /// What the router remembers of beacons.
    pub memory: Arc<Memory>,
    /// Where tables are remembered.
    pub journal: Journal,
    /// By beacon.
    pub watchers: Vec<Watcher>,
    /// By beacon.
    pub names: Vec<BeaconName>,
    /// `fleet:`.
    pub fleet: String,
    /// By beacon.
    pub versions: Vec<Option<NodeVersion>>,
    /// Where the status is published.
    pub status: watch::Sender<Arc<FleetStatus>>,
    /// Short-lived work is tracked here.
    pub tracker: TaskTracker,
    /// Head events that wait until the head is agreed.
    pub held: Held,
}

impl PoolTask {
    /// Runs until `cancel`.
    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>, cancel: CancellationToken) {
        let mut ticks = interval(TICK);
        let mut statuses = interval(STATUS_EVERY);
        let mut alive = interval(KEEP_ALIVE);
        for timer in [&mut ticks, &mut statuses, &mut alive] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                Some(message) = messages.recv() => self.take(message),
                _ = ticks.tick() => self.tick(),
                _ = statuses.tick() => self.publish_status(),
                _ = alive.tick() => self.hub.keep_alive(),
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Pool(event) => self.feed(event),
            Message::Told(id, told) => {
                let known = self.network.learn(id, *told, (self.clock)());
                self.identified(known);
            }
            Message::Version(id, version) => {
                let old = self.versions[id.index()].replace(version.clone());
                if old.as_ref().is_none_or(|old| old.text != version.text) {
                    tracing::info!(beacon = %self.names[id.index()], version = %version.text, "beacon node version");
                    self.memory.forget(id);
                }
            }
            Message::Event(id, topic, data) => {
                let speaks =
                    |entry: &crate::pool::Entry| entry.rank(Use::Events, Some(Role::Events)) != NEVER;
                if speaks(&self.table.load().entries[id.index()]) {
                    self.held.push(id, topic, data, (self.clock)());
                    self.release();
                }
            }
            Message::Order(id, drain, answer) => {
                self.feed(Event::Drain(id, drain));
                let lifecycle = self.table.load().entries[id.index()].lifecycle;
                // Whoever gave the order may have hung up; the order stands.
                let _ = answer.send(lifecycle);
                self.publish_status();
            }
        }
    }

    fn tick(&mut self) {
        let known = self.network.tick((self.clock)());
        self.identified(known);
        self.feed(Event::Tick);
    }

    fn identified(&mut self, known: Vec<(BeaconId, Chain)>) {
        if known.is_empty() {
            return;
        }
        if let Some(chosen) = self.network.chosen() {
            let clock = chosen.clock.clone();
            if self.facts.load().genesis.is_none() {
                let root = chosen.identity.genesis.validators_root;
                tracing::info!(genesis_validators_root = %root, "the pool's network is known");
            }
            let peers = self.facts.load().peers;
            self.facts.store(Arc::new(LocalFacts { peers, ..chosen.facts.clone() }));
            self.feed(Event::Chain(clock));
        }
        for (id, chain) in known {
            if let Chain::Stranger(why) = &chain {
                tracing::error!(beacon = %self.names[id.index()], %why, "refused: another network");
            }
            self.feed(Event::Identified(id, chain));
        }
    }

    fn feed(&mut self, event: Event) {
        let actions = self.pool.handle(event, (self.clock)());
        for action in actions {
            self.act(action);
        }
        self.release();
    }

    /// Clients hear of a head once it is agreed, so that what they ask next is asked of beacons that have it.
    fn release(&mut self) {
        for (id, topic, data) in self.held.ready(self.table.load().agreed, (self.clock)()) {
            self.hub.event(id, &topic, &data);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Publish => {
                let table = Arc::new(self.pool.table((self.clock)()));
                self.hub.lead(leader(&table));
                self.journal.table(table.clone());
                self.table.store(table);
            }
            Action::Confirm(id) => {
                self.tracker.spawn(self.watchers[id.index()].clone().confirm());
            }
            Action::ReadHeader(id, root) => {
                self.tracker.spawn(self.watchers[id.index()].clone().header(root));
            }
            Action::Changed(id, reasons) => {
                let beacon = &self.names[id.index()];
                if reasons.contains(&Reason::Unreachable) {
                    // Nobody listens there: when somebody does again it is a new process, which was told nothing.
                    self.memory.forget(id);
                }
                let words: Vec<&str> = reasons.iter().map(|reason| reason.words()).collect();
                if words.is_empty() {
                    tracing::info!(%beacon, "beacon is healthy");
                } else {
                    tracing::warn!(%beacon, reasons = words.join(", "), "beacon is not healthy");
                }
            }
        }
    }

    fn publish_status(&mut self) {
        let now = (self.clock)();
        let table = self.table.load_full();
        let peers = (0..self.names.len())
            .filter_map(|index| self.pool.inspect(BeaconId(index as u16)).0.facts?.peers)
            .max();
        if peers != self.facts.load().peers {
            let facts = LocalFacts { peers, ..LocalFacts::clone(&self.facts.load()) };
            self.facts.store(Arc::new(facts));
        }
        let known = Known {
            fleet: &self.fleet,
            names: &self.names,
            versions: &self.versions,
            network: self.network.chosen(),
        };
        let status = compose(&self.pool, &table, &known, now);
        for alert in status.alerts.iter().filter(|alert| !self.status.borrow().alerts.contains(alert)) {
            tracing::error!(%alert, "page");
        }
        self.status.send_if_modified(|old| {
            let changed = **old != status;
            *old = Arc::new(status);
            changed
        });
    }
}

/// Whose word counts where views differ: the best ranked beacon at the agreed head, the first in the fleet file among
/// equals, so that it changes as seldom as can be.
fn leader(table: &Table) -> Option<BeaconId> {
    table
        .entries
        .iter()
        .filter(|entry| entry.rank(Use::Events, Some(Role::Events)) != NEVER)
        .min_by_key(|entry| (entry.rank(Use::Events, Some(Role::Events)), !entry.at_agreed, entry.id))
        .map(|entry| entry.id)
}
