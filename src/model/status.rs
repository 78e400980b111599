//! The published state of the fleet: one snapshot, many renderers (`status`, Prometheus, console).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Ack, BeaconName, ChainSplit, ComingFork, Culprit, CulpritKind, CustodyEstimate, Drain, DutyStatus, Epoch,
    HostStatus, Incident, Operation, Root, Silence, Slot, Tape, Told, Traffic, UnixMs,
};

/// Why a beacon is not (fully) used, in words a person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing has been observed of it yet.
    NeverObserved,
    /// It serves another network.
    WrongChain,
    /// Connections are refused or time out.
    Unreachable,
    /// It accepts requests and does not answer.
    Hung,
    /// It answers with errors.
    Failing,
    /// Its head is optimistic: the execution client has not verified it.
    Optimistic,
    /// It says its execution client is offline.
    ElOffline,
    /// It says it is syncing.
    Syncing,
    /// Its head is behind the agreed head.
    StaleHead,
    /// Its head is on another branch than the agreed head.
    Fork,
    /// It is on the other side of a chain split: nothing that is signed comes from it.
    ChainSplit,
    /// It answers far slower than its peers.
    Slow,
    /// It is back and proving itself.
    WarmingUp,
    /// It may have lost what it was told and has not been told it again: no blocks and no aggregates from it.
    Unseeded,
    /// An operator drained it.
    Drained,
}

impl Reason {
    /// Every reason, worst first.
    pub const ALL: [Reason; 15] = [
        Reason::Drained,
        Reason::WrongChain,
        Reason::Unreachable,
        Reason::Hung,
        Reason::Failing,
        Reason::NeverObserved,
        Reason::Optimistic,
        Reason::Syncing,
        Reason::ChainSplit,
        Reason::Fork,
        Reason::StaleHead,
        Reason::ElOffline,
        Reason::Slow,
        Reason::WarmingUp,
        Reason::Unseeded,
    ];

    /// The words shown to people.
    pub fn words(self) -> &'static str {
        match self {
            Reason::NeverObserved => "never observed",
            Reason::WrongChain => "wrong chain",
            Reason::Unreachable => "unreachable",
            Reason::Hung => "hung",
            Reason::Failing => "failing",
            Reason::Optimistic => "optimistic",
            Reason::ElOffline => "EL offline",
            Reason::Syncing => "syncing",
            Reason::StaleHead => "stale head",
            Reason::Fork => "on a fork",
            Reason::ChainSplit => "chain split",
            Reason::Slow => "slow",
            Reason::WarmingUp => "warming up",
            Reason::Unseeded => "unseeded",
            Reason::Drained => "drained",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Where a beacon stands in an operator's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "in-flight")]
pub enum Lifecycle {
    /// Used.
    Active,
    /// No new work; so many requests still in flight.
    Draining(u32),
    /// Idle by order.
    Drained,
}

/// A head as a beacon reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadStatus {
    /// Slot of the head block.
    pub slot: Slot,
    /// Root of the head block.
    pub root: Root,
}

/// One beacon, as everyone is shown it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BeaconStatus {
    /// Name in the fleet file.
    pub name: BeaconName,
    /// Lifecycle by operator's order.
    pub lifecycle: Lifecycle,
    /// Whether it is used for everything its roles allow.
    pub healthy: bool,
    /// Why not, worst first; empty when healthy.
    pub reasons: Vec<Reason>,
    /// One sentence with numbers, e.g. "3 slots behind the agreed head".
    pub detail: String,
    /// Its own head.
    pub head: Option<HeadStatus>,
    /// Slots behind the agreed head, sampled after the attestation due point.
    pub lag: u64,
    /// Connected peers, where told.
    pub peers: Option<u32>,
    /// Version string of the beacon node, where told.
    pub version: Option<String>,
    /// Execution client and version, where told.
    pub execution: Option<String>,
    /// Requests in flight from the router.
    pub in_flight: u32,
    /// Smoothed answer time of quick requests, microseconds; 0 before the first.
    pub latency_us: u32,
    /// Answer time that half of the recent quick requests did not exceed, microseconds; none without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<u32>,
    /// The same of 99 in 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<u32>,
    /// Requests answered since start.
    pub answered: u64,
    /// Requests failed since start.
    pub failed: u64,
    /// When it was last observed, by probe, event or answer.
    pub observed: Option<UnixMs>,
    /// Since when its present state holds.
    pub since: UnixMs,
    /// What it has been told, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
    /// What custody follows from that; none before Fulu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custody: Option<CustodyEstimate>,
    /// The order by which it is out of use, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<Drain>,
    /// Processor time of its machine that was in use lately, in percent; none: nobody tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u8>,
}

