//! How many beacons a thing goes to.

use crate::endpoint::{Inspect, Row, Strategy};
use crate::model::{Bps, Broadcast, Probing, Quorum, Routing, Seeding};

/// Widths by kind, from the fleet file.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    producers: u8,
    broadcast: Broadcast,
    seeding: Seeding,
    /// Share of reads repeated at excluded beacons.
    pub shadow: Bps,
    /// Share of questions about attestation data asked of one more beacon.
    pub canary: Bps,
    /// What other beacons must stand by.
    pub quorum: Option<Quorum>,
}

impl Policy {
    /// The policy of a fleet file.
    pub fn new(routing: &Routing, probing: &Probing) -> Self {
        let Routing { producers, broadcast, seeding, quorum, .. } = *routing;
        let Probing { shadow, canary, .. } = *probing;
        Self { producers, broadcast, seeding, shadow, canary, quorum }
    }

    /// How many of `candidates` a request goes to.
    pub fn width(&self, row: &Row, candidates: usize) -> usize {
        let wanted = match (row.strategy, row.inspect) {
            // Each call makes the beacon call elsewhere (builder preferences): the table's word stands.
            (Strategy::Broadcast, _) if row.width == 1 => 1,
            (Strategy::One, Inspect::ProducedBlock) if row.width > 1 => self.producers,
            (Strategy::Broadcast | Strategy::Pinned, Inspect::SignedBlock | Inspect::Envelope) => {
                self.broadcast.blocks
            }
            (Strategy::Broadcast, _) => self.broadcast.messages,
            (Strategy::Seed, Inspect::Registrations) => self.seeding.registrations,
            (
                Strategy::Seed,
                Inspect::CommitteeSubscriptions | Inspect::SyncSubscriptions | Inspect::Subnets,
            )
            | (Strategy::Subscribed, _) => self.seeding.subscriptions,
            (Strategy::Seed, _) => self.seeding.preparations,
            _ => row.width,
        };
        if wanted == 0 { candidates } else { usize::from(wanted) }
    }
}
