//! What a simulated beacon answers: one table, one function a row, one file a namespace.
//!
//! A handler is plain: the world, the beacon's place in it, the request and the time in, an answer out. To add an
//! endpoint, write a handler in the file of its namespace and a row in [`TABLE`].

mod attest;
mod blocks;
mod chain;
mod config;
mod duties;
mod gloas;
mod message;
mod node;
mod seed;
mod states;
mod sync;

pub(super) use message::{Answer, Request};

use super::world::World;
use crate::model::UnixMs;

/// What a handler is given.
pub(super) struct Ask<'a> {
    world: &'a mut World,
    node: usize,
    request: &'a Request,
    /// The path's `{}` segments, in order.
    segments: Vec<String>,
    now: UnixMs,
}

type Handler = fn(&mut Ask<'_>) -> Result<Answer, Answer>;

const GET: &str = "GET";
const POST: &str = "POST";

/// Method, path with `{}` for any one segment, handler.
const TABLE: &[(&str, &str, Handler)] = &[
    (GET, "/eth/v1/beacon/genesis", config::genesis),
    (GET, "/eth/v1/config/spec", config::spec),
    (GET, "/eth/v1/config/fork_schedule", config::fork_schedule),
    (GET, "/eth/v1/config/deposit_contract", config::deposit_contract),
    (GET, "/eth/v1/node/version", node::version_v1),
    (GET, "/eth/v2/node/version", node::version_v2),
    (GET, "/eth/v1/node/identity", node::identity),
    (GET, "/eth/v1/node/syncing", node::syncing),
    (GET, "/eth/v1/node/health", node::health),
    (GET, "/eth/v1/node/peer_count", node::peer_count),
    (GET, "/lighthouse/ui/health", node::ui_health),
    (GET, "/lighthouse/health", node::health_of_machine),
    (GET, "/metrics", node::metrics),
    (GET, "/eth/v1/beacon/headers", chain::headers),
    (GET, "/eth/v1/beacon/headers/{}", chain::header),
    (GET, "/eth/v1/beacon/blocks/{}/root", chain::block_root),
    (GET, "/eth/v2/beacon/blocks/{}", chain::block),
    (GET, "/eth/v1/beacon/states/{}/root", states::root),
    (GET, "/eth/v1/beacon/states/{}/fork", states::fork),
    (GET, "/eth/v1/beacon/states/{}/finality_checkpoints", states::finality_checkpoints),
    (GET, "/eth/v1/beacon/states/{}/validators", states::validators),
    (POST, "/eth/v1/beacon/states/{}/validators", states::validators_post),
    (GET, "/eth/v1/beacon/states/{}/validators/{}", states::validator),
    (GET, "/eth/v1/beacon/states/{}/committees", states::committees),
    (GET, "/eth/v1/beacon/states/{}/ptc", gloas::committee),
    (POST, "/eth/v1/validator/duties/attester/{}", duties::attester),
    (GET, "/eth/v1/validator/duties/proposer/{}", duties::proposer_v1),
    (GET, "/eth/v2/validator/duties/proposer/{}", duties::proposer_v2),
    (POST, "/eth/v1/validator/duties/sync/{}", duties::sync),
    (POST, "/eth/v1/validator/duties/ptc/{}", gloas::duties),
    (POST, "/eth/v1/validator/liveness/{}", duties::liveness),
    (GET, "/eth/v1/validator/attestation_data", attest::data),
    (POST, "/eth/v2/beacon/pool/attestations", attest::publish),
    (GET, "/eth/v2/validator/aggregate_attestation", attest::aggregate),
    (POST, "/eth/v2/validator/aggregate_and_proofs", attest::publish_aggregates),
    (POST, "/eth/v1/beacon/pool/sync_committees", sync::publish),
    (GET, "/eth/v1/validator/sync_committee_contribution", sync::contribution),
    (POST, "/eth/v1/validator/contribution_and_proofs", sync::publish_contributions),
    (POST, "/eth/v1/validator/beacon_committee_subscriptions", seed::committees),
    (POST, "/eth/v1/validator/sync_committee_subscriptions", seed::sync_committees),
    (POST, "/eth/v1/validator/prepare_beacon_proposer", seed::preparations),
    (POST, "/eth/v1/validator/register_validator", seed::registrations),
    (GET, "/eth/v3/validator/blocks/{}", blocks::produce),
    (GET, "/eth/v4/validator/blocks/{}", gloas::produce),
    (POST, "/eth/v4/validator/blocks/{}", gloas::produce),
    (GET, "/eth/v1/validator/execution_payload_envelopes/{}/{}", gloas::envelope),
    (POST, "/eth/v1/beacon/execution_payload_envelopes", gloas::publish),
    (GET, "/eth/v1/validator/payload_attestation_data", gloas::attestation_data),
    (POST, "/eth/v1/beacon/pool/payload_attestations", gloas::attest),
    (POST, "/eth/v2/beacon/blocks", blocks::publish),
    (POST, "/eth/v2/beacon/blinded_blocks", blocks::publish_blinded),
    (POST, "/eth/v1/beacon/pool/voluntary_exits", blocks::exit),
];

/// Topics of the event stream that are known; all others are refused, as real beacons do.
const TOPICS: &[&str] = &[
    "head",
    "block",
    "block_gossip",
    "attestation",
    "single_attestation",
    "voluntary_exit",
    "bls_to_execution_change",
    "proposer_slashing",
    "attester_slashing",
    "finalized_checkpoint",
    "chain_reorg",
    "contribution_and_proof",
    "light_client_finality_update",
    "light_client_optimistic_update",
    "payload_attributes",
    "blob_sidecar",
    "data_column_sidecar",
];

/// The answer to any request but the event stream's.
pub(super) fn answer(world: &mut World, node: usize, request: &Request, now: UnixMs) -> Answer {
    let mut known = false;
    for (method, path, handler) in TABLE {
        let Some(segments) = request.segments(path) else { continue };
        known = true;
        if request.is(method) {
            let mut ask = Ask { world, node, request, segments, now };
            return handler(&mut ask).unwrap_or_else(|refused| refused);
        }
    }
    if known {
        Answer::error(405, "method not allowed")
    } else {
        Answer::error(404, format!("no such endpoint: {}", request.path()))
    }
}

/// The topics of an event stream request, or why it is refused.
pub(super) fn topics(request: &Request) -> Result<Vec<String>, Answer> {
    let topics = request.list("topics");
    match topics.iter().find(|topic| !TOPICS.contains(&topic.as_str())) {
        Some(unknown) => Err(Answer::error(400, format!("invalid topic: {unknown}"))),
        None if topics.is_empty() => Err(Answer::error(400, "no topics")),
        None => Ok(topics),
    }
}