/// The fleet, as everyone is shown it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FleetStatus {
    /// `fleet:` of the fleet file.
    pub fleet: String,
    /// Version of the running beacondeck.
    pub version: String,
    /// Network name (`CONFIG_NAME`) where told.
    pub network: Option<String>,
    /// Genesis validators root of the network, once known.
    pub genesis_validators_root: Option<Root>,
    /// Present slot; none before genesis or before the chain is known.
    pub slot: Option<Slot>,
    /// Present epoch.
    pub epoch: Option<Epoch>,
    /// Head the pool agrees on.
    pub agreed: Option<HeadStatus>,
    /// When this snapshot was taken.
    pub at: UnixMs,
    /// Beacons in the order of the fleet file.
    pub beacons: Vec<BeaconStatus>,
    /// What on-call must know now, one sentence each, worst first.
    pub alerts: Vec<String>,
    /// Incidents that go on, worst first, then the last that have ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
    /// The hosts underneath.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostStatus>,
    /// Heads that part along the lines of consensus clients, once that has lasted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<ChainSplit>,
    /// Forks that are coming, the next first, and who is ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forks: Vec<ComingFork>,
    /// What became of duties lately; none before the chain has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duties: Option<DutyStatus>,
    /// Who has taken note of what, by [`FleetStatus::pages`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acks: Vec<Ack>,
    /// What beacons or clients have in common and may be blamed for together: zones, versions, signers, any label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Culprit>,
    /// Of what nobody is told for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silences: Vec<Silence>,
    /// Restarts and upgrades that run, and the last that have ended, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// What passed lately.
    #[serde(default)]
    pub traffic: Traffic,
    /// Where in a recording this lies; none: it is no recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tape: Option<Tape>,
}

impl BeaconStatus {
    /// One of which nothing is known but that nothing is wrong with it.
    #[cfg(test)]
    pub fn bare(name: &str) -> Self {
        Self {
            name: BeaconName::new(name),
            lifecycle: Lifecycle::Active,
            healthy: true,
            reasons: Vec::new(),
            detail: String::new(),
            head: None,
            lag: 0,
            peers: None,
            version: None,
            execution: None,
            in_flight: 0,
            latency_us: 0,
            p50_us: None,
            p99_us: None,
            answered: 0,
            failed: 0,
            observed: None,
            since: UnixMs(0),
            told: Vec::new(),
            custody: None,
            drained: None,
            cpu: None,
        }
    }

    /// Why it is not used, in words, but for these reasons.
    pub fn reasons_but(&self, passed_over: &[Reason]) -> Vec<&'static str> {
        let told = self.reasons.iter().filter(|reason| !passed_over.contains(reason));
        told.map(|reason| reason.words()).collect()
    }
}

impl FleetStatus {
    /// Everything that is wrong now, by the key it is acknowledged by: alerts are their own, an incident's is its number, a
    /// beacon's is its worst reason and its name, a restart or upgrade that failed is that until somebody resumes its beacon.
    pub fn pages(&self) -> Vec<String> {
        let mut pages = self.alerts.clone();
        pages.extend(self.incidents.iter().filter(|incident| incident.state.is_live()).map(Incident::key));
        for beacon in &self.beacons {
            match (beacon.lifecycle, beacon.reasons.first()) {
                (Lifecycle::Active, Some(reason)) if !beacon.healthy => {
                    pages.push(page_of(*reason, &beacon.name));
                }
                (Lifecycle::Active, _) => {}
                _ => {
                    let failed = self.last_operation(&beacon.name).filter(|last| last.has_failed());
                    pages.extend(failed.map(Operation::page));
                }
            }
        }
        pages
    }

    /// The keys of what can be silenced: incidents that go on, and who is or may come to be blamed.
    pub fn silenceable(&self) -> Vec<String> {
        let live = || self.incidents.iter().filter(|incident| incident.state.is_live());
        let mut keys: Vec<String> = live().map(Incident::key).collect();
        let clients = self.duties.iter().flat_map(|duties| &duties.clients);
        let culprits = live()
            .flat_map(|incident| incident.culprits.iter().map(Culprit::to_string))
            .chain(self.beacons.iter().map(|beacon| CulpritKind::Beacon.called(&beacon.name)))
            .chain(self.hosts.iter().map(|host| CulpritKind::Host.called(&host.name)))
            .chain(clients.map(|client| CulpritKind::Client.called(&client.name)))
            .chain(self.groups.iter().map(Culprit::to_string))
            .chain([CulpritKind::Network.to_string()]);
        for culprit in culprits {
            if !keys.contains(&culprit) {
                keys.push(culprit);
            }
        }
        keys
    }

    /// Who has acknowledged a key.
    pub fn ack(&self, key: &str) -> Option<&Ack> {
        self.acks.iter().find(|ack| ack.key == key)
    }

    /// The last operation at a beacon, whether it has ended or not.
    pub fn last_operation(&self, beacon: &BeaconName) -> Option<&Operation> {
        self.operations.iter().rev().find(|operation| operation.beacon == *beacon)
    }
}

/// The key of a beacon's trouble.
pub fn page_of(reason: Reason, beacon: &BeaconName) -> String {
    format!("{reason} {beacon}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::IncidentState;

    #[test]
    fn what_goes_on_and_who_may_be_blamed_can_be_silenced_each_once() {
        let incident = |id, kind, name: &str, state| {
            let culprits = vec![Culprit { kind, name: name.into() }];
            Incident { state, ..Incident::new(id, culprits, "hung".into(), Slot(1), UnixMs(0)) }
        };
        let status = FleetStatus {
            beacons: vec![BeaconStatus::bare("b1"), BeaconStatus::bare("b2")],
            incidents: vec![
                incident(7, CulpritKind::Beacon, "b2", IncidentState::Open),
                incident(8, CulpritKind::Zone, "fra", IncidentState::Suspected),
                incident(6, CulpritKind::Zone, "ams", IncidentState::Resolved),
            ],
            groups: ["fra", "ams"].map(|name| Culprit { kind: CulpritKind::Zone, name: name.into() }).into(),
            ..FleetStatus::default()
        };
        assert_eq!(
            status.silenceable(),
            ["incident 7", "incident 8", "beacon b2", "zone fra", "beacon b1", "zone ams", "network"]
        );
    }
}
