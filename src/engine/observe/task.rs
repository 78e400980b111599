//! The task that owns the ledger, the engine of incidents and what is told of them.

mod keys;
mod lines;
mod reads;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::blocks::Blocks;
use super::canaries::Canaries;
use super::counts::Counts;
use super::heads::Heads;
use super::kept::Kept;
use super::keys::Keys;
use super::names::Names;
use super::probes::Probes;
use super::reader::{Lacks, Read, Reader};
use super::recorder::Recorder;
use super::shadows::Shadows;
use super::told::Told;
use super::worth::Worth;
use super::{Passed, Seen, Shown, answer, kept};
use crate::chain::{SlotClock, Spec};
use crate::duties::{Given, Ledger, Passage, Publication, Shape, Signers};
use crate::endpoint::{Inspect, RowId, Verb, row};
use crate::engine::common::Common;
use crate::engine::journal::Labels;
use crate::incidents::{Board, Incidents, Scene};
use crate::metrics::Metrics;
use crate::model::{
    Attempt, BeaconId, ClientId, Clock, Fleet, FleetSeen, FleetStatus, HostStatus, Incident, Root, Served,
    ServedStep, Slot, Step, Trace,
};
use crate::pool::Table;
use crate::router::{Canary, Shadow};
use crate::store::{StoreHandle, Write};

/// How often is looked whether a slot is over.
const LOOK: Duration = Duration::from_millis(100);
/// A rest when all that came is taken: what comes meanwhile is taken together, and woke nobody.
const REST: Duration = Duration::from_millis(20);

/// The task and what it owns.
pub struct Observer {
    from: mpsc::Receiver<Seen>,
    reads: mpsc::Receiver<(Lacks, Read)>,
    reader: Reader,
    /// Whether a read is under way.
    reading: bool,
    /// What nobody could tell is asked for again some slots later.
    spurned: Vec<(Lacks, Slot)>,
    status: watch::Receiver<Arc<FleetStatus>>,
    fleet: Arc<ArcSwap<Fleet>>,
    clock: Clock,
    store: StoreHandle,
    tasks: TaskTracker,
    shown: Arc<ArcSwap<Shown>>,
    hosts: Arc<ArcSwap<Vec<HostStatus>>>,
    recorder: Recorder,
    names: Names,
    counts: Counts,
    probes: Probes,
    heads: Heads,
    canaries: Canaries,
    shadows: Shadows,
    blocks: Blocks,
    told: Told,
    table: Arc<Table>,
    spec: Option<Arc<Spec>>,
    ledger: Option<Ledger>,
    worth: Worth,
    head: Option<Root>,
    signers: Option<Signers>,
    keys: Keys,
    /// Where keys are kept, and what a process before this one kept of them, until clients are known by name.
    state: PathBuf,
    kept: Option<Kept>,
    metrics: Arc<Metrics>,
    /// How much of what passed was never told, by the end of the last slot.
    untold: u64,
    engine: Incidents,
    board: Board,
    seen: Option<FleetSeen>,
    /// The slot that goes on; none before the first that is seen from its start.
    slot: Option<Slot>,
}

impl Observer {
    /// Goes on with the incidents of before.
    pub fn new(
        common: &Common,
        from: mpsc::Receiver<Seen>,
        status: watch::Receiver<Arc<FleetStatus>>,
        incidents: Vec<Incident>,
    ) -> Self {
        let (to, reads) = mpsc::channel(1);
        let mut board = Board::default();
        board.restore(incidents);
        let observer = Self {
            from,
            reads,
            reader: Reader { clients: common.eye.clients.clone(), to },
            reading: false,
            spurned: Vec::new(),
            status,
            fleet: common.fleet.clone(),
            clock: common.clock.clone(),
            store: common.store.clone(),
            tasks: common.tasks.clone(),
            shown: common.eye.shown.clone(),
            hosts: common.hosts.clone(),
            recorder: Recorder::start(common.fleet.load().state.join("recording")),
            names: Names::default(),
            counts: Counts::default(),
            probes: Probes::default(),
            heads: Heads::default(),
            canaries: Canaries::default(),
            shadows: Shadows::default(),
            blocks: Blocks::default(),
            told: Told::default(),
            table: Arc::default(),
            spec: None,
            ledger: None,
            worth: Worth::default(),
            head: None,
            signers: None,
            keys: Keys::default(),
            kept: kept::read(&common.fleet.load().state),
            state: common.fleet.load().state.clone(),
            metrics: common.metrics.clone(),
            untold: 0,
            engine: Incidents::default(),
            board,
            seen: None,
            slot: None,
        };
        observer.show(None);
        observer
    }

