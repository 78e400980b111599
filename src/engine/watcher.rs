//! What watches one beacon: its identity, probes and event stream, each turned into messages for the pool's task.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::network::Told;
use super::processors::{self, Processors};
use super::said::{Key, Message, Said};
use crate::beacon::{BeaconClient, CpuTime, Family, NodeRecord, Probe, ProcessStart, ReadError};
use crate::host::clock::date;
use crate::model::{BeaconName, Clock, Probing, Root, UnixMs};
use crate::pool::{AgreedHead, Block, Facts, Failure};
use crate::router::{Hub, LocalFacts};
use crate::seeds::Sign;

/// Probes between two looks at peers: who is cut off is to be told so within a slot.
const PEERS_EVERY: u32 = 3;
/// Probes between two looks at processors.
const PROCESSORS_EVERY: u32 = 10;
/// Probes between two looks at version and chain.
const IDENTITY_EVERY: u32 = 300;
/// Probes between two looks whether its process is the same: behind a proxy that keeps connections nothing else tells.
const PROCESS_EVERY: u32 = 30;
/// Start times that differ by less are one: the uptime is told in whole seconds.
const SAME_START: Duration = Duration::from_secs(5);
/// One that could not be reached is looked for in shorter steps: it costs little, and whoever comes back is to be told what it must
/// know within a second.
const SEEK: Duration = Duration::from_millis(250);
/// Probes that may have failed before anybody says that it cannot be reached.
const UNSEEN: u32 = 4;
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
    /// It runs on this machine.
    pub is_here: bool,
    /// Something happened after which it may be another process: look who it is.
    pub look: Arc<AtomicBool>,
    /// Whether it may be another process.
    pub doubt: Arc<Mutex<Option<Doubt>>>,
}

/// It may be another process than it was.
#[derive(Debug, Clone, Copy)]
pub struct Doubt {
    /// Since then.
    since: Instant,
    /// Until then it was the process it was.
    sure: Option<Instant>,
}

impl Doubt {
    /// Ends it where a stream that was open since then has gone on, or where a question that was asked then has found the
    /// process to be the one it was. Whether it did.
    fn end(doubt: &Mutex<Option<Self>>, proves: impl Fn(&Self) -> bool) -> bool {
        let mut doubt = doubt.lock().unwrap_or_else(PoisonError::into_inner);
        doubt.take_if(|doubt| proves(doubt)).is_some()
    }

    /// A stream that was open at this moment has gone on: a stream is one answer of one process, whoever stands between.
    pub fn is_ended_by_stream(doubt: &Mutex<Option<Self>>, open: Instant) -> bool {
        Self::end(doubt, |doubt| doubt.sure.is_some_and(|sure| open < sure))
    }

    /// What was asked at this moment was told.
    fn is_ended_by_answer(doubt: &Mutex<Option<Self>>, asked: Instant) -> bool {
        Self::end(doubt, |doubt| doubt.since < asked)
    }

    /// It came up after something was asked.
    fn is_younger(doubt: &Mutex<Option<Self>>, asked: Instant) -> bool {
        let doubt = doubt.lock().unwrap_or_else(PoisonError::into_inner);
        doubt.is_some_and(|doubt| doubt.since >= asked)
    }
}

/// What a beacon's process was known by.
#[derive(Default)]
struct Process {
    is_lighthouse: bool,
    record: Option<NodeRecord>,
    started: Option<Instant>,
    /// By its metrics and its own clock.
    began: Option<UnixMs>,
}

