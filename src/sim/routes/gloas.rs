//! Gloas in JSON: block production (v4), payload envelopes, and payload timeliness committees.

use serde_json::{Value, json};

use super::blocks::{CONSENSUS_VALUE, LOCAL_VALUE, production};
use super::duties::{epoch_of, indices, with_dependent_root};
use super::{Answer, Ask};
use crate::model::{Epoch, Slot, ValidatorIndex};
use crate::sim::wire::{hex, number, parse_envelope, root};
use crate::sim::world::PayloadMessage;

/// The fork's name on the wire.
pub(super) const GLOAS: &str = "gloas";

/// GET, and POST with the configuration of builders as its body.
pub(super) fn produce(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let slot = production(ask)?;
    if ask.request.is("POST") {
        ask.request.needs_version()?;
        let config = ask.request.json()?;
        if config.get("builder_boost_factor").is_none() {
            return Err(Answer::error(400, "not a builder configuration"));
        }
    }
    let with_payload = match ask.request.query("include_payload") {
        Some("true") => true,
        Some("false") | None => false,
        Some(other) => return Err(Answer::error(400, format!("include_payload: {other}"))),
    };
    let (wire, _) = ask.world.produce(ask.node, slot);
    let root = wire.block_root();
    Ok(Answer::json(&json!({
        "version": GLOAS, "consensus_block_value": CONSENSUS_VALUE.to_string(),
        "execution_payload_value": LOCAL_VALUE.to_string(), "execution_payload_included": with_payload,
        "data": wire.to_gloas(root, with_payload),
    }))
    .with("eth-consensus-version", GLOAS)
    .with("eth-consensus-block-value", CONSENSUS_VALUE.to_string())
    .with("eth-execution-payload-value", LOCAL_VALUE.to_string())
    .with("eth-execution-payload-included", with_payload.to_string()))
}

/// The payload of a block that this beacon made, to be signed.
pub(super) fn envelope(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let (slot, root) = (Slot(ask.number(0)?), ask.segments[1].clone());
    let made = ask.me().memory.produced.values().map(|(wire, _)| *wire);
    let wire = made.into_iter().find(|wire| wire.slot == slot && wire.block_root().to_string() == root);
    let wire = wire.ok_or_else(|| Answer::error(404, format!("no payload of block {root} here")))?;
    let data = wire.to_envelope(wire.block_root());
    Ok(Answer::json(&json!({"version": GLOAS, "data": data})).with("eth-consensus-version", GLOAS))
}

/// A signed envelope: with its blobs from anybody's block, else of one that this beacon made.
pub(super) fn publish(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    ask.request.needs_version()?;
    let with_blobs = ask.request.header("eth-blob-data-included") == Some("true");
    let read = parse_envelope(&ask.request.json()?);
    let (slot, root) = read.ok_or_else(|| Answer::error(400, "not a signed execution payload envelope"))?;
    ask.world.submit_envelope(ask.node, slot, root, with_blobs, ask.now)?;
    Ok(Answer::empty(200))
}

/// In which slots validators sit in the payload timeliness committee.
pub(super) fn duties(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    let (epoch, indices) = (epoch_of(ask, 1)?, indices(ask)?);
    let first = ask.world.config.first_slot(epoch).0;
    let mut list: Vec<Value> = Vec::new();
    for slot in (first..first + ask.world.config.slots_per_epoch).map(Slot) {
        let members = ask.world.payload_committee(slot);
        list.extend(indices.iter().filter(|index| members.contains(index)).map(|index| {
            json!({
                "pubkey": hex(&ask.world.config.pubkey(*index)),
                "validator_index": index.to_string(), "slot": slot.to_string(),
            })
        }));
    }
    Ok(with_dependent_root(ask, Epoch(epoch.0.saturating_sub(1)), &list))
}

/// The payload timeliness committee of a slot: of one from the epoch before the state's to the one after.
pub(super) fn committee(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let block = ask.block_of(&ask.segments[0])?;
    let of_state = ask.world.tree.slot(block);
    let slot = ask.query_number("slot").map_or(of_state, Slot);
    let (epoch, of) = (ask.world.config.epoch_of(of_state), ask.world.config.epoch_of(slot));
    if of.0.abs_diff(epoch.0) > 1 {
        return Err(Answer::error(400, "Slot is outside the PTC window of the state"));
    }
    let members: Vec<String> = ask.world.payload_committee(slot).iter().map(ToString::to_string).collect();
    Ok(ask.envelope(json!({"slot": slot.to_string(), "validators": members})))
}

/// What is to be said of the payload of a slot's block; 204 where no block was seen.
pub(super) fn attestation_data(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.verified()?;
    let slot = Slot(ask.query_number("slot")?);
    let block = ask.world.tree.at_or_before(ask.me().head, slot).clone();
    if block.slot != slot {
        return Ok(Answer::empty(204));
    }
    let there = ask.world.ledger.payloads.contains_key(&slot);
    Ok(Answer::json(&json!({"version": GLOAS, "data": {
        "beacon_block_root": block.root, "slot": slot.to_string(),
        "payload_present": there, "blob_data_available": there,
    }}))
    .with("eth-consensus-version", GLOAS))
}

pub(super) fn attest(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    ask.request.needs_version()?;
    let parse = |item: &Value| {
        let data = item.get("data")?;
        let says = |key: &str| data.get(key).and_then(Value::as_bool);
        Some(PayloadMessage {
            slot: Slot(number(data, "slot")?),
            root: root(data, "beacon_block_root")?,
            says: (says("payload_present")?, says("blob_data_available")?),
            validator: ValidatorIndex(number(item, "validator_index")?),
        })
    };
    let messages: Option<Vec<PayloadMessage>> = ask.request.array()?.iter().map(parse).collect();
    let messages =
        messages.ok_or_else(|| Answer::error(400, "not a list of payload attestation messages"))?;
    Ok(Answer::indexed(&ask.world.submit_payload_attestations(ask.node, &messages, ask.now)))
}
