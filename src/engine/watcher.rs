//! What watches one beacon: its identity, probes and event stream, each turned into messages for the pool's task.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::network::Told;
use super::said::{Key, Message, Said};
use crate::beacon::{BeaconClient, Family, NodeRecord, Probe, ReadError};
use crate::model::{BeaconName, Clock, Probing, Root, UnixMs};
use crate::pool::{AgreedHead, Block, Facts, Failure};
use crate::router::{Hub, LocalFacts};
use crate::seeds::Sign;

/// Probes between two looks at peers.
const PEERS_EVERY: u32 = 10;
/// Probes between two looks at version and chain.
const IDENTITY_EVERY: u32 = 300;
/// Probes between two looks whether its process is the same: behind a proxy that keeps connections nothing else tells.
const PROCESS_EVERY: u32 = 30;
/// Start times that differ by less are one: the uptime is told in whole seconds.
const SAME_START: Duration = Duration::from_secs(5);
/// A confirmation gives up after this: a beacon under suspicion is out within a second of owing an answer.
const CONFIRM_TIME: Duration = Duration::from_millis(300);

/// Watches one beacon.
#[derive(Clone)]
pub struct Watcher {
    /// Which.
    pub key: Key,
    /// Its name.
    pub name: BeaconName,
    /// How it is asked.
    pub client: BeaconClient,
    /// The clock.
    pub clock: Clock,
    /// Where messages go.
    pub to: mpsc::Sender<Message>,
    /// Where its events go.
    pub hub: Arc<Hub>,
    /// Whether it feeds the hub (role `events`).
    pub feeds: Arc<AtomicBool>,
    /// How often and how long.
    pub probing: Probing,
    /// Something happened after which it may be another process: look who it is.
    pub look: Arc<AtomicBool>,
}

/// What a beacon's process was known by.
#[derive(Default)]
struct Process {
    tells_uptime: bool,
    record: Option<NodeRecord>,
    started: Option<Instant>,
}

impl Watcher {
    /// Probes until `cancel`.
    pub async fn probe_until(self, cancel: CancellationToken) {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = self.probe() => {}
        }
    }

    /// Listens to its events until `cancel`.
    pub async fn listen_until(self, cancel: CancellationToken) {
        let Self { key, name, client, to, hub, feeds, look, .. } = self;
        let feed = Feed { key, name, client, to, hub, feeds, look };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = feed.run() => {}
        }
    }

    async fn say(&self, said: Said) {
        // The pool's task outlives its watchers but for the last moments of a stop.
        let _ = self.to.send(Message::Said(self.key, said)).await;
    }

    async fn probe(self) {
        let mut ticks = interval(self.probing.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut round, mut identified, mut peers) = (0_u32, false, None);
        let mut process = Process::default();
        loop {
            ticks.tick().await;
            let look = self.look.swap(false, Relaxed);
            if !identified || look || round % IDENTITY_EVERY == IDENTITY_EVERY - 1 {
                identified = self.identify(&mut process).await;
            } else if round % PROCESS_EVERY == PROCESS_EVERY - 1 {
                self.recognise(&mut process).await;
            }
            if round % PEERS_EVERY == 0 {
                peers = self.client.peer_count().await.ok().or(peers);
            }
            round = round.wrapping_add(1);
            match self.client.probe().await {
                Ok(probe) => self.probed(&probe, peers).await,
                Err(error) => {
                    tracing::debug!(%error, "probe failed");
                    // It may come back as another one: its chain and version are read again then.
                    identified = identified && !matches!(error, ReadError::Unreachable { .. });
                    self.say(Said::ProbeFailed(failure(&error))).await;
                }
            }
        }
    }

    async fn probed(&self, probe: &Probe, peers: Option<u32>) {
        let optimistic = probe.syncing.is_optimistic == Some(true) || probe.head.optimistic == Some(true);
        let facts = Facts {
            syncing: probe.syncing.is_syncing,
            optimistic,
            el_offline: probe.syncing.el_offline == Some(true),
            head_slot: probe.head.slot,
            peers,
        };
        let (slot, root, parent) = (probe.head.slot, probe.head.root, probe.head.parent);
        self.say(Said::Probed(facts, probe.took)).await;
        self.say(Said::Header(Block { root, slot, parent })).await;
        self.say(Said::Head(AgreedHead { slot, root })).await;
    }

    /// Reads what chain it serves and what it is. Whether that could be done.
    async fn identify(&self, process: &mut Process) -> bool {
        if let Ok(version) = self.client.version().await {
            process.tells_uptime = version.family == Family::Lighthouse;
            self.say(Said::Version(version)).await;
        }
        self.recognise(process).await;
        match self.read_chain().await {
            Ok(Some(told)) => {
                self.say(Said::Told(Box::new(told))).await;
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::debug!(%error, "the chain could not be read");
                false
            }
        }
    }

    /// Reads what tells one process from the next: when it started, and its node record.
    async fn recognise(&self, process: &mut Process) {
        if process.tells_uptime
            && let Ok(uptime) = self.client.uptime().await
        {
            let started = Instant::now().checked_sub(uptime);
            let old = std::mem::replace(&mut process.started, started);
            let later = old.zip(started).map(|(old, new)| new.saturating_duration_since(old));
            if later.is_some_and(|later| later > SAME_START) {
                self.say(Said::Sign(Sign::Started)).await;
            }
            let now = (self.clock)().wall;
            self.say(Said::Started(UnixMs(now.0.saturating_sub(uptime.as_millis() as u64)))).await;
        }
        if let Ok(record) = self.client.record().await {
            let old = process.record.replace(record.clone());
            if old.is_some_and(|old| old != record) {
                self.say(Said::Sign(Sign::Record)).await;
            }
        }
    }

    async fn read_chain(&self) -> Result<Option<Told>, ReadError> {
        let Some(identity) = self.client.identity().await? else { return Ok(None) };
        let raw = async |path: &str| self.client.raw(path).await.ok();
        let facts = LocalFacts {
            genesis: raw("/eth/v1/beacon/genesis").await,
            spec: raw("/eth/v1/config/spec").await,
            fork_schedule: raw("/eth/v1/config/fork_schedule").await,
            deposit_contract: raw("/eth/v1/config/deposit_contract").await,
            peers: None,
        };
        Ok(Some(Told { identity, facts }))
    }

    /// Asks briefly whether it is alive.
    pub async fn confirm(self) {
        let event = match timeout(CONFIRM_TIME, self.client.syncing()).await {
            Ok(Ok(_)) => Said::Confirmed,
            Ok(Err(error)) => Said::NotConfirmed(failure(&error)),
            Err(_) => Said::NotConfirmed(Failure::TimedOut),
        };
        self.say(event).await;
    }

    /// Reads a block's header.
    pub async fn header(self, root: Root) {
        if let Ok(header) = self.client.header(&root.to_string()).await {
            let block = Block { root: header.root, slot: header.slot, parent: header.parent };
            self.say(Said::Header(block)).await;
        }
    }
}

fn failure(error: &ReadError) -> Failure {
    match error {
        ReadError::Unreachable { .. } | ReadError::Setup { .. } => Failure::Unreachable,
        ReadError::TimedOut { .. } => Failure::TimedOut,
        ReadError::Broken { .. } | ReadError::Status { .. } | ReadError::Decode { .. } => Failure::Bad,
    }
}
