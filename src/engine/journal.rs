//! The task that keeps what passed: traces, publications, published tables; and answers why.
//!
//! Bounded in every part. Whoever writes never waits: what does not fit the queue is counted as dropped.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::explain::{Asked, Names, Passed, explain};
use super::observe::{Eye, Passed as Sent, Seen};
use super::pulse::Pulse;
use super::tally::Tally;
use crate::chain::SlotClock;
use crate::duties::{
    self, Committees, DutyRecord, Kind, ParseError, Publication, Records, attester_duties, payload_duties,
    proposer_duties, sync_duties,
};
use crate::endpoint::{Inspect, RowId, row};
use crate::metrics::{Metrics, Series};
use crate::model::{BeaconId, ClientId, Explanation, Moment, Slot, Trace, Traffic, ValidatorIndex};
use crate::pool::Table;
use crate::router::{Canary, Exchange, Shadow, Sink};

/// Messages on their way to the task.
const QUEUE: usize = 8_192;
/// Published tables remembered, so that a trace can be explained by the table it was decided on.
const TABLES: usize = 2_048;
/// A rest when all that came is read: what comes meanwhile is read together, and woke nobody.
const REST: Duration = Duration::from_millis(10);
/// How often rates are told anew, and the task shows that it lives; the tally counts in these.
const SECOND: Duration = Duration::from_secs(1);

/// What the ids of traces stand for under one fleet file.
#[derive(Debug)]
pub struct Labels {
    /// In words.
    pub names: Names,
    /// As series of metrics.
    pub series: Series,
}

enum Message {
    Trace(Trace, Arc<Labels>),
    Exchange(Exchange, Arc<Labels>),
    Canary(Canary, Arc<Labels>),
    Shadow(Shadow, Arc<Labels>),
    Table(Arc<Table>),
    Limit(usize),
    Explain(Asked, oneshot::Sender<Vec<Explanation>>),
}

/// Writes to the task, and asks it.
#[derive(Clone)]
pub struct Journal {
    to: mpsc::Sender<Message>,
    metrics: Arc<Metrics>,
    traffic: Arc<ArcSwap<Traffic>>,
}

/// What the task owns.
pub struct JournalTask {
    from: mpsc::Receiver<Message>,
    metrics: Arc<Metrics>,
    eye: Eye,
    limit: usize,
    traces: VecDeque<Passed>,
    tables: VecDeque<Arc<Table>>,
    records: Records,
    committees: Committees,
    tally: Tally,
    /// Clients that asked for anything since the last second.
    heard: BTreeSet<ClientId>,
    /// What the ids in the tally stand for, and what they stood for before the last reload.
    tallied: [Option<Arc<Labels>>; 2],
    traffic: Arc<ArcSwap<Traffic>>,
}

/// A journal of `limit` traces and its task, which tells `eye` of what it read.
pub fn journal(limit: usize, metrics: Arc<Metrics>, eye: Eye) -> (Journal, JournalTask) {
    let (to, from) = mpsc::channel(QUEUE);
    let traffic = Arc::<ArcSwap<Traffic>>::default();
    let task = JournalTask {
        from,
        metrics: metrics.clone(),
        eye,
        limit,
        traces: VecDeque::new(),
        tables: VecDeque::new(),
        records: Records::new(limit),
        committees: Committees::default(),
        tally: Tally::default(),
        heard: BTreeSet::new(),
        tallied: [None, None],
        traffic: traffic.clone(),
    };
    (Journal { to, metrics, traffic }, task)
}

impl Journal {
    /// Keeps so many traces from now on.
    pub fn limit(&self, traces: usize) {
        self.write(Message::Limit(traces));
    }

    /// A table was published.
    pub fn table(&self, table: Arc<Table>) {
        self.write(Message::Table(table));
    }

    /// What passed lately, but for the clock.
    pub fn traffic(&self) -> Arc<Traffic> {
        self.traffic.load_full()
    }

