//! The scenarios that come with the program. A file that is not in the list is found by a test.

use super::Scenario;
use crate::sim::network::SimError;

macro_rules! corpus {
    ($($name:literal)+) => {
        /// Name and text of every scenario.
        const CORPUS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../tests/scenarios/", $name, ".yaml")))),+];
    };
}

corpus! {
    "healthy"
    "hung-beacon"
    "stale-head"
    "rolling"
    "slow-beacon"
    "drifting-clock"
    "split"
    "beacon-hang"
    "beacon-reset"
    "beacon-refuse"
    "beacon-slow"
    "beacon-stale-head"
    "beacon-optimistic"
    "beacon-el-offline"
    "beacon-errors"
    "beacon-wrong-chain"
    "beacon-fork"
    "beacon-truncate"
    "beacon-gc"
    "beacon-syncing"
    "beacon-drop"
    "beacon-lose"
    "beacon-slow-import"
    "beacon-few-peers"
    "beacon-drift"
    "beacon-restart"
    "saved-beacon-hang"
    "saved-beacon-reset"
    "saved-beacon-refuse"
    "saved-beacon-slow"
    "saved-beacon-stale-head"
    "saved-beacon-optimistic"
    "saved-beacon-el-offline"
    "saved-beacon-errors"
    "saved-beacon-wrong-chain"
    "saved-beacon-fork"
    "saved-beacon-truncate"
    "saved-beacon-gc"
    "saved-beacon-syncing"
    "saved-beacon-restart"
    "host-down"
    "host-slow-disk"
    "host-clock"
    "host-loss"
    "host-stalls"
    "saved-host-down"
    "saved-host-hang"
    "el-slow-import"
    "el-offline"
    "saved-el-offline"
    "cl-fork"
    "cl-drop"
    "cl-slow"
    "saved-cl-hang"
    "zone-down"
    "zone-loss"
    "zone-slow"
    "saved-zone-down"
    "client-stop"
    "client-hang"
    "client-slow"
    "client-lose"
    "client-ahead"
    "client-behind"
    "client-stalls"
    "client-drift"
    "client-stop-routed"
    "client-slow-routed"
    "signer-stop"
    "signer-slow"
    "signer-loss"
    "signer-drift"
    "signer-slow-routed"
    "router-hang"
    "router-slow"
    "router-loss"
    "network-late-blocks"
    "network-late-storm"
    "network-missed-blocks"
    "network-losses"
    "network-storm-routed"
    "weak-beacon-drop"
    "weak-beacon-lose"
    "weak-client-lose"
    "weak-signer-loss"
    "weak-cl-drop"
    "double-beacons"
    "double-beacon-client"
    "double-host-signer"
    "double-el-client"
    "double-storm-beacon"
    "double-saved"
    "flapping-beacon"
    "flapping-client"
    "flapping-saved"
    "partial-beacon"
    "partial-client"
    "partial-host"
    "small-beacon-hang"
    "small-beacon-saved"
    "small-client-stop"
    "large-beacon-drop"
    "large-zone-loss"
    "large-network-losses"
    "canary-client"
    "unknown-beacon-drop"
    "unknown-client-lose"
    "unknown-host-slow"
    "unknown-signer-slow"
    "calm-base-low"
    "calm-base-usual"
    "calm-base-two"
    "calm-base-four"
    "calm-worse"
    "calm-better"
    "calm-late-blocks"
    "calm-unknown"
    "calm-small"
    "calm-large"
}

/// All scenarios that come with the program.
pub fn scenarios() -> Result<Vec<Scenario>, SimError> {
    CORPUS.iter().map(|(name, text)| Scenario::parse(name, text)).collect()
}

/// The scenario of a name; none when there is no such scenario.
pub fn scenario(name: &str) -> Result<Option<Scenario>, SimError> {
    let found = CORPUS.iter().find(|(of, _)| *of == name);
    found.map(|(name, text)| Scenario::parse(name, text)).transpose()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sim::scenario::{At, FaultPlan};

    #[test]
    fn every_file_is_in_the_list_and_every_scenario_is_sound() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        let listed: BTreeSet<String> = CORPUS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, listed);
        let all = scenarios().unwrap();
        assert!(all.len() >= 60 && all.len() == files.len());
        for scenario in &all {
            assert!(!scenario.story.is_empty() && !scenario.story.contains('\n'), "{}", scenario.name);
            // Every incident has its fault, and every fault its incident.
            let blamed = |fault: &FaultPlan| scenario.expect.iter().any(|expected| expected.at == fault.at);
            assert!(scenario.faults.iter().all(blamed), "{}", scenario.name);
            let caused = |at: &At| scenario.faults.iter().any(|fault| fault.at == *at);
            assert!(scenario.expect.iter().all(|expected| caused(&expected.at)), "{}", scenario.name);
        }
        assert_eq!(scenario("no such").unwrap(), None);
    }

    #[test]
    fn every_fault_befalls_somebody_and_every_part_has_one() {
        let all: Vec<FaultPlan> = scenarios().unwrap().into_iter().flat_map(|of| of.faults).collect();
        let kinds: BTreeSet<&str> = all.iter().map(|fault| fault.at.kind()).collect();
        assert_eq!(kinds.len(), 9, "{kinds:?}");
        let words = |fault: &FaultPlan| {
            let word = format!("{:?}", fault.fault);
            word.split(['(', ' ']).next().unwrap_or_default().to_owned()
        };
        let ills: BTreeSet<String> = all.iter().map(words).collect();
        assert_eq!(ills.len(), 24, "{ills:?}");
    }

    #[test]
    fn the_demo_plays_its_own_over_http() {
        for name in ["healthy", "hung-beacon", "stale-head", "rolling", "slow-beacon", "split"] {
            let (config, script) = scenario(name).unwrap().unwrap().over_http().expect(name);
            assert_eq!(
                (config.beacons, config.clients, config.validators, config.slot_ms),
                (4, 4, 64, 2_000)
            );
            assert!(script.0.iter().all(|act| act.beacon < config.beacons), "{name}");
        }
    }
}
