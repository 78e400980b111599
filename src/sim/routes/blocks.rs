//! Block production and publication, exits.

use serde_json::json;

use super::gloas::GLOAS;
use super::{Answer, Ask};
use crate::model::{Slot, ValidatorIndex};
use crate::sim::wire::{FORK, number, parse_gloas, parse_json, parse_ssz};
use crate::sim::world::Mood;

/// What a local payload is worth, in Wei.
pub(super) const LOCAL_VALUE: u64 = 20_000_000_000_000_000;
/// What a builder's payload is worth, in Wei.
const BUILDER_VALUE: u64 = 50_000_000_000_000_000;
/// What the consensus layer pays, in Wei.
pub(super) const CONSENSUS_VALUE: u64 = 40_000_000_000_000_000;

/// The slot a block may be made for; an answer that refuses it.
pub(super) fn production(ask: &mut Ask<'_>) -> Result<Slot, Answer> {
    ask.verified()?;
    if ask.me().mood == Mood::ElOffline {
        return Err(Answer::error(500, "execution client is offline: no payload"));
    }
    let (slot, current) = (Slot(ask.number(0)?), ask.slot());
    if slot.0 == 0 || slot.0 > current.0 + 1 || slot.0 + 1 < current.0 {
        return Err(Answer::error(400, format!("slot {slot} is not the present slot {current}")));
    }
    if ask.request.query("randao_reveal").is_none() {
        return Err(Answer::error(400, "randao_reveal is missing"));
    }
    Ok(slot)
}

pub(super) fn produce(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let slot = production(ask)?;
    let (wire, blinded) = ask.world.produce(ask.node, slot);
    let payload = if blinded { BUILDER_VALUE } else { LOCAL_VALUE }.to_string();
    let answer = if ask.request.wants_ssz() {
        Answer::ssz(wire.to_ssz(blinded))
    } else {
        Answer::json(&json!({
            "version": FORK, "execution_payload_blinded": blinded, "execution_payload_value": payload,
            "consensus_block_value": CONSENSUS_VALUE.to_string(), "data": wire.to_json(blinded),
        }))
        .with("eth-consensus-version", FORK)
    };
    Ok(answer
        .with("eth-execution-payload-blinded", blinded.to_string())
        .with("eth-execution-payload-value", payload)
        .with("eth-consensus-block-value", CONSENSUS_VALUE.to_string()))
}

fn take(ask: &mut Ask<'_>, blinded: bool) -> Result<Answer, Answer> {
    ask.synced()?;
    ask.request.needs_version()?;
    let of_gloas = ask.request.header("eth-consensus-version") == Some(GLOAS);
    let wire = if of_gloas {
        parse_gloas(&ask.request.json()?)
    } else if ask.request.is_ssz()? {
        parse_ssz(&ask.request.body, blinded)
    } else {
        parse_json(&ask.request.json()?, blinded)
    };
    let wire = wire.ok_or_else(|| Answer::error(400, "not a signed block of this fork"))?;
    ask.world.submit_block(ask.node, &wire, blinded, ask.now)?;
    Ok(Answer::empty(200))
}

pub(super) fn publish(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    take(ask, false)
}

pub(super) fn publish_blinded(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    take(ask, true)
}

pub(super) fn exit(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let body = ask.request.json()?;
    let validator = body
        .get("message")
        .and_then(|message| number(message, "validator_index"))
        .ok_or_else(|| Answer::error(400, "not a signed voluntary exit"))?;
    ask.world.submit_exit(ValidatorIndex(validator))?;
    Ok(Answer::empty(200))
}
