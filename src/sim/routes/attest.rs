//! Attestations and aggregates.

use serde_json::json;

use super::{Answer, Ask};
use crate::model::Slot;
use crate::sim::wire::{Aggregate, AttestationData, FORK, SingleAttestation};

pub(super) fn data(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.verified()?;
    let slot = Slot(ask.query_number("slot")?);
    let current = ask.slot();
    if slot.0 > current.0 + 1 || slot.0 + ask.world.config.slots_per_epoch < current.0 {
        return Err(Answer::error(400, format!("slot {slot} is not near the present slot {current}")));
    }
    let data = ask.world.attestation_data(ask.node, slot);
    Ok(if ask.request.wants_ssz() { Answer::ssz(data.to_ssz()) } else { Answer::data(data.to_json()) })
}

pub(super) fn publish(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    ask.request.needs_version()?;
    let votes: Option<Vec<SingleAttestation>> = if ask.request.is_ssz()? {
        let chunks = ask.request.body.chunks_exact(SingleAttestation::SSZ);
        if chunks.remainder().is_empty() { chunks.map(SingleAttestation::from_ssz).collect() } else { None }
    } else {
        ask.request.array()?.iter().map(SingleAttestation::from_json).collect()
    };
    let votes = votes.ok_or_else(|| Answer::error(400, "not a list of single attestations"))?;
    Ok(Answer::indexed(&ask.world.submit_attestations(ask.node, &votes, ask.now)))
}

pub(super) fn aggregate(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let slot = Slot(ask.query_number("slot")?);
    let committee = ask.query_number("committee_index")?;
    let root = ask.query_root("attestation_data_root")?;
    let found = ask
        .world
        .aggregate(ask.node, slot, committee, root)
        .ok_or_else(|| Answer::error(404, "no matching aggregate"))?;
    Ok(if ask.request.wants_ssz() {
        Answer::ssz(found.to_ssz())
    } else {
        Answer::json(&json!({"version": FORK, "data": found.to_json()})).with("eth-consensus-version", FORK)
    })
}

/// JSON only: SSZ is refused with 415, as some real beacons do.
pub(super) fn publish_aggregates(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    ask.request.needs_version()?;
    let list = ask.request.array()?;
    let parsed: Option<Vec<(AttestationData, u64, u64)>> =
        list.iter().map(|item| Aggregate::summary(item.get("message")?.get("aggregate")?)).collect();
    let parsed = parsed.ok_or_else(|| Answer::error(400, "not a list of signed aggregates"))?;
    let mut failures = Vec::new();
    for (i, summary) in parsed.into_iter().enumerate() {
        if let Err(refusal) = ask.world.submit_aggregate(ask.node, summary, ask.now) {
            failures.push((i, refusal));
        }
    }
    Ok(Answer::indexed(&failures))
}
