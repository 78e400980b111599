//! A scenario as the simulated network plays it over real HTTP: smaller and faster, for a person who watches.

use super::Scenario;
use crate::model::{Labelled, Slot};
use crate::sim::fault::{Act, Fault, Script};
use crate::sim::network::SimConfig;

/// Longest slot that is played, in milliseconds.
const SLOT_MS: u64 = 2_000;
/// Slots of an epoch that is played.
const SLOTS_PER_EPOCH: u64 = 8;
/// Most beacons, clients and validators that are played.
const MOST: (usize, usize, u64) = (12, 8, 256);

impl Scenario {
    /// The network and script to play; none when simulated beacons do not know one of its faults.
    ///
    /// Long slots are shortened, the faults' times with them; large fleets have fewer clients and validators.
    pub fn over_http(&self) -> Option<(SimConfig, Script)> {
        let fleet = &self.fleet;
        if fleet.beacons > MOST.0 {
            return None;
        }
        let slot_ms = fleet.slot_ms.min(SLOT_MS);
        let shorter = |ms: u64| ms * slot_ms / fleet.slot_ms;
        let mut script = Vec::new();
        for plan in &self.faults {
            let fault = match plan.fault.over_http()? {
                Fault::Slow(ms) => Fault::Slow(shorter(ms)),
                Fault::Gc { pause_ms, run_ms } => {
                    Fault::Gc { pause_ms: shorter(pause_ms), run_ms: shorter(run_ms) }
                }
                Fault::Clock(ms) => Fault::Clock(ms * slot_ms as i64 / fleet.slot_ms as i64),
                other => other,
            };
            let (of_beacons, members) = fleet.members(&plan.at);
            if !of_beacons {
                return None;
            }
            for (from, until) in self.spells(plan) {
                script.extend(members.iter().map(|&beacon| Act { slot: from, beacon, fault, until }));
            }
        }
        let clients = fleet.clients.min(MOST.1);
        // On two branches each has blocks of its own, as there are two halves of a network.
        let parts = script.iter().any(|act| act.fault == Fault::Fork);
        let config = SimConfig {
            beacons: fleet.beacons,
            clients,
            validators: u64::from(fleet.validators).min(MOST.2),
            slot_ms,
            slots_per_epoch: fleet.slots_per_epoch.min(SLOTS_PER_EPOCH),
            seed: self.seed,
            past_epochs: 4,
            gossip_ms: 40,
            auto_blocks_ms: parts.then_some(slot_ms / 12),
            versions: fleet.beacons().iter().filter_map(version).collect(),
            ..SimConfig::default()
        };
        Some((config, Script(script)))
    }

    /// When a fault is there without a break.
    fn spells(&self, plan: &super::FaultPlan) -> Vec<(Slot, Option<Slot>)> {
        let Some(every) = plan.every else { return vec![(Slot(plan.slot), plan.until.map(Slot))] };
        let end = plan.until.unwrap_or(self.slots).max(plan.slot + 1);
        let starts = (plan.slot..end).step_by((every.on + every.off).max(1) as usize);
        starts.map(|from| (Slot(from), Some(Slot((from + every.on).min(end))))).collect()
    }
}

/// `teku/25.11` as the beacon says it: `Teku/v25.11-sim`.
fn version(beacon: &Labelled) -> Option<String> {
    let (name, number) = beacon.labels.get("cl")?.split_once('/')?;
    let (first, rest) = name.split_at_checked(1)?;
    Some(format!("{}{rest}/v{number}-sim", first.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(faults: &str) -> Option<(SimConfig, Script)> {
        let text = format!("story: s\nfleet: {{ beacons: 8, hosts: 4 }}\nfaults:\n{faults}");
        Scenario::parse("x", &text).unwrap().over_http()
    }

    #[test]
    fn a_host_is_its_beacons_and_times_shrink_with_the_slot() {
        let (config, script) =
            of("  - { slot: 8, until: 20, at: { host: h2 }, fault: { slow: 1200 } }").unwrap();
        assert_eq!(
            (config.slot_ms, config.slots_per_epoch, config.beacons, config.validators),
            (2000, 8, 8, 256)
        );
        assert_eq!((&*config.versions[0], config.auto_blocks_ms), ("Lighthouse/v8.1-sim", None));
        let act = |beacon| Act { slot: Slot(8), beacon, fault: Fault::Slow(200), until: Some(Slot(20)) };
        assert_eq!(script, Script(vec![act(2), act(3)]));
    }

    #[test]
    fn a_flapping_fault_is_several_acts_and_one_of_a_client_is_not_played() {
        let text =
            "  - { slot: 8, until: 20, at: { beacon: beacon-1 }, fault: hang, every: { on: 5, off: 3 } }";
        let (_, script) = of(text).unwrap();
        let spells: Vec<_> = script.0.iter().map(|act| (act.slot.0, act.until.unwrap().0)).collect();
        assert_eq!(spells, [(8, 13), (16, 20)]);
        assert_eq!(of("  - { slot: 8, at: { client: vc-1 }, fault: stop }"), None);
        assert_eq!(of("  - { slot: 8, at: { beacon: beacon-1 }, fault: { drop: 0.1 } }"), None);
    }
}
