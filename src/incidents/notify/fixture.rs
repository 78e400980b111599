//! An incident for the tests of this folder.

use crate::model::{
    Cost, Culprit, CulpritKind, FleetStatus, Incident, IncidentState, Severity, Slot, UnixMs,
};

/// When it began.
pub const SINCE: UnixMs = UnixMs(1_700_000_000_000);

/// A beacon that hangs.
pub fn incident() -> Incident {
    Incident {
        id: 7,
        state: IncidentState::Open,
        severity: Severity::Warning,
        culprits: vec![Culprit { kind: CulpritKind::Beacon, name: "b2".into() }],
        beacons: Vec::new(),
        cause: "hung <no answers>".into(),
        confidence: 0.97,
        slot: Slot(1_234),
        since: SINCE,
        ended: None,
        cost: Cost { validators: 64, due: 128, missed: 3, late: 9, wrong_head: 1, eth_per_hour: Some(0.01) },
        evidence: vec!["38 of 40 answers late".into(), "probe: timed out".into()],
        ambiguous_with: Vec::new(),
        ruled_out: Vec::new(),
        folded: Vec::new(),
        done: Vec::new(),
        next: "beacondeck restart b2".into(),
        timeline: Vec::new(),
        silence: None,
    }
}

/// A status with these.
pub fn status(incidents: Vec<Incident>) -> FleetStatus {
    FleetStatus { fleet: "home".into(), incidents, ..FleetStatus::default() }
}
