//! Hosts and their agents: whether each answers, how far away it is, and where each host's clock lies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::fleet::set_or_remove;
use crate::model::{HostStatus, UnixMs};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Host {
    host: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    host: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Bound {
    host: String,
    bound: &'static str,
}

type Fraction = Gauge<f64, AtomicU64>;

/// The families; what is not known of a host has no series.
#[derive(Debug, Default)]
pub struct AgentMetrics {
    up: Family<Host, Gauge>,
    answered: Family<Host, Fraction>,
    looked: Family<Host, Fraction>,
    round_trip: Family<Host, Fraction>,
    failed: Family<Failed, Counter>,
    offset: Family<Bound, Fraction>,
    /// Hosts that have series, each with the reasons that were counted.
    seen: Mutex<BTreeMap<String, BTreeSet<&'static str>>>,
}

impl AgentMetrics {
    /// Registers the families.
    pub fn new(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register("agent_up", "1 if it answered when it was asked last", all.up.clone());
        registry.register(
            "agent_answered_timestamp_seconds",
            "Last answer of the agent, Unix time",
            all.answered.clone(),
        );
        registry.register(
            "agent_round_trip_seconds",
            "Question to answer, the least of the last round",
            all.round_trip.clone(),
        );
        registry.register("agent_polls_failed", "Rounds without an answer", all.failed.clone());
        registry.register(
            "host_looked_timestamp_seconds",
            "Last look at the host that is known, Unix time",
            all.looked.clone(),
        );
        registry.register(
            "host_clock_offset_seconds",
            "Host less true time lies between the two bounds",
            all.offset.clone(),
        );
        all
    }

    /// Sets all of them. Hosts that are gone lose their series.
    pub fn observe(&self, hosts: &[HostStatus]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|name, reasons| {
            let stays = hosts.iter().any(|host| host.name == *name);
            if !stays {
                self.forget(name, reasons);
            }
            stays
        });
        for host in hosts {
            if !seen.contains_key(&host.name) {
                seen.insert(host.name.clone(), BTreeSet::new());
            }
            self.host(host);
        }
    }

    fn host(&self, status: &HostStatus) {
        let host = Host { host: status.name.clone() };
        let seconds = |at: UnixMs| at.0 as f64 / 1e3;
        let agent = status.agent.as_ref();
        let up = agent.map(|agent| i64::from(agent.answered.is_some() && agent.trouble.is_none()));
        set_or_remove(&self.up, &host, up);
        set_or_remove(&self.answered, &host, agent.and_then(|agent| agent.answered).map(seconds));
        let round_trip = agent.and_then(|agent| agent.round_trip_us).map(|us| us as f64 / 1e6);
        set_or_remove(&self.round_trip, &host, round_trip);
        set_or_remove(&self.looked, &host, status.at.map(seconds));
        let clock = status.clock.as_ref();
        for (bound, ms) in [("low", clock.map(|of| of.low_ms)), ("high", clock.map(|of| of.high_ms))] {
            let labels = Bound { host: status.name.clone(), bound };
            set_or_remove(&self.offset, &labels, ms.map(|ms| ms / 1e3));
        }
    }

    /// A round in which an agent gave no answer.
    pub fn failed(&self, host: &str, reason: &'static str) {
        self.failed.get_or_create(&Failed { host: host.to_owned(), reason }).inc();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(host.to_owned()).or_default().insert(reason);
    }

    fn forget(&self, host: &str, reasons: &BTreeSet<&'static str>) {
        let labels = Host { host: host.to_owned() };
        self.up.remove(&labels);
        for family in [&self.answered, &self.looked, &self.round_trip] {
            family.remove(&labels);
        }
        for bound in ["low", "high"] {
            self.offset.remove(&Bound { host: host.to_owned(), bound });
        }
        for reason in reasons {
            self.failed.remove(&Failed { host: host.to_owned(), reason });
        }
    }
}