impl Watcher {
    /// Probes until `cancel`.
    pub async fn probe_until(self, cancel: CancellationToken) {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = self.probe() => {}
        }
    }

    /// It may be another process, which it has become within a few probes.
    pub fn in_doubt(&self) {
        let since = Instant::now();
        let unseen = (self.probing.interval + self.probing.timeout) * UNSEEN;
        let mut doubt = self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
        *doubt = Some(Doubt { since, sure: since.checked_sub(unseen) });
    }

    /// Listens to its events until `cancel`.
    pub async fn listen_until(self, cancel: CancellationToken) {
        let Self { key, name, client, to, hub, feeds, look, doubt, .. } = self;
        let feed = Feed { key, name, client, to, hub, feeds, look, doubt };
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
        let (mut process, mut away) = (Process::default(), false);
        let mut processors = Processors::default();
        loop {
            if away {
                sleep(SEEK.min(self.probing.interval)).await;
                ticks.reset();
                // It is knocked at before it is asked who it is.
                if let Err(error @ ReadError::Unreachable { .. }) = self.client.syncing().await {
                    self.failed(&error).await;
                    continue;
                }
            } else {
                ticks.tick().await;
            }
            let look = self.look.swap(false, Relaxed);
            if !identified || look || round % IDENTITY_EVERY == IDENTITY_EVERY - 1 {
                identified = self.identify(&mut process).await;
            } else if round % PROCESS_EVERY == PROCESS_EVERY - 1 {
                self.recognise(&mut process).await;
            }
            if round % PEERS_EVERY == 0 {
                peers = self.client.peer_count().await.ok().or(peers);
            }
            if round % PROCESSORS_EVERY == 0 {
                let time = self.cpu_time(&process).await;
                if let Some(percent) = time.and_then(|time| processors.look(time)) {
                    self.say(Said::Cpu(percent)).await;
                }
            }
            round = round.wrapping_add(1);
            match self.client.probe().await {
                Ok(probe) => {
                    away = false;
                    self.probed(&probe, peers).await;
                }
                Err(error) => {
                    away = matches!(error, ReadError::Unreachable { .. });
                    // It may come back as another one: its chain and version are read again then.
                    identified = identified && !away;
                    self.failed(&error).await;
                }
            }
        }
    }

    async fn cpu_time(&self, process: &Process) -> Option<CpuTime> {
        match (process.is_lighthouse, self.is_here) {
            (true, _) => self.client.cpu_time().await.ok(),
            (false, true) => processors::here(),
            (false, false) => None,
        }
    }

    async fn failed(&self, error: &ReadError) {
        tracing::debug!(%error, "probe failed");
        self.say(Said::ProbeFailed(failure(error))).await;
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
        self.say(Said::Head(AgreedHead { slot, root }, false)).await;
    }

    /// Reads what chain it serves and what it is. Whether that could be done.
    async fn identify(&self, process: &mut Process) -> bool {
        if let Ok(version) = self.client.version().await {
            process.is_lighthouse = version.family == Family::Lighthouse;
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
        let asked = Instant::now();
        if let Some(told) = self.client.process_start().await {
            self.began(told, asked, process).await;
        } else if process.is_lighthouse
            && let Ok(uptime) = self.client.uptime().await
        {
            let started = Instant::now().checked_sub(uptime);
            let old = std::mem::replace(&mut process.started, started);
            let later = old.zip(started).map(|(old, new)| new.saturating_duration_since(old));
            if later.is_some_and(|later| later > SAME_START) {
                self.say(Said::Sign(Sign::Started)).await;
            }
            self.up_for(uptime, asked).await;
        }
        if let Ok(record) = self.client.record().await {
            let old = process.record.replace(record.clone());
            if old.is_some_and(|old| old != record) {
                self.say(Said::Sign(Sign::Record)).await;
            }
        }
    }

    /// By its metrics: the same start is the same process, whatever its clock is like.
    async fn began(&self, told: Result<ProcessStart, ReadError>, asked: Instant, process: &mut Process) {
        let told = told.inspect_err(|error| tracing::debug!(%error, "when its process started is not known"));
        let before = process.began;
        process.began = told.as_ref().ok().map(|told| told.started).or(before);
        match (&told, before) {
            (Ok(told), Some(before)) if is_other(told.started, before) => {
                self.say(Said::Sign(Sign::Started)).await;
            }
            // What was asked before it was in doubt was told by the process before.
            _ if !Doubt::is_ended_by_answer(&self.doubt, asked) => {}
            (Ok(_), Some(_)) => self.say(Said::Same).await,
            (Ok(_), None) | (Err(_), _) => self.say(Said::Unsure).await,
        }
        let up = told.ok().and_then(|told| {
            let date = u64::try_from(date::parse(&told.date?)?).ok()?;
            (date * 1_000).checked_sub(told.started.0)
        });
        if let Some(up) = up {
            self.up_for(Duration::from_millis(up), asked).await;
        }
    }

    /// It has been up for so long when it was asked.
    async fn up_for(&self, up: Duration, asked: Instant) {
        if !Doubt::is_younger(&self.doubt, asked) {
            let now = (self.clock)().wall;
            self.say(Said::Started(UnixMs(now.0.saturating_sub(up.as_millis() as u64)))).await;
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

fn is_other(start: UnixMs, before: UnixMs) -> bool {
    u128::from(start.since(before).unsigned_abs()) > SAME_START.as_millis()
}

fn failure(error: &ReadError) -> Failure {
    match error {
        ReadError::Unreachable { .. } | ReadError::Setup { .. } => Failure::Unreachable,
        ReadError::TimedOut { .. } => Failure::TimedOut,
        ReadError::Broken { .. } | ReadError::Status { .. } | ReadError::Decode { .. } => Failure::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_doubt_ends_by_what_was_open_long_before_or_asked_after_it() {
        let at = |s: u64| Instant::now() + Duration::from_secs(s);
        let of = |sure| Mutex::new(Some(Doubt { since: at(20), sure }));
        let doubt = of(Some(at(12)));
        assert!(!Doubt::is_ended_by_stream(&doubt, at(13)), "it may be the next process's");
        assert!(!Doubt::is_ended_by_answer(&doubt, at(20)) && Doubt::is_younger(&doubt, at(20)));
        assert!(Doubt::is_ended_by_stream(&doubt, at(11)));
        assert!(!Doubt::is_ended_by_stream(&doubt, at(11)), "it has ended");
        let doubt = of(None);
        assert!(!Doubt::is_ended_by_stream(&doubt, at(0)) && !Doubt::is_younger(&doubt, at(21)));
        assert!(Doubt::is_ended_by_answer(&doubt, at(21)));
    }

    #[test]
    fn a_start_told_to_the_second_is_the_same_and_another_is_not() {
        assert!(!is_other(UnixMs(10_000), UnixMs(10_900)) && !is_other(UnixMs(10_900), UnixMs(10_000)));
        assert!(is_other(UnixMs(16_000), UnixMs(10_000)) && is_other(UnixMs(10_000), UnixMs(16_000)));
    }
}
