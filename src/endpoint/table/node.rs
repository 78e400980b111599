//! `/eth/*/node`, `/eth/*/config`, `/eth/*/events` and what is left of `/eth/*/builder`.

use super::super::row::{Row, Status};

pub(super) const ROWS: &[Row] = &[
    Row::local("/eth/v1/node/peer_count", "getPeerCount"),
    Row::local("/eth/v1/node/version", "getNodeVersion"),
    Row::local("/eth/v2/node/version", "getNodeVersionV2"),
    Row::local("/eth/v1/node/syncing", "getSyncingStatus"),
    Row::local("/eth/v1/node/health", "getHealth"),
    Row::local("/eth/v1/config/fork_schedule", "getForkSchedule"),
    Row::local("/eth/v1/config/spec", "getSpec"),
    Row::local("/eth/v1/config/deposit_contract", "getDepositContract"),
    Row::events("/eth/v1/events", "eventstream"),
    Row::read("/eth/v1/builder/states/{state_id}/expected_withdrawals", "getNextWithdrawals")
        .with_status(Status::Removed),
];
