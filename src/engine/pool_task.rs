//! The task that owns the pool: takes what happened, publishes tables and status, carries out the pool's actions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::adopt::{Course, Joining};
use super::journal::Journal;
use super::lead::voice;
use super::network::Network;
use super::observe::{Eye, Probed, Seen};
use super::pulse::Pulse;
use super::said::{Key, Message, Said};
use super::seeds_task::Answering;
use super::status::{Known, compose};
use crate::beacon::NodeVersion;
use crate::model::{
    Ack, BeaconId, BeaconName, Clock, Drain, FleetStatus, HostStatus, Operation, Reason, Silence,
};
use crate::pool::{Action, Chain, Event, Pool};
use crate::router::{Desk, Hub, LocalFacts, Tenures};
use crate::seeds::{Lost, Sign, Signs, When};

/// How often time itself is an event: a silent beacon is suspected within one of these.
const TICK: Duration = Duration::from_millis(50);
/// How often the status is looked at anew.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Comments go out on event streams this often (Beacon API events: a comment every 10 s suits every client).
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The task and what it owns.
pub struct PoolTask {
    /// The pool.
    pub pool: Pool,
    /// The network.
    pub network: Network,
    /// The fleet file in force.
    pub course: Course,
    /// Restarts and upgrades.
    pub operations: Arc<ArcSwap<Vec<Operation>>>,
    /// Acknowledgements.
    pub acks: Arc<ArcSwap<Vec<Ack>>>,
    /// Silences.
    pub silences: Arc<ArcSwap<Vec<Silence>>>,
    /// The next one, on its way in.
    pub joining: Option<Box<Joining>>,
    /// By beacon.
    pub versions: Vec<Option<NodeVersion>>,
    /// The clock.
    pub clock: Clock,
    /// Where the router's own answers are published.
    pub facts: Arc<ArcSwap<LocalFacts>>,
    /// Events for clients.
    pub hub: Arc<Hub>,
    /// Where tables are remembered.
    pub journal: Journal,
    /// What is seen, and what it means.
    pub eye: Eye,
    /// The hosts underneath.
    pub hosts: Arc<ArcSwap<Vec<HostStatus>>>,
    /// Where the status is published.
    pub status: watch::Sender<Arc<FleetStatus>>,
    /// Short-lived work is tracked here.
    pub tracker: TaskTracker,
    /// What beacons must have been told.
    pub desk: Arc<Desk>,
    /// Who answers probes.
    pub answering: Arc<Answering>,
    /// Since when beacons are up.
    pub tenures: Arc<Tenures>,
    /// What speaks for a restart, by beacon.
    pub signs: BTreeMap<Key, Signs>,
    /// Processor time in use at each beacon's machine, percent, where it is told.
    pub cpus: BTreeMap<Key, u8>,
    /// Whose word counts where views differ.
    pub leader: Option<Key>,
    /// Beacons whose event stream is open.
    pub hearing: BTreeSet<Key>,
    /// Whether a chain split of before was taken back, or one was seen since.
    pub split_known: bool,
    /// What on-call must know of the program itself, by its part.
    pub notices: BTreeMap<&'static str, String>,
    /// Beats when time was taken as an event.
    pub pulse: Pulse,
    /// Orders that stand, of beacons in the fleet file or not.
    pub drains: BTreeMap<BeaconName, Drain>,
}

