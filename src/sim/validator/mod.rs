//! Validator clients that behave like today's, with one beacon URL each, over real HTTP with kept-alive connections.
//!
//! A client learns the chain from its URL, fetches duties once an epoch, subscribes, prepares, attests at a head event
//! or at the due point, aggregates, proposes, and counts what went wrong. It signs for show but remembers like EIP-3076
//! demands. To add a duty, write a file beside `attest` and start it in `Worker::slot`.

mod attest;
mod duties;
mod events;
mod http;
mod propose;
mod protect;
mod sync;
mod tally;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::duties::Duties;
use self::http::Http;
use self::protect::Protection;
pub use self::tally::{ClientReport, Job};
use super::clock::SimClock;
use super::wire::number;
use crate::model::{Epoch, Slot, UnixMs, ValidatorIndex};

/// Shortest time a call may take: very short slots must not make a busy machine look like a broken beacon.
const MIN_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause before a client that could not learn the chain asks again.
const LEARN_AGAIN: Duration = Duration::from_millis(100);
/// Epochs of duties that are kept.
const KEEP_EPOCHS: usize = 4;

/// How a client speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// SSZ where the API has it, as Lodestar does; else JSON.
    pub ssz: bool,
    /// One attestation a request, as Prysm does; else a list.
    pub one_by_one: bool,
    /// No sync committee subscriptions, as Prysm's over REST.
    pub no_sync_subscriptions: bool,
}

/// A running validator client. Ends when dropped.
#[derive(Debug)]
pub struct SimValidatorClient {
    worker: Arc<Worker>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl SimValidatorClient {
    /// Starts a client for some validators at a base URL (`http://HOST:PORT`). It keeps trying until the URL answers.
    pub fn start(name: &str, base_url: &str, indices: Vec<ValidatorIndex>, style: Style) -> Self {
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let worker = Arc::new(Worker {
            indices,
            style,
            clock: SimClock::new(),
            http: Http::new(base_url),
            tally: Mutex::new(ClientReport { name: name.to_owned(), ..ClientReport::default() }),
            protection: Mutex::new(Protection::default()),
            duties: Mutex::new(BTreeMap::new()),
            head: watch::Sender::new(Slot(0)),
            tasks: tasks.clone(),
            cancel: cancel.clone(),
        });
        let run = worker.clone().run();
        let stop = cancel.clone();
        tasks.spawn(async move { stop.run_until_cancelled(run).await });
        Self { worker, cancel, tasks }
    }

    /// What it did so far.
    pub fn report(&self) -> ClientReport {
        self.worker.tally(|tally| tally.clone())
    }

    /// Ends it: waits for its tasks, closes its connections.
    pub async fn stop(&self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.worker.http.close();
    }
}

impl Drop for SimValidatorClient {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// What a client knows of the chain.
#[derive(Debug, Clone, Copy)]
struct Facts {
    genesis: u64,
    slot_ms: u64,
    slots_per_epoch: u64,
    attestation_due: u64,
    aggregate_due: u64,
}

impl Facts {
    fn parse(genesis: &Value, spec: &Value) -> Option<Self> {
        let spec = spec.get("data")?;
        let slot_ms =
            number(spec, "SLOT_DURATION_MS").or_else(|| Some(number(spec, "SECONDS_PER_SLOT")? * 1000))?;
        let due = |key, default| number(spec, key).unwrap_or(default) * slot_ms / 10_000;
        Some(Self {
            genesis: number(genesis.get("data")?, "genesis_time")? * 1000,
            slot_ms,
            slots_per_epoch: number(spec, "SLOTS_PER_EPOCH")?,
            attestation_due: due("ATTESTATION_DUE_BPS", 3333),
            aggregate_due: due("AGGREGATE_DUE_BPS", 6667),
        })
    }

    fn start(&self, slot: Slot) -> UnixMs {
        UnixMs(self.genesis + slot.0 * self.slot_ms)
    }

    fn slot(&self, now: UnixMs) -> Option<Slot> {
        now.0.checked_sub(self.genesis).map(|since| Slot(since / self.slot_ms.max(1)))
    }

    fn epoch(&self, now: UnixMs) -> Epoch {
        self.slot(now).unwrap_or_default().epoch(self.slots_per_epoch)
    }
}

#[derive(Debug)]
struct Worker {
    indices: Vec<ValidatorIndex>,
    style: Style,
    clock: SimClock,
    http: Http,
    tally: Mutex<ClientReport>,
    protection: Mutex<Protection>,
    duties: Mutex<BTreeMap<Epoch, Arc<Duties>>>,
    /// Slot of the newest head event.
    head: watch::Sender<Slot>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Worker {
    async fn run(self: Arc<Self>) {
        let facts = loop {
            match self.learn().await {
                Some(facts) => break facts,
                None => tokio::time::sleep(LEARN_AGAIN).await,
            }
        };
        self.http.set_timeout(Duration::from_millis(facts.slot_ms).max(MIN_TIMEOUT));
        self.spawn(self.clone().follow_events(facts));
        self.spawn(self.clone().keep_duties(facts));
        let mut next = facts.slot(self.clock.now()).map_or(Slot(0), |slot| Slot(slot.0 + 1));
        loop {
            self.clock.until(facts.start(next)).await;
            self.clone().slot(facts, next);
            next = Slot(next.0 + 1);
        }
    }

    fn slot(self: Arc<Self>, facts: Facts, slot: Slot) {
        self.spawn(self.clone().propose(facts, slot));
        self.spawn(self.clone().attest(facts, slot));
        self.spawn(self.clone().sync(facts, slot));
    }

    async fn learn(&self) -> Option<Facts> {
        let genesis = self.get(Job::Chain, "/eth/v1/beacon/genesis").await.ok()?;
        let spec = self.get(Job::Chain, "/eth/v1/config/spec").await.ok()?;
        Facts::parse(&genesis, &spec)
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move { cancel.run_until_cancelled(work).await });
    }

    fn tally<R>(&self, look: impl FnOnce(&mut ClientReport) -> R) -> R {
        look(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn protect<R>(&self, look: impl FnOnce(&mut Protection) -> R) -> R {
        look(&mut self.protection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn duties_of(&self, epoch: Epoch) -> Option<Arc<Duties>> {
        self.duties.lock().unwrap_or_else(PoisonError::into_inner).get(&epoch).cloned()
    }

    fn keep(&self, epoch: Epoch, duties: Duties) -> Arc<Duties> {
        let duties = Arc::new(duties);
        let mut known = self.duties.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(epoch, duties.clone());
        while known.len() > KEEP_EPOCHS {
            known.pop_first();
        }
        duties
    }

    /// Waits for a head event of this slot, at most until the attestation is due.
    async fn head_or_due(&self, facts: Facts, slot: Slot) {
        let due = UnixMs(facts.start(slot).0 + facts.attestation_due);
        let mut head = self.head.subscribe();
        tokio::select! {
            // The sender lives as long as this worker.
            _ = head.wait_for(|head| *head >= slot) => {}
            () = self.clock.until(due) => {}
        }
    }
}
