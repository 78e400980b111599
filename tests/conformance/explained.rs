//! What the router explains of its requests: when they were due, and what it read of them.

use serde_json::Value;

use crate::counterpart::SLOT_MS;

/// Due points before Gloas, by endpoint, in basis points of a slot.
pub const THIRDS: &[(&str, u64)] = &[
    ("produceAttestationData", 3_333),
    ("submitPoolSyncCommitteeSignatures", 3_333),
    ("getAggregatedAttestationV2", 6_667),
    ("produceSyncCommitteeContribution", 6_667),
];
/// Since Gloas.
pub const QUARTERS: &[(&str, u64)] = &[
    ("produceAttestationData", 2_500),
    ("submitPoolSyncCommitteeSignatures", 2_500),
    ("getAggregatedAttestationV2", 5_000),
    ("produceSyncCommitteeContribution", 5_000),
    ("submitPayloadAttestationMessages", 7_500),
];

/// How far into its slot a step is due, of an explained request.
pub fn due(request: &Value, genesis_ms: u64) -> u64 {
    let number = |name: &str| request[name].as_i64().unwrap();
    let start = genesis_ms as i64 + number("slot") * SLOT_MS as i64;
    let at = number("at") - start - number("due-ms");
    (at * 10_000 + SLOT_MS as i64 / 2).div_euclid(SLOT_MS as i64) as u64
}

/// What the router reads of a request or its answer it reads in every form; what no beacon took is nothing to it.
pub fn is_read(request: &Value) -> bool {
    let endpoint = request["endpoint"].as_str().unwrap();
    let reads = [
        "getAttesterDuties",
        "getProposerDuties",
        "getProposerDutiesV2",
        "getSyncCommitteeDuties",
        "submitPoolAttestationsV2",
        "submitPoolSyncCommitteeSignatures",
        "submitPayloadAttestationMessages",
        "publishAggregateAndProofsV2",
        "publishContributionAndProofs",
        "publishBlockV2",
        "publishBlindedBlockV2",
    ];
    let taken = request["status"] == 200;
    !taken || !reads.contains(&endpoint) || request["publication"].is_object()
}
