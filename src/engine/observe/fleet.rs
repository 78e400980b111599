//! The fleet as recordings tell it: beacons, clients, and the labels by which several of them may be to blame. Pure.

use std::collections::BTreeMap;

use crate::model::{Fleet, FleetSeen, FleetStatus, Labelled};

/// The fleet, with what beacons told of themselves.
pub fn seen(fleet: &Fleet, status: &FleetStatus, slot_ms: u64) -> FleetSeen {
    let beacons = fleet.beacons.iter().map(|beacon| {
        let mut labels: BTreeMap<String, String> = beacon.labels.iter().cloned().collect();
        let told = status.beacons.iter().find(|told| told.name == beacon.name);
        let software = [
            ("cl", told.and_then(|told| told.version.as_deref())),
            ("el", told.and_then(|told| told.execution.as_deref())),
        ];
        for (key, text) in software {
            if let Some(text) = text {
                labels.entry(key.to_owned()).or_insert_with(|| release(text));
            }
        }
        Labelled { name: beacon.name.to_string(), labels }
    });
    let unnamed = Labelled { name: "unnamed".to_owned(), ..Labelled::default() };
    let clients = fleet.clients.iter().map(|client| Labelled {
        name: client.name.clone(),
        labels: client.labels.iter().cloned().collect(),
    });
    FleetSeen {
        beacons: beacons.collect(),
        clients: std::iter::once(unnamed).chain(clients).collect(),
        slot_seconds: slot_ms as f64 / 1_000.0,
    }
}

/// `lighthouse/v8.1.0` of `Lighthouse/v8.1.0-4f0b3d1/x86_64-linux`: what is released together is blamed together.
fn release(text: &str) -> String {
    let mut parts = text.split(['/', ' ']).filter(|part| !part.is_empty());
    let name = parts.next().unwrap_or_default().to_lowercase();
    let version = parts.next().map(|part| part.split(['-', '+']).next().unwrap_or(part));
    version.map_or_else(|| name.clone(), |version| format!("{name}/{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_name_and_version() {
        for (text, expected) in [
            ("Lighthouse/v8.1.0-4f0b3d1/x86_64-linux", "lighthouse/v8.1.0"),
            ("Lodestar/v1.5.1/2115aa7", "lodestar/v1.5.1"),
            ("teku/25.9.1+7", "teku/25.9.1"),
            ("Geth v1.16.4", "geth/v1.16.4"),
            ("nimbus", "nimbus"),
            ("", ""),
        ] {
            assert_eq!(release(text), expected);
        }
    }
}
