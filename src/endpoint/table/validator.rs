//! `/eth/*/validator`: duties, what is to be signed, aggregates, and what beacons must be told.

use crate::model::{Role, Step};

use super::super::row::{Inspect, Row, Status};

const fn aggregated(path: &'static str, name: &'static str, inspect: Inspect, step: Step) -> Row {
    Row::publish(path, name, inspect).with_step(step).with_role(Role::Aggregate)
}

pub(super) const ROWS: &[Row] = &[
    Row::duties("/eth/v1/validator/duties/attester/{epoch}", "getAttesterDuties", Inspect::AttesterDuties)
        .post(),
    Row::duties("/eth/v1/validator/duties/proposer/{epoch}", "getProposerDuties", Inspect::ProposerDuties),
    Row::duties("/eth/v2/validator/duties/proposer/{epoch}", "getProposerDutiesV2", Inspect::ProposerDuties),
    Row::duties("/eth/v1/validator/duties/sync/{epoch}", "getSyncCommitteeDuties", Inspect::SyncDuties)
        .post(),
    Row::duties("/eth/v1/validator/duties/ptc/{epoch}", "getPtcDuties", Inspect::PayloadDuties).post(),
    Row::produce("/eth/v1/validator/blinded_blocks/{slot}", "produceBlindedBlock")
        .with_status(Status::Removed),
    Row::produce("/eth/v2/validator/blocks/{slot}", "produceBlockV2").with_status(Status::Removed),
    Row::produce("/eth/v3/validator/blocks/{slot}", "produceBlockV3"),
    Row::produce_early("/eth/v4/validator/blocks/{slot}", "produceBlockV4"),
    Row::produce_early("/eth/v4/validator/blocks/{slot}", "produceBlockV4 (POST)")
        .post()
        .with_status(Status::Draft),
    // The bid it names is one beacon's.
    Row::produce_early("/eth/v4/validator/blocks/{slot}/with_bid", "produceBlockV4WithBid")
        .post()
        .with_width(1)
        .with_status(Status::Draft),
    Row::pinned("/eth/v1/validator/execution_payload_bids/{slot}/{builder_index}", "getExecutionPayloadBid"),
    Row::pinned(
        "/eth/v1/validator/execution_payload_envelopes/{slot}/{beacon_block_root}",
        "getExecutionPayloadEnvelope",
    ),
    Row::sign("/eth/v1/validator/attestation_data", "produceAttestationData", Step::Attest),
    Row::sign(
        "/eth/v1/validator/payload_attestation_data",
        "producePayloadAttestationData",
        Step::PayloadAttest,
    ),
    Row::sign(
        "/eth/v1/validator/payload_attestation_data/{slot}",
        "producePayloadAttestationData (path)",
        Step::PayloadAttest,
    )
    .with_status(Status::Removed),
    Row::subscribed("/eth/v1/validator/aggregate_attestation", "getAggregatedAttestation", Step::Aggregate)
        .with_status(Status::Removed),
    Row::subscribed("/eth/v2/validator/aggregate_attestation", "getAggregatedAttestationV2", Step::Aggregate),
    Row::subscribed(
        "/eth/v1/validator/sync_committee_contribution",
        "produceSyncCommitteeContribution",
        Step::Contribution,
    ),
    aggregated(
        "/eth/v1/validator/aggregate_and_proofs",
        "publishAggregateAndProofs",
        Inspect::Aggregates,
        Step::Aggregate,
    )
    .with_status(Status::Removed),
    aggregated(
        "/eth/v2/validator/aggregate_and_proofs",
        "publishAggregateAndProofsV2",
        Inspect::Aggregates,
        Step::Aggregate,
    ),
    aggregated(
        "/eth/v1/validator/contribution_and_proofs",
        "publishContributionAndProofs",
        Inspect::Contributions,
        Step::Contribution,
    ),
    Row::seed(
        "/eth/v1/validator/beacon_committee_subscriptions",
        "prepareBeaconCommitteeSubnet",
        Inspect::CommitteeSubscriptions,
        2,
    )
    .with_role(Role::Aggregate),
    Row::seed(
        "/eth/v1/validator/sync_committee_subscriptions",
        "prepareSyncCommitteeSubnets",
        Inspect::SyncSubscriptions,
        2,
    )
    .with_role(Role::Aggregate),
    Row::seed("/eth/v1/validator/prepare_beacon_proposer", "prepareBeaconProposer", Inspect::Preparations, 0)
        .with_role(Role::Propose),
    Row::seed("/eth/v1/validator/proposer_preferences", "submitProposerPreferences", Inspect::Preferences, 0)
        .with_role(Role::Propose),
    Row::register("/eth/v1/validator/register_validator", "registerValidator").with_role(Role::Propose),
    // The beacon passes each entry on to a builder: a second beacon would tell the builder twice.
    Row::publish("/eth/v1/validator/builder_preferences", "submitBuilderPreferences", Inspect::Nothing)
        .with_width(1)
        .with_role(Role::Propose)
        .with_status(Status::Draft),
    // Distributed validators ask their middleware, not a beacon.
    Row::local("/eth/v1/validator/beacon_committee_selections", "submitBeaconCommitteeSelections").post(),
    Row::local("/eth/v1/validator/sync_committee_selections", "submitSyncCommitteeSelections").post(),
    Row::liveness("/eth/v1/validator/liveness/{epoch}", "getLiveness").post(),
    // Lodestar of 2024 asks by GET.
    Row::liveness("/eth/v1/validator/liveness/{epoch}", "getLiveness (GET)").with_status(Status::Removed),
];
