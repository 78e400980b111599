//! An incident for the tests of this folder.

use crate::model::{
    Cost, Culprit, CulpritKind, FleetStatus, Incident, IncidentState, Severity, Slot, UnixMs,
};

/// When it began.
pub const SINCE: UnixMs = UnixMs(1_700_000_000_000);

/// A beacon that hangs.
pub fn incident() -> Incident {
    let culprits = vec![Culprit { kind: CulpritKind::Beacon, name: "b2".into() }];
    let begun = Incident::new(7, culprits, "hung <no answers>".into(), Slot(1_234), SINCE);
    Incident {
        state: IncidentState::Open,
        severity: Severity::Warning,
        confidence: 0.97,
        cost: Cost { validators: 64, due: 128, missed: 3, late: 9, wrong_head: 1, eth_per_hour: Some(0.01) },
        evidence: vec!["38 of 40 answers late".into(), "probe: timed out".into()],
        next: "beacondeck restart b2".into(),
        ..begun
    }
}

/// A status with these.
pub fn status(incidents: Vec<Incident>) -> FleetStatus {
    FleetStatus { fleet: "home".into(), incidents, ..FleetStatus::default() }
}