impl PoolTask {
    /// Everybody is new, and what is known so far is published.
    pub fn begin(&mut self) {
        self.enlist(|_| true);
        self.hold_drains();
        self.publish();
        self.publish_status();
    }

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
                _ = ticks.tick() => {
                    self.tick();
                    self.pulse.beat();
                }
                _ = statuses.tick() => self.publish_status(),
                _ = alive.tick() => self.hub.keep_alive(),
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Said(key, Said::Stream(open)) => self.stream(key, open),
            Message::Said(key, said) => match self.course.find(key) {
                Some(id) => self.said(id, said),
                None => self.joining.iter_mut().for_each(|joining| joining.hear(key, said.clone())),
            },
            Message::Order(beacon, drain, answer) => {
                let place = self.course.places.iter().position(|place| place.name == beacon);
                let lifecycle = place.map(|place| {
                    if drain.is_none() {
                        // While it was drained it was told nothing.
                        self.feed(Event::Unseeded(BeaconId(place as u16)));
                    }
                    self.feed(Event::Drain(BeaconId(place as u16), drain.is_some()));
                    match drain {
                        Some(drain) => drop(self.drains.entry(beacon).or_insert(drain)),
                        None => drop(self.drains.remove(&beacon)),
                    }
                    self.course.table.load().entries[place].lifecycle
                });
                self.publish_status();
                // Whoever gave the order may have hung up; the order stands.
                let _ = answer.send(lifecycle);
            }
            Message::Seeded(beacon, turn) => {
                if let Some(place) = self.course.places.iter().position(|place| place.name == beacon) {
                    self.feed(Event::Seeded(BeaconId(place as u16), turn));
                }
            }
            Message::Join(joining) => self.joining = Some(joining),
            Message::Notice(part, notice) => {
                match notice {
                    Some(words) => self.notices.insert(part, words),
                    None => self.notices.remove(part),
                };
                self.publish_status();
            }
        }
    }

    /// An order stands for the beacon of that name, whichever process or fleet file it was given under. The caller publishes.
    pub(super) fn hold_drains(&mut self) {
        let now = (self.clock)();
        for (index, place) in self.course.places.iter().enumerate() {
            if self.drains.contains_key(&place.name) {
                drop(self.pool.handle(Event::Drain(BeaconId(index as u16), true), now));
            }
        }
    }

    fn said(&mut self, id: BeaconId, said: Said) {
        match said {
            Said::Told(told) => {
                let known = self.network.learn(id, *told, (self.clock)());
                self.identified(known);
            }
            Said::Version(version) => self.version(id, version),
            Said::Started(at) => {
                self.tenures.told(&self.course.place(id).name, at, (self.clock)().wall);
            }
            Said::Cpu(percent) => {
                self.cpus.insert(self.course.place(id).watcher.key, percent);
            }
            Said::Same => self.tenures.vouch(&self.course.place(id).name, (self.clock)().wall),
            Said::Unsure => self.tenures.lost(&self.course.place(id).name, (self.clock)().wall),
            Said::Sign(sign) => self.saw(id, sign),
            Said::Deciders(head, previous, current) => self.deciders(id, head, (previous, current)),
            Said::Reorg(slot) => self.reorg(slot),
            Said::Event(topic, data) => {
                let now = (self.clock)();
                if let Some(voice) = voice(&self.course.table.load(), id, now) {
                    self.hub.event(&self.course.place(id).name, &topic, data, voice, now);
                    self.release();
                }
            }
            other => {
                let beacon = &self.course.place(id).name;
                match &other {
                    Said::Probed(facts, took) => {
                        let ms = took.map(|took| took.as_secs_f64() * 1_000.0);
                        self.eye.tell(Seen::Probe(beacon.clone(), Probed::Answered(*facts, ms)));
                        self.answering.set(beacon, true);
                        self.tenures.seen(beacon, (self.clock)().wall);
                    }
                    Said::ProbeFailed(_) => {
                        self.eye.tell(Seen::Probe(beacon.clone(), Probed::Failed));
                        self.answering.set(beacon, false);
                        self.cpus.remove(&self.course.place(id).watcher.key);
                    }
                    Said::Head(head, by_event) => {
                        self.eye.tell(Seen::Head(beacon.clone(), head.slot, *by_event));
                    }
                    Said::Broken => self.saw(id, Sign::Broken),
                    _ => {}
                }
                if let Some(event) = other.event(id) {
                    self.feed(event);
                }
            }
        }
    }

    fn tick(&mut self) {
        let known = self.network.tick((self.clock)());
        self.identified(known);
        self.recall_split();
        self.feed(Event::Tick);
        self.adopt_if_ready();
    }

    fn identified(&mut self, known: Vec<(BeaconId, Chain)>) {
        if known.is_empty() {
            return;
        }
        self.tell_facts();
        if let Some(clock) = self.network.chosen().map(|chosen| chosen.clock.clone()) {
            self.feed(Event::Chain(clock));
        }
        for (id, chain) in known {
            if let Chain::Stranger(why) = &chain {
                tracing::error!(beacon = %self.course.place(id).name, %why, "refused: another network");
            }
            self.feed(Event::Identified(id, chain));
        }
    }

    /// Publishes what the router answers itself.
    pub(super) fn tell_facts(&self) {
        let Some(chosen) = self.network.chosen() else { return };
        if self.facts.load().genesis.is_none() {
            let root = chosen.identity.genesis.validators_root;
            tracing::info!(genesis_validators_root = %root, "the pool's network is known");
        }
        self.desk.with(|book| book.learn(&chosen.identity.spec));
        self.eye.tell(Seen::Spec(Arc::new(chosen.identity.spec.clone())));
        let peers = self.facts.load().peers;
        self.facts.store(Arc::new(LocalFacts { peers, ..chosen.facts.clone() }));
    }

    pub(super) fn feed(&mut self, event: Event) {
        let actions = self.pool.handle(event, (self.clock)());
        for action in actions {
            self.act(action);
        }
        self.release();
    }

    /// Clients hear of a head once it is agreed, so that what they ask next is asked of beacons that have it.
    fn release(&self) {
        self.hub.release(self.course.table.load().agreed, (self.clock)());
    }

    /// Publishes the pool's table.
    pub(super) fn publish(&mut self) {
        let table = Arc::new(self.pool.table((self.clock)()));
        self.journal.table(table.clone());
        self.course.table.store(table);
        self.desk.wake.notify_one();
        self.lead();
    }

    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Publish => self.publish(),
            Action::Confirm(id) => {
                self.tracker.spawn(self.course.place(id).watcher.clone().confirm());
            }
            Action::ReadHeader(id, root) => {
                self.tracker.spawn(self.course.place(id).watcher.clone().header(root));
            }
            Action::Changed(id, before, reasons) => {
                // Once for each fall: what it may have lost is part of its reasons, and a change of its own.
                let fell = |reason| reasons.contains(&reason) && !before.contains(&reason);
                if fell(Reason::Unreachable) {
                    // Nobody listens there: when somebody does again it is a new process, which was told nothing.
                    self.saw(id, Sign::Refused);
                } else if fell(Reason::Hung) || fell(Reason::Failing) {
                    // It may have missed something.
                    self.feed(Event::Unseeded(id));
                }
                let beacon = &self.course.place(id).name;
                let words = |reasons: &[Reason]| -> Vec<&str> {
                    let lasting = reasons.iter().filter(|reason| **reason != Reason::Unseeded);
                    lasting.map(|reason| reason.words()).collect()
                };
                let (before, words) = (words(&before), words(&reasons));
                if words == before {
                    return;
                }
                if words.is_empty() {
                    tracing::info!(%beacon, "beacon is healthy");
                } else {
                    tracing::warn!(%beacon, reasons = words.join(", "), "beacon is not healthy");
                }
            }
        }
    }

    /// The seats of the book are those of the fleet file in force; a beacon that is new in it holds nothing.
    pub(super) fn enlist(&mut self, is_new: impl Fn(Key) -> bool) {
        let names = self.course.names();
        let new: Vec<BeaconId> = (0..names.len())
            .map(|place| BeaconId(place as u16))
            .filter(|id| is_new(self.course.place(*id).watcher.key))
            .collect();
        self.desk.with(|book| {
            book.enlist(&names);
            for id in &new {
                book.lose(&names[id.index()], Lost::Everything);
            }
        });
        self.signs.retain(|key, _| self.course.find(*key).is_some());
        self.cpus.retain(|key, _| self.course.find(*key).is_some());
        for id in new {
            self.feed(Event::Unseeded(id));
        }
    }

    pub(super) fn publish_status(&mut self) {
        let now = (self.clock)();
        let table = self.course.table.load_full();
        let peers = (0..self.course.places.len())
            .filter_map(|index| self.pool.inspect(BeaconId(index as u16)).0.facts?.peers)
            .max();
        if peers != self.facts.load().peers {
            let facts = LocalFacts { peers, ..LocalFacts::clone(&self.facts.load()) };
            self.facts.store(Arc::new(facts));
        }
        let (names, when) = (self.course.names(), table.clock.as_ref().map(|clock| When::on(clock, now)));
        let (told, seed_alerts) = self.desk.with(|book| (book.tell(&names, when), book.alerts()));
        let forks = self.network.forks(&names, now.wall);
        let keys = self.course.places.iter().map(|place| place.watcher.key);
        let cpus: Vec<Option<u8>> = keys.map(|key| self.cpus.get(&key).copied()).collect();
        let known = Known {
            fleet: &self.course.fleet,
            cpus: &cpus,
            names: &names,
            told: &told,
            seed_alerts: &seed_alerts,
            traffic: &self.journal.traffic(),
            versions: &self.versions,
            network: self.network.chosen(),
            notices: &self.notices,
            drains: &self.drains,
            operations: &self.operations.load(),
            acks: &self.acks.load(),
            // In this order: incidents of before are there only once their silences are.
            shown: &self.eye.shown.load(),
            silences: &self.silences.load(),
            hosts: &self.hosts.load(),
            forks: &forks,
        };
        let mut status = compose(&self.pool, &table, &known, now);
        status.alerts.extend(self.course.memory.quorums().page());
        status.alerts.extend(self.hub.conflicts().iter().map(ToString::to_string));
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