    /// Why requests went where they went, newest first. Empty if the journal has ended.
    pub async fn explain(&self, asked: Asked) -> Vec<Explanation> {
        let (answer, answered) = oneshot::channel();
        if self.to.send(Message::Explain(asked, answer)).await.is_err() {
            return Vec::new();
        }
        answered.await.unwrap_or_default()
    }

    fn write(&self, message: Message) {
        if self.to.try_send(message).is_err() {
            self.metrics.traces_dropped.inc();
        }
    }
}

/// Takes what passes under one fleet file.
pub struct Recorder {
    /// Where it goes.
    pub journal: Journal,
    /// What its ids stand for.
    pub labels: Arc<Labels>,
}

impl Sink for Recorder {
    fn trace(&self, trace: Trace) {
        self.journal.write(Message::Trace(trace, self.labels.clone()));
    }

    fn exchange(&self, exchange: Exchange) {
        self.journal.write(Message::Exchange(exchange, self.labels.clone()));
    }

    fn canary(&self, canary: Canary) {
        self.journal.write(Message::Canary(canary, self.labels.clone()));
    }

    fn shadow(&self, shadow: Shadow) {
        self.journal.write(Message::Shadow(shadow, self.labels.clone()));
    }
}

impl JournalTask {
    /// Runs until `cancel` and then takes what is left in the queue.
    pub async fn run(mut self, pulse: Pulse, cancel: CancellationToken) {
        let mut seconds = interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = seconds.tick() => self.second(),
                message = self.from.recv() => match message {
                    Some(message) => {
                        self.take(message);
                        if self.from.is_empty() {
                            sleep(REST).await;
                        }
                    }
                    None => return,
                },
                () = cancel.cancelled() => break,
            }
            pulse.beat();
        }
        while let Ok(message) = self.from.try_recv() {
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Trace(trace, labels) => {
                self.metrics.record(&trace, &labels.series);
                self.tally(&trace, &labels);
                if row(RowId(trace.row)).step.is_some() {
                    self.tell(Seen::Trace(trace, labels.clone()));
                }
                keep(&mut self.traces, Passed { trace, labels }, self.limit);
            }
            Message::Table(table) => {
                self.tell(Seen::Table(table.clone()));
                keep(&mut self.tables, table, TABLES);
            }
            Message::Exchange(exchange, labels) => self.read(&exchange, &labels),
            Message::Canary(canary, labels) => self.tell(Seen::Canary(canary, labels)),
            Message::Shadow(shadow, labels) => self.tell(Seen::Shadow(shadow, labels)),
            Message::Limit(limit) => {
                self.limit = limit;
                self.traces.drain(..self.traces.len().saturating_sub(limit));
            }
            Message::Explain(asked, answer) => {
                let list = explain(&asked, &self.traces, &self.tables, &self.records);
                // Whoever asked may have gone.
                let _ = answer.send(list);
            }
        }
    }

    /// Counts a request. A reload begins anew; what was under way under the file before is not counted any more.
    fn tally(&mut self, trace: &Trace, labels: &Arc<Labels>) {
        let is = |of: &Option<Arc<Labels>>| of.as_ref().is_some_and(|of| Arc::ptr_eq(of, labels));
        let [present, before] = &self.tallied;
        if is(before) {
            return;
        }
        if !is(present) {
            self.tallied = [Some(labels.clone()), self.tallied[0].take()];
            self.tally = Tally::default();
            self.heard.clear();
        }
        self.heard.insert(trace.client);
        let clock = self.tables.back().and_then(|table| table.clock.as_ref());
        self.tally.record(trace, clock);
    }

    fn second(&mut self) {
        self.tally.second();
        let Some(labels) = &self.tallied[0] else { return };
        let heard: Vec<ClientId> = std::mem::take(&mut self.heard).into_iter().collect();
        if !heard.is_empty() {
            self.tell(Seen::Heard(heard, labels.clone()));
        }
        let clock = self.tables.back().and_then(|table| table.clock.as_ref());
        let traffic = self.tally.traffic(&labels.names.beacons, &labels.names.clients, clock);
        self.traffic.store(Arc::new(traffic));
    }

    fn tell(&self, seen: Seen) {
        if !self.eye.tell(seen) {
            self.metrics.traces_dropped.inc();
        }
    }

    fn read(&mut self, exchange: &Exchange, labels: &Arc<Labels>) {
        let row = row(exchange.row);
        let clock = self.tables.back().and_then(|table| table.clock.clone());
        let Ok(publications) = self.parse(row.inspect, exchange, clock.as_ref(), labels) else { return };
        let beacon = (0..128).map(BeaconId).find(|id| exchange.beacons.has(*id));
        for publication in &publications {
            let due = row.step.and_then(|step| Some(clock.as_ref()?.due(publication.slot, step)));
            let due_ms = due.map_or(0, |due| exchange.at.wall.since(due) as i32);
            self.records.push(DutyRecord::of(exchange.trace, publication, exchange.client, beacon, due_ms));
            if publication.votes.is_some() || publication.kind == Kind::Block {
                self.tell(Seen::Published(sent(publication.clone(), exchange, due_ms, labels)));
            }
        }
    }

    fn parse(
        &mut self,
        inspect: Inspect,
        exchange: &Exchange,
        clock: Option<&SlotClock>,
        labels: &Arc<Labels>,
    ) -> Result<Vec<Publication>, ParseError> {
        let served = |kind, validators: Vec<ValidatorIndex>| {
            let count = validators.len() as u32;
            vec![Publication { slot: exchange.slot, kind, validators, count, votes: None, block: None }]
        };
        match inspect {
            Inspect::AttesterDuties => {
                let duties = attester_duties(&exchange.answer)?;
                if let (Some(clock), Some(first)) = (clock, duties.duties.first()) {
                    self.committees.learn(clock.epoch_of(first.slot), &duties);
                    self.committees.prune(clock.epoch_of(slot_at(clock, exchange.at)));
                }
                let validators = duties.duties.iter().map(|duty| duty.validator).collect();
                self.tell(Seen::AttesterDuties(sent(duties.duties, exchange, 0, labels)));
                Ok(served(Kind::AttesterDuties, validators))
            }
            Inspect::ProposerDuties => {
                let duties = proposer_duties(&exchange.answer)?;
                let validators = duties.iter().map(|duty| duty.validator).collect();
                self.tell(Seen::ProposerDuties(sent(duties, exchange, 0, labels)));
                Ok(served(Kind::ProposerDuties, validators))
            }
            Inspect::SyncDuties => {
                let duties = sync_duties(&exchange.answer)?;
                let validators = duties.iter().map(|duty| duty.validator).collect();
                self.tell(Seen::SyncDuties(exchange.slot, sent(duties, exchange, 0, labels)));
                Ok(served(Kind::SyncDuties, validators))
            }
            Inspect::PayloadDuties => {
                let duties = payload_duties(&exchange.answer)?;
                let validators = duties.iter().map(|duty| duty.validator).collect();
                self.tell(Seen::PayloadDuties(sent(duties, exchange, 0, labels)));
                Ok(served(Kind::PayloadDuties, validators))
            }
            Inspect::Liveness => {
                let live = duties::live(&exchange.answer)?;
                self.tell(Seen::Live(exchange.slot, sent(live, exchange, 0, labels)));
                Ok(Vec::new())
            }
            other => duties::parse(other, &exchange.request, exchange.request_ssz, &self.committees),
        }
    }
}

fn sent<T>(what: T, exchange: &Exchange, due_ms: i32, labels: &Arc<Labels>) -> Sent<T> {
    let (client, beacons) = (exchange.client, exchange.beacons);
    Sent { what, client, beacons, due_ms, labels: labels.clone() }
}

fn slot_at(clock: &SlotClock, now: Moment) -> Slot {
    clock.slot_at(now.wall).unwrap_or_default()
}

fn keep<T>(ring: &mut VecDeque<T>, item: T, limit: usize) {
    if ring.len() >= limit {
        ring.pop_front();
    }
    ring.push_back(item);
}
