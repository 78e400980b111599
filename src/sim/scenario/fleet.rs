//! The fleet of a scenario: how many of each, and who stands on whom.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ill::At;
use crate::model::Labelled;

/// Execution clients, in turn.
const ELS: [&str; 6] = ["geth/1.16", "nethermind/1.35", "besu/25.11", "reth/1.9", "erigon/3.2", "ethrex/7.0"];
/// Consensus clients, in turn.
const CLS: [&str; 6] =
    ["lighthouse/8.1", "teku/25.11", "lodestar/1.36", "nimbus/25.11", "prysm/7.0", "grandine/2.0"];
/// Zones, in turn.
const ZONES: [&str; 6] = ["fra", "ams", "hel", "waw", "par", "lon"];
/// Most beacons, clients and validators.
const MOST: (usize, usize, u32) = (128, 512, 262_144);

/// How clients' requests are spread over beacons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// Each client has one beacon.
    Sticky,
    /// Each client has one, a tenth of its requests goes elsewhere.
    #[default]
    Mixed,
    /// Each request goes where chance has it.
    Spread,
}

/// Who there is. Members are named `beacon-1`, `h1`, `vc-1`, `s1`, `r1` and so on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FleetPlan {
    /// Beacons.
    pub beacons: usize,
    /// Hosts they stand on.
    pub hosts: usize,
    /// Kinds of execution client, at most six.
    pub els: usize,
    /// Kinds of consensus client, at most six.
    pub cls: usize,
    /// Zones, at most six.
    pub zones: usize,
    /// Validator clients.
    pub clients: usize,
    /// Signers behind them.
    pub signers: usize,
    /// Routers before the beacons.
    pub routers: usize,
    /// Validators of all clients.
    pub validators: u32,
    /// How requests are spread.
    pub routing: Routing,
    /// Whether the router saves duties: hedges, publishes twice, goes around the sick. If not, a request has one beacon.
    pub routed: bool,
    /// Share of questions asked of one more beacon, answers only looked at.
    pub canary: f64,
    /// Share of duties whose path is not known.
    pub unknown_paths: f64,
    /// Milliseconds of a slot.
    pub slot_ms: u64,
    /// Slots of an epoch.
    pub slots_per_epoch: u64,
}

impl Default for FleetPlan {
    fn default() -> Self {
        Self {
            beacons: 12,
            hosts: 6,
            els: 4,
            cls: 4,
            zones: 3,
            clients: 16,
            signers: 4,
            routers: 2,
            validators: 4_000,
            routing: Routing::Mixed,
            routed: false,
            canary: 0.0,
            unknown_paths: 0.0,
            slot_ms: 12_000,
            slots_per_epoch: 32,
        }
    }
}

impl FleetPlan {
    /// What cannot be.
    pub(super) fn misfit(&self) -> Option<String> {
        let counts = [self.beacons, self.hosts, self.els, self.cls, self.zones];
        let clients = [self.clients, self.signers, self.routers, self.validators as usize];
        if counts.iter().chain(&clients).any(|count| *count == 0)
            || self.slot_ms == 0
            || self.slots_per_epoch == 0
        {
            return Some("the counts of a fleet must not be zero".to_owned());
        }
        if self.beacons > MOST.0 || self.clients > MOST.1 || self.validators > MOST.2 {
            let (beacons, clients, validators) = MOST;
            return Some(format!("at most {beacons} beacons, {clients} clients, {validators} validators"));
        }
        if self.els > ELS.len() || self.cls > CLS.len() || self.zones > ZONES.len() {
            return Some("at most six each of els, cls and zones".to_owned());
        }
        None
    }

    /// The beacons with their labels.
    pub fn beacons(&self) -> Vec<Labelled> {
        let per_host = self.beacons.div_ceil(self.hosts);
        (0..self.beacons)
            .map(|at| {
                let host = at / per_host;
                labelled(
                    format!("beacon-{}", at + 1),
                    [
                        ("host", format!("h{}", host + 1)),
                        ("el", ELS[at % self.els].to_owned()),
                        // Shifted by one each round, so that no two labels say the same.
                        ("cl", CLS[(at / self.els + at) % self.cls].to_owned()),
                        ("zone", ZONES[host % self.zones].to_owned()),
                    ],
                )
            })
            .collect()
    }

    /// The clients with their labels.
    pub fn clients(&self) -> Vec<Labelled> {
        (0..self.clients)
            .map(|at| {
                let labels = [
                    ("signer", format!("s{}", at % self.signers + 1)),
                    ("router", format!("r{}", at / self.signers % self.routers + 1)),
                ];
                labelled(format!("vc-{}", at + 1), labels)
            })
            .collect()
    }

    /// Places of the beacons (true) or clients (false) a part is made of or stood on by.
    pub(in crate::sim) fn members(&self, at: &At) -> (bool, Vec<usize>) {
        let of_beacons = at.is_of_beacons();
        let all = if of_beacons { self.beacons() } else { self.clients() };
        let own = matches!(at, At::Beacon(_) | At::Client(_));
        let is = |each: &Labelled| {
            if own {
                each.name == at.name()
            } else {
                each.labels.get(at.kind()).is_some_and(|v| v == at.name())
            }
        };
        (of_beacons, all.iter().enumerate().filter(|(_, each)| is(each)).map(|(place, _)| place).collect())
    }

    /// Whether there is such a part.
    pub(super) fn has(&self, at: &At) -> bool {
        *at == At::Network || !self.members(at).1.is_empty()
    }

    /// Whether two parts have the same members, so that nothing seen on paths can tell them apart.
    pub fn same_members(&self, a: &At, b: &At) -> bool {
        a == b || (*a != At::Network && *b != At::Network && self.members(a) == self.members(b))
    }
}

fn labelled<const N: usize>(name: String, labels: [(&str, String); N]) -> Labelled {
    let labels: BTreeMap<_, _> = labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Labelled { name, labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_the_default_fleet_tell_its_parts_apart() {
        let fleet = FleetPlan::default();
        let parts: Vec<At> = fleet
            .beacons()
            .iter()
            .flat_map(|beacon| {
                let label = |key: &str| beacon.labels[key].clone();
                [At::Host(label("host")), At::El(label("el")), At::Cl(label("cl")), At::Zone(label("zone"))]
            })
            .collect();
        for a in &parts {
            for b in &parts {
                assert_eq!(fleet.same_members(a, b), a == b, "{a} and {b}");
            }
        }
        let (_, of_signer) = fleet.members(&At::Signer("s1".to_owned()));
        assert_eq!(of_signer, [0, 4, 8, 12]);
    }

    #[test]
    fn a_host_with_one_beacon_is_not_told_apart_from_it() {
        let fleet = FleetPlan { beacons: 4, hosts: 4, ..FleetPlan::default() };
        assert!(fleet.same_members(&At::Host("h2".to_owned()), &At::Beacon("beacon-2".to_owned())));
        assert!(!fleet.same_members(&At::Network, &At::Beacon("beacon-2".to_owned())));
    }
}
