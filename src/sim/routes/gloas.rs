//! Block production of Gloas (v4) and payload envelopes, in JSON.

use serde_json::json;

use super::blocks::{CONSENSUS_VALUE, LOCAL_VALUE, production};
use super::{Answer, Ask};
use crate::model::Slot;
use crate::sim::wire::parse_envelope;

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
