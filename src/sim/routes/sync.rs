//! Sync committee messages and contributions.

use serde_json::{Value, json};

use super::{Answer, Ask};
use crate::model::{Slot, ValidatorIndex};
use crate::sim::wire::{hex, number, root, signature, unhex};
use crate::sim::world::SyncMessage;

pub(super) fn publish(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    let parse = |item: &Value| {
        Some(SyncMessage {
            slot: Slot(number(item, "slot")?),
            root: root(item, "beacon_block_root")?,
            validator: ValidatorIndex(number(item, "validator_index")?),
        })
    };
    let messages: Option<Vec<SyncMessage>> = ask.request.array()?.iter().map(parse).collect();
    let messages = messages.ok_or_else(|| Answer::error(400, "not a list of sync committee messages"))?;
    Ok(Answer::indexed(&ask.world.submit_sync(ask.node, &messages, ask.now)))
}

pub(super) fn contribution(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.verified()?;
    let slot = Slot(ask.query_number("slot")?);
    let subcommittee = ask.query_number("subcommittee_index")?;
    let root = ask.query_root("beacon_block_root")?;
    let bits = ask
        .world
        .contribution(ask.node, slot, subcommittee, root)
        .ok_or_else(|| Answer::error(404, "no contribution"))?;
    Ok(Answer::data(json!({
        "slot": slot.to_string(), "beacon_block_root": root, "subcommittee_index": subcommittee.to_string(),
        "aggregation_bits": hex(&bits), "signature": hex(&signature(&[slot.0, subcommittee])),
    })))
}

pub(super) fn publish_contributions(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    let parse = |item: &Value| {
        let contribution = item.get("message")?.get("contribution")?;
        let bits = unhex(contribution.get("aggregation_bits")?.as_str()?)?;
        let votes: u32 = bits.iter().map(|byte| byte.count_ones()).sum();
        Some((Slot(number(contribution, "slot")?), number(contribution, "subcommittee_index")?, votes.into()))
    };
    let parsed: Option<Vec<(Slot, u64, u64)>> = ask.request.array()?.iter().map(parse).collect();
    let parsed = parsed.ok_or_else(|| Answer::error(400, "not a list of signed contributions"))?;
    let mut failures = Vec::new();
    for (i, contribution) in parsed.into_iter().enumerate() {
        if let Err(refusal) = ask.world.submit_contribution(ask.node, contribution, ask.now) {
            failures.push((i, refusal));
        }
    }
    Ok(Answer::indexed(&failures))
}