    /// Runs until `cancel`.
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return self.keep_keys(),
                Some((lacks, read)) = self.reads.recv() => self.read(lacks, read),
                _ = looks.tick() => self.look(),
                Some(seen) = self.from.recv() => {
                    self.take(seen);
                    if self.from.is_empty() {
                        sleep(REST).await;
                    }
                }
            }
        }
    }

    fn take(&mut self, seen: Seen) {
        match seen {
            Seen::Trace(trace, labels) => self.trace(&trace, &labels),
            Seen::Canary(canary, labels) => self.canary(&canary, &labels),
            Seen::Shadow(shadow, labels) => self.shadow(&shadow, &labels),
            Seen::Published(passed) => self.published(&passed),
            Seen::AttesterDuties(passed) => {
                self.passed(&passed, |ledger, duties, client, by| {
                    ledger.attester_duties(duties, client, by);
                });
                self.duties_told(&passed);
            }
            Seen::ProposerDuties(passed) => self.passed(&passed, |ledger, duties, _, by| {
                ledger.proposer_duties(duties, by);
            }),
            Seen::SyncDuties(slot, passed) => {
                let Some(epoch) = self.table.clock.as_ref().map(|clock| clock.epoch_of(slot)) else { return };
                self.passed(&passed, |ledger, duties, client, by| {
                    ledger.sync_duties(epoch, duties, client, by);
                });
            }
            Seen::PayloadDuties(passed) => self.passed(&passed, |ledger, duties, client, by| {
                ledger.payload_duties(duties, client, by);
            }),
            Seen::Live(slot, passed) => self.live(slot, &passed),
            Seen::Heard(clients, labels) => self.heard(&clients, &labels),
            Seen::Table(table) => self.table(table),
            Seen::Spec(spec) => {
                self.spec = Some(spec);
                self.begin_ledger();
            }
            Seen::Probe(beacon, probed) => self.probes.take(beacon, probed),
            Seen::Head(beacon, slot, by_event) => {
                self.heads.take(&beacon, slot, (self.clock)().wall, by_event);
            }
            Seen::Asked(asked, to) => {
                self.settle();
                let told = match &self.ledger {
                    Some(ledger) => answer::duties(ledger, &self.names, &asked),
                    None => Err("no beacon has told its chain yet: nothing is known of duties".to_owned()),
                };
                // Whoever asked may have gone.
                let _ = to.send(told);
            }
        }
    }

    fn under(&mut self, labels: &Arc<Labels>) {
        if !self.names.is_under(labels) {
            self.renamed();
        }
        if self.names.under(labels) {
            // Numbers are given anew: what was kept by the old ones is of no use.
            (self.ledger, self.counts, self.signers) = (None, Counts::default(), None);
            (self.canaries, self.shadows) = (Canaries::default(), Shadows::default());
            self.told.forget();
            self.begin_ledger();
        }
    }

    fn begin_ledger(&mut self) {
        let (Some(spec), Some(clock), None) = (&self.spec, &self.table.clock, &self.ledger) else { return };
        let slots_per_epoch = clock.slots_per_epoch();
        let sync_period = spec.get_u64("EPOCHS_PER_SYNC_COMMITTEE_PERIOD").unwrap_or(256);
        let mut ledger = Ledger::new(Shape { slots_per_epoch, sync_period });
        if let Some(slot) = clock.slot_at((self.clock)().wall) {
            ledger.advance(slot);
        }
        (self.ledger, self.head) = (Some(ledger), None);
        self.signers = Some(Signers::new(slots_per_epoch));
    }

    fn trace(&mut self, trace: &Trace, labels: &Arc<Labels>) {
        self.under(labels);
        let of = row(RowId(trace.row));
        let (Some(step), Some(client)) = (of.step, self.names.client(trace.client)) else { return };
        if step == Step::Attest {
            let kept = usize::from(trace.attempts).min(trace.tried.len());
            let tried: Vec<(BeaconId, Attempt)> = trace.tried[..kept]
                .iter()
                .filter_map(|attempt| Some((self.names.beacon(attempt.beacon)?, *attempt)))
                .collect();
            let kind = match (of.verb, of.inspect) {
                (Verb::Get, _) => Some(ServedStep::Data),
                (_, Inspect::Attestations) => Some(ServedStep::Publish),
                _ => None,
            };
            if let Some(kind) = kind {
                self.counts.take(trace.slot, (client, kind, trace.due_ms), &tried);
            }
        }
        let Served::Beacon(by) = trace.served else { return };
        if of.verb == Verb::Get
            && trace.status == 200
            && let (Some(ledger), Some(beacon)) = (&mut self.ledger, self.names.beacon(by))
        {
            let after_due_ms = trace.due_ms.saturating_add((trace.took_us / 1_000) as i32);
            ledger.served(trace.slot, step, client, Given { beacon, after_due_ms });
        }
    }

    fn canary(&mut self, canary: &Canary, labels: &Arc<Labels>) {
        self.under(labels);
        let Canary { client, slot, beacon, outcome, took_us, head } = *canary;
        if let Some(path) = self.names.client(client).zip(self.names.beacon(beacon)) {
            self.canaries.take(slot, path, outcome, (f64::from(took_us) / 1_000.0, head));
        }
    }

    fn shadow(&mut self, shadow: &Shadow, labels: &Arc<Labels>) {
        self.under(labels);
        if let Some(beacon) = self.names.beacon(shadow.beacon) {
            self.shadows.take(beacon, shadow);
        }
    }

    fn published(&mut self, passed: &Passed<Publication>) {
        self.under(&passed.labels);
        self.signed(passed);
        let via = self.names.set(passed.beacons);
        let (Some(client), Some(ledger)) = (self.names.client(passed.client), &mut self.ledger) else {
            return;
        };
        let Publication { slot, kind, validators, .. } = &passed.what;
        ledger.published(*slot, *kind, validators, Passage { client, via, after_due_ms: passed.due_ms });
    }

    fn passed<T>(
        &mut self,
        passed: &Passed<Vec<T>>,
        tell: impl FnOnce(&mut Ledger, &[T], ClientId, Option<BeaconId>),
    ) {
        self.under(&passed.labels);
        let by = passed.by().and_then(|id| self.names.beacon(id));
        if let (Some(client), Some(ledger)) = (self.names.client(passed.client), &mut self.ledger) {
            tell(ledger, &passed.what, client, by);
        }
    }

    fn table(&mut self, table: Arc<Table>) {
        let fresh = table.agreed.map(|head| head.slot) != self.table.agreed.map(|head| head.slot);
        if let Some(head) = table.agreed.filter(|_| fresh) {
            self.blocks.seen(head.slot, (self.clock)().wall);
        }
        self.table = table;
        self.begin_ledger();
        self.follow();
    }

    fn look(&mut self) {
        let Some(clock) = self.table.clock.clone() else { return };
        let Some(now) = clock.slot_at((self.clock)().wall) else { return };
        match self.slot {
            Some(slot) if now > slot => {
                self.ended(Slot(now.0 - 1), &clock);
                self.spurned.retain(|(_, until)| *until > now);
                self.slot = Some(now);
            }
            // The first one may have been half over.
            None => self.slot = Some(Slot(now.0 + 1)),
            Some(_) => {}
        }
        self.follow();
    }

    /// A slot is over: its lines, what the engine makes of them, and what people see of that.
    fn ended(&mut self, slot: Slot, clock: &SlotClock) {
        if let Some(ledger) = &mut self.ledger {
            ledger.advance(slot);
        }
        self.settle();
        if self.seen.is_none() {
            // What went on before has time from now on to show itself.
            self.engine.restore(self.board.changes(), slot.0);
        }
        let lines = self.lines(slot, clock);
        let mut changes = Vec::new();
        for line in &lines {
            changes.extend(self.engine.observe(line));
        }
        changes.extend(self.engine.ended());
        self.recorder.write(slot, lines);
        let status = self.status.borrow().clone();
        let scene = Scene {
            slot,
            at: (self.clock)().wall,
            slot_ms: clock.slot_ms(slot),
            status: &status,
            base_reward: self.base_reward(clock.epoch_of(slot)),
        };
        let moved = self.board.take(changes, &mut self.engine, &scene);
        for incident in &moved {
            tracing::warn!(
                id = incident.id, state = incident.state.word(), severity = incident.severity.word(),
                culprit = %incident.who(), cause = %incident.cause, "incident"
            );
        }
        self.show(Some((slot, clock)));
        if !moved.is_empty() {
            let write = |incident: Incident| {
                let body = serde_json::to_string(&incident).ok()?;
                Some(Write::Incident { id: incident.id, body })
            };
            let (store, writes) = (self.store.clone(), moved.into_iter().filter_map(write).collect());
            self.tasks.spawn(async move {
                // The status tells of a disk that does not take it.
                let _ = store.write(writes).await;
            });
        }
    }

    /// Counts anew whatever a block or committees changed.
    fn settle(&mut self) {
        while self.ledger.as_mut().is_some_and(|ledger| ledger.settle().is_some()) {}
    }
}
