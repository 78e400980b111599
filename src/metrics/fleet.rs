//! What a published snapshot tells: gauges by beacon and of the fleet.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::known::Known;
use crate::model::{BeaconName, BeaconStatus, FleetStatus, Lifecycle, Reason};

const STATES: [&str; 3] = ["active", "draining", "drained"];

type Fraction = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Beacon {
    beacon: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BeaconState {
    beacon: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BeaconReason {
    beacon: String,
    reason: &'static str,
}

/// The families of a snapshot; those that may be unknown lose their series while they are.
#[derive(Debug, Default)]
pub struct FleetGauges {
    healthy: Family<Beacon, Gauge>,
    lifecycle: Family<BeaconState, Gauge>,
    reason: Family<BeaconReason, Gauge>,
    in_flight: Family<Beacon, Gauge>,
    head: Family<Beacon, Gauge>,
    lag: Family<Beacon, Gauge>,
    latency: Family<Beacon, Fraction>,
    peers: Family<Beacon, Gauge>,
    observed: Family<Beacon, Fraction>,
    slot: Known,
    agreed: Known,
    alerts: Gauge,
    split: Gauge,
}

impl FleetGauges {
    /// Registers the families.
    pub fn new(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register("beacon_healthy", "1 if used for all its roles allow", all.healthy.clone());
        registry.register("beacon_lifecycle", "1 for the state by operator's order", all.lifecycle.clone());
        registry.register("beacon_reason", "1 while the reason not to use it holds", all.reason.clone());
        registry.register("beacon_in_flight", "Requests in flight", all.in_flight.clone());
        registry.register("beacon_head_slot", "Slot of its head", all.head.clone());
        registry.register("beacon_lag_slots", "Slots behind the agreed head", all.lag.clone());
        registry.register("beacon_latency_seconds", "Smoothed answer time", all.latency.clone());
        registry.register("beacon_peers", "Connected peers", all.peers.clone());
        registry.register(
            "beacon_observed_timestamp_seconds",
            "Last observation, Unix time",
            all.observed.clone(),
        );
        registry.register("slot", "Present slot", all.slot.clone());
        registry.register("agreed_head_slot", "Slot of the head the pool agrees on", all.agreed.clone());
        registry.register(
            "chain_split_sides",
            "Sides of a chain split along the lines of clients, 0 without one",
            all.split.clone(),
        );
        registry.register("alerts", "Sentences on-call must know now", all.alerts.clone());
        all
    }

    /// A beacon of the fleet file: until the first snapshot that has it, it is there and not healthy.
    pub fn expect(&self, beacon: &BeaconName) {
        drop(self.healthy.get_or_create(&Beacon { beacon: beacon.to_string() }));
    }

    /// A beacon is gone.
    pub fn forget(&self, beacon: &BeaconName) {
        let beacon = beacon.to_string();
        for state in STATES {
            self.lifecycle.remove(&BeaconState { beacon: beacon.clone(), state });
        }
        for reason in Reason::ALL {
            self.reason.remove(&BeaconReason { beacon: beacon.clone(), reason: reason.words() });
        }
        let labels = Beacon { beacon };
        for family in [&self.healthy, &self.in_flight, &self.head, &self.lag, &self.peers] {
            family.remove(&labels);
        }
        self.latency.remove(&labels);
        self.observed.remove(&labels);
    }

    /// Sets all of them.
    pub fn observe(&self, status: &FleetStatus) {
        status.beacons.iter().for_each(|beacon| self.beacon(beacon));
        self.slot.set(status.slot.map(|slot| slot.0 as i64));
        self.agreed.set(status.agreed.map(|head| head.slot.0 as i64));
        self.alerts.set(status.alerts.len() as i64);
        self.split.set(status.split.as_ref().map_or(0, |split| 1 + split.theirs.len() as i64));
    }

    fn beacon(&self, status: &BeaconStatus) {
        let beacon = status.name.to_string();
        let state = match status.lifecycle {
            Lifecycle::Active => "active",
            Lifecycle::Draining(_) => "draining",
            Lifecycle::Drained => "drained",
        };
        for each in STATES {
            let labels = BeaconState { beacon: beacon.clone(), state: each };
            self.lifecycle.get_or_create(&labels).set(i64::from(each == state));
        }
        for each in Reason::ALL {
            let labels = BeaconReason { beacon: beacon.clone(), reason: each.words() };
            self.reason.get_or_create(&labels).set(i64::from(status.reasons.contains(&each)));
        }
        let labels = Beacon { beacon };
        self.healthy.get_or_create(&labels).set(i64::from(status.healthy));
        self.in_flight.get_or_create(&labels).set(i64::from(status.in_flight));
        self.lag.get_or_create(&labels).set(status.lag as i64);
        set_or_remove(&self.head, &labels, status.head.map(|head| head.slot.0 as i64));
        set_or_remove(&self.peers, &labels, status.peers.map(i64::from));
        let latency = (status.latency_us > 0).then(|| f64::from(status.latency_us) / 1e6);
        set_or_remove(&self.latency, &labels, latency);
        let observed = status.observed.map(|at| at.0 as f64 / 1e3);
        set_or_remove(&self.observed, &labels, observed);
    }
}

/// An unknown value has no series.
pub fn set_or_remove<L, N, A>(family: &Family<L, Gauge<N, A>>, labels: &L, value: Option<N>)
where
    L: Clone + std::hash::Hash + Eq,
    A: prometheus_client::metrics::gauge::Atomic<N> + Default,
{
    match value {
        Some(value) => {
            family.get_or_create(labels).set(value);
        }
        None => {
            family.remove(labels);
        }
    }
}
