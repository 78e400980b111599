//! A fleet as the console's tests see it.

use crate::model::{
    BeaconName, BeaconStatus, Epoch, FleetStatus, HeadStatus, JournalEntry, Lifecycle, Root, Slot, Traffic,
    UnixMs,
};

/// The moment of the fixture's snapshot.
pub const NOW: UnixMs = UnixMs(1_700_000_000_000);

/// A healthy beacon at slot 9,876,543.
pub fn beacon(name: &str) -> BeaconStatus {
    BeaconStatus {
        drained: None,
        name: BeaconName::new(name),
        lifecycle: Lifecycle::Active,
        healthy: true,
        reasons: Vec::new(),
        detail: String::new(),
        head: Some(HeadStatus { slot: Slot(9_876_543), root: Root([0xab; 32]) }),
        lag: 0,
        peers: Some(101),
        version: Some("Lighthouse/v8.0.1-ced49dd/x86_64-linux".into()),
        execution: Some("Geth/v1.16.7".into()),
        in_flight: 12,
        latency_us: 3_100,
        p50_us: Some(2_560),
        p99_us: Some(12_288),
        answered: 1_234_567,
        failed: 89,
        observed: Some(NOW),
        since: UnixMs(NOW.0 - 7_500_000),
        told: Vec::new(),
        custody: None,
    }
}

/// A fleet of those beacons.
pub fn fleet(beacons: Vec<BeaconStatus>) -> FleetStatus {
    FleetStatus {
        fleet: "home".into(),
        version: "0.1.0".into(),
        network: Some("mainnet".into()),
        genesis_validators_root: None,
        slot: Some(Slot(9_876_544)),
        epoch: Some(Epoch(308_642)),
        agreed: Some(HeadStatus { slot: Slot(9_876_543), root: Root([0xab; 32]) }),
        at: NOW,
        beacons,
        operations: Vec::new(),
        alerts: Vec::new(),
        traffic: Traffic::default(),
    }
}

/// An entry of the journal, of the same moment.
pub fn entry(id: u64, target: Option<&str>) -> JournalEntry {
    JournalEntry {
        id,
        at: NOW,
        who: "alice (uid 1000)".into(),
        what: "drain".into(),
        target: target.map(str::to_owned),
        order: None,
        outcome: "b2 is draining".into(),
    }
}
