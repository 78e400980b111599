//! Prometheus text (`OpenMetrics` 1.0): what is counted, and the door it is read at.
//!
//! This room counts what it is told; it never measures, decides or keeps globals: the one [`Metrics`] is passed in. To add
//! a metric, add its family to the file of what it tells of (`requests`, `steps`, `fleet`, `agents`, `incidents`) or a handle to [`Metrics`].
//!
//! | metric | labels | unit, meaning |
//! |---|---|---|
//! | `beacondeck_requests_total` | `endpoint`, `code` | requests answered |
//! | `beacondeck_client_requests_total` | `client`, `code` (`2xx`…) | requests answered |
//! | `beacondeck_request_seconds` | `endpoint` | arrival to the answer's head |
//! | `beacondeck_attempts_total` | `beacon`, `outcome` | attempts at a beacon |
//! | `beacondeck_attempts_unrecorded_total` | | attempts beyond those a trace keeps |
//! | `beacondeck_attempt_seconds` | `beacon` | time an attempt waited for its answer |
//! | `beacondeck_client_after_due_seconds` | `client`, `step`, `part` (`data`, `publish`) | due point to the answer of data, or to the arrival of what was signed; negative: before |
//! | `beacondeck_beacon_after_due_seconds` | `beacon`, `step`, `part` | due point to the beacon's answer; negative: before |
//! | `beacondeck_beacon_healthy` | `beacon` | 1 if used for all its roles allow |
//! | `beacondeck_beacon_lifecycle` | `beacon`, `state` | 1 for `active`, `draining` or `drained` |
//! | `beacondeck_beacon_reason` | `beacon`, `reason` | 1 while the reason holds |
//! | `beacondeck_beacon_in_flight` | `beacon` | requests in flight |
//! | `beacondeck_beacon_head_slot` | `beacon` | slot of its head; absent until known |
//! | `beacondeck_beacon_lag_slots` | `beacon` | slots behind the agreed head, sampled after the due point |
//! | `beacondeck_beacon_latency_seconds` | `beacon` | smoothed answer time; absent before the first answer |
//! | `beacondeck_beacon_peers` | `beacon` | connected peers; absent until told |
//! | `beacondeck_beacon_observed_timestamp_seconds` | `beacon` | last observation, Unix time; absent before it |
//! | `beacondeck_agent_up` | `host` | 1 if the host's agent answered when it was asked last; absent without an agent |
//! | `beacondeck_agent_answered_timestamp_seconds` | `host` | its last answer, Unix time; absent before it |
//! | `beacondeck_agent_round_trip_seconds` | `host` | question to answer, the least of the last round; absent before it |
//! | `beacondeck_agent_polls_failed_total` | `host`, `reason` (`connect`, `stranger`, `unpaired`, `handshake`, `broken-off`, `mixed`, `refused`) | rounds without an answer |
//! | `beacondeck_host_looked_timestamp_seconds` | `host` | last look at the host that is known, Unix time; absent where nobody looks |
//! | `beacondeck_host_clock_offset_seconds` | `host`, `bound` (`low`, `high`) | host less true time lies between the two; absent until known |
//! | `beacondeck_slot`, `beacondeck_agreed_head_slot` | | present slot, agreed head; absent until known |
//! | `beacondeck_alerts` | | sentences on-call must know now |
//! | `beacondeck_incident` | `culprit`, `kind`, `severity`, `state` | incidents that go on; 64 series at most, then `others` |
//! | `beacondeck_incidents_opened_total` | `kind` | incidents seen open since the start |
//! | `beacondeck_notifications_total` | `notifier`, `outcome` (`sent`, `failed`) | notifications |
//! | `beacondeck_notify_failing` | `notifier` | 1 while the last notification was not taken |
//! | `beacondeck_traces_dropped_total` | | traces nobody took in time |
//! | `beacondeck_bodies_held_bytes` | | bytes of all bodies held at once |
//! | `beacondeck_connections_open` | | connections over all doors |
//! | `beacondeck_connections_refused_total` | | connections turned away |
//! | `beacondeck_requests_refused_total` | `reason` (`token`, `rate`) | requests refused before they were looked at |
//! | `beacondeck_process_resident_memory_bytes` | | resident memory (`VmRSS`); absent where the system does not tell |
//! | `beacondeck_build_info` | `version` | 1 |

mod agents;
mod fleet;
mod incidents;
mod known;
mod requests;
mod seconds;
mod server;
mod steps;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::model::{BeaconName, FleetStatus, Step, Trace};

pub use requests::Series;
pub use server::{MetricsError, MetricsServer};

/// The names behind the ids of traces under one fleet file.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// By [`crate::model::BeaconId`].
    pub beacons: &'a [BeaconName],
    /// By [`crate::model::ClientId`]: the first for those the fleet file does not name.
    pub clients: &'a [String],
}

/// The two requests a step of a duty is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is to be signed is asked for.
    Data,
    /// What was signed is handed in.
    Publish,
}

