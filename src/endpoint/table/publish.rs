//! What is sent through `/eth/*/beacon` to the network.

use crate::model::{Role, Step};

use super::super::row::{Inspect, Row, Status};

const fn block(path: &'static str, name: &'static str) -> Row {
    Row::publish(path, name, Inspect::SignedBlock).with_step(Step::Propose).with_role(Role::Propose)
}

const fn blinded(path: &'static str, name: &'static str) -> Row {
    Row::pinned_publish(path, name, Inspect::SignedBlock)
}

const fn message(path: &'static str, name: &'static str, inspect: Inspect, step: Step) -> Row {
    Row::publish(path, name, inspect).with_step(step).with_role(Role::Attest)
}

pub(super) const ROWS: &[Row] = &[
    block("/eth/v1/beacon/blocks", "publishBlock").with_status(Status::Removed),
    block("/eth/v2/beacon/blocks", "publishBlockV2"),
    blinded("/eth/v1/beacon/blinded_blocks", "publishBlindedBlock").with_status(Status::Removed),
    blinded("/eth/v2/beacon/blinded_blocks", "publishBlindedBlockV2"),
    // `Eth-Blob-Data-Included: true` makes the body whole: any beacon can then publish it.
    Row::pinned_publish(
        "/eth/v1/beacon/execution_payload_envelopes",
        "publishExecutionPayloadEnvelope",
        Inspect::Envelope,
    ),
    Row::pinned_publish(
        "/eth/v1/beacon/execution_payload_envelope",
        "publishExecutionPayloadEnvelope (singular)",
        Inspect::Envelope,
    )
    .with_status(Status::Removed),
    Row::publish("/eth/v1/beacon/execution_payload_bids", "publishExecutionPayloadBid", Inspect::Nothing)
        .with_role(Role::Propose),
    message(
        "/eth/v1/beacon/pool/attestations",
        "submitPoolAttestations",
        Inspect::Attestations,
        Step::Attest,
    )
    .with_status(Status::Removed),
    message(
        "/eth/v2/beacon/pool/attestations",
        "submitPoolAttestationsV2",
        Inspect::Attestations,
        Step::Attest,
    ),
    message(
        "/eth/v1/beacon/pool/payload_attestations",
        "submitPayloadAttestationMessages",
        Inspect::PayloadAttestations,
        Step::PayloadAttest,
    ),
    message(
        "/eth/v1/beacon/pool/sync_committees",
        "submitPoolSyncCommitteeSignatures",
        Inspect::SyncMessages,
        Step::SyncMessage,
    ),
    Row::publish("/eth/v2/beacon/pool/attester_slashings", "submitPoolAttesterSlashingsV2", Inspect::Nothing),
    Row::publish("/eth/v1/beacon/pool/proposer_slashings", "submitPoolProposerSlashings", Inspect::Nothing),
];
