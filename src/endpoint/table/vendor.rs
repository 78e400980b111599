//! Clients' own namespaces: the few calls validator clients make there, the rest closed.

use super::super::row::{Inspect, Namespace, Row, Status};

const fn vendor(path: &'static str, name: &'static str, first: &'static str) -> Row {
    Row::closed(path, name, Namespace::Vendor(first)).with_status(Status::Vendor)
}

pub(super) const ROWS: &[Row] = &[
    // Lighthouse's validator client asks this at start, in a loop, until it gets 200 or a 404 whose JSON code is 404.
    Row::local("/lighthouse/staking", "lighthouse_staking").with_status(Status::Vendor),
    vendor("/lighthouse/*", "lighthouse_misc", "lighthouse"),
    // Teku's validator client; only Teku beacons know it.
    Row::seed("/validator/persistent_subnets_subscription", "teku_persistent_subnets", Inspect::Subnets, 2)
        .with_status(Status::Vendor),
    vendor("/teku/*", "teku_misc", "teku"),
    // Heap dumps, profiles and peer control, inside /eth/v1.
    vendor("/eth/{version}/lodestar/*", "lodestar_misc", "lodestar"),
    // Nimbus' validator client judges the clock of whoever answers: a beacon chosen by chance must not.
    Row::local("/nimbus/v1/timesync", "nimbus_timesync").post().with_status(Status::Vendor),
    vendor("/nimbus/*", "nimbus_misc", "nimbus"),
    Row::read("/prysm/validators/performance", "prysm_validator_performance")
        .post()
        .with_status(Status::Vendor),
    Row::read("/prysm/v1/validators/performance", "prysm_validator_performance_v1")
        .post()
        .with_status(Status::Vendor),
    vendor("/prysm/*", "prysm_misc", "prysm"),
    Row::local("/metrics", "metrics").with_status(Status::Vendor),
];