impl Part {
    const fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Publish => "publish",
        }
    }
}

/// How requests of one row of the endpoint table are counted.
#[derive(Debug, Clone, Copy)]
pub struct RowLabels<'a> {
    /// The operation's id.
    pub name: &'a str,
    /// The step of a duty it is part of.
    pub of: Option<(Step, Part)>,
}

/// Everything that is counted. Handles are atomics: cheap to clone, no lock to add to.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: requests::Requests,
    fleet: fleet::FleetGauges,
    agents: agents::AgentMetrics,
    incidents: incidents::IncidentMetrics,
    memory: known::Known,
    /// Traces nobody took in time.
    pub traces_dropped: Counter,
    /// Bytes of all bodies held at once.
    pub bodies_held: Gauge,
    /// Connections over all doors.
    pub connections_open: Gauge,
    /// Connections turned away.
    pub connections_refused: Counter,
    /// Requests without the door's token.
    pub strangers: Counter,
    /// Requests beyond their client's rate.
    pub hurried: Counter,
}

impl Metrics {
    /// Registers every family; `rows` by their place in the endpoint table.
    pub fn new(rows: &[RowLabels<'_>]) -> Self {
        let mut registry = Registry::with_prefix("beacondeck");
        let requests = requests::Requests::new(&mut registry, rows);
        let fleet = fleet::FleetGauges::new(&mut registry);
        let agents = agents::AgentMetrics::new(&mut registry);
        let incidents = incidents::IncidentMetrics::new(&mut registry);
        let (traces_dropped, connections_refused) = (Counter::default(), Counter::default());
        let (bodies_held, connections_open) = (Gauge::default(), Gauge::default());
        let refused = Family::<[(&str, &str); 1], Counter>::default();
        let reason = |word| refused.get_or_create(&[("reason", word)]).clone();
        let (strangers, hurried) = (reason("token"), reason("rate"));
        let memory = known::Known::default();
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("traces_dropped", "Traces nobody took in time", traces_dropped.clone());
        registry.register("bodies_held_bytes", "Bytes of all bodies held at once", bodies_held.clone());
        registry.register("connections_open", "Connections over all doors", connections_open.clone());
        registry.register("connections_refused", "Connections turned away", connections_refused.clone());
        registry.register("requests_refused", "Requests refused before they were looked at", refused);
        registry.register("process_resident_memory_bytes", "Resident memory of the process", memory.clone());
        registry.register("build", "The running beacondeck", version);
        Self {
            registry,
            requests,
            fleet,
            agents,
            incidents,
            memory,
            traces_dropped,
            bodies_held,
            connections_open,
            connections_refused,
            strangers,
            hurried,
        }
    }

    /// Resolves every label set that is bounded by a fleet file. What was counted under these names counts on.
    pub fn series(&self, names: &Names<'_>) -> Series {
        names.beacons.iter().for_each(|beacon| self.fleet.expect(beacon));
        self.requests.series(names)
    }

    /// Drops the series of whoever is in `old` and not in `new`: labels stay bounded by the fleet file.
    pub fn forget(&self, old: &Names<'_>, new: &Names<'_>) {
        for beacon in old.beacons.iter().filter(|beacon| !new.beacons.contains(beacon)) {
            self.fleet.forget(beacon);
            self.requests.forget_beacon(beacon);
        }
        for client in old.clients.iter().filter(|client| !new.clients.contains(client)) {
            self.requests.forget_client(client);
        }
    }

    /// Counts a finished request. No lock and no label look-up, but at the first request of its kind.
    pub fn record(&self, trace: &Trace, series: &Series) {
        self.requests.record(trace, series);
    }

    /// Sets the gauges of a published snapshot.
    pub fn observe(&self, status: &FleetStatus) {
        self.fleet.observe(status);
        self.agents.observe(&status.hosts);
        self.incidents.observe(status);
    }

    /// A round in which the agent of a host gave no answer.
    pub fn agent_failed(&self, host: &str, reason: &'static str) {
        self.agents.failed(host, reason);
    }

    /// A notifier of the fleet file: its series are there from now on.
    pub fn expect_notifier(&self, notifier: &str) {
        self.incidents.expect(notifier);
    }

    /// A notification was sent, or failed.
    pub fn notified(&self, notifier: &str, sent: bool) {
        self.incidents.notified(notifier, sent);
    }

    /// A notifier is no longer in the fleet file.
    pub fn forget_notifier(&self, notifier: &str) {
        self.incidents.forget(notifier);
    }

    /// All of it as `OpenMetrics` text.
    pub fn render(&self) -> String {
        self.memory.set(std::fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident));
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to a string fails only if a metric does; a scrape without its end marker is seen as broken.
            tracing::error!("metrics could not be written");
        }
        text
    }
}

/// Resident bytes by `proc_pid_status(5)`: `VmRSS` in kibibytes, which unlike `statm` needs no page size.
fn resident(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests;
