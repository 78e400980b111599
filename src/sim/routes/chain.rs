//! Headers and blocks.

use serde_json::{Value, json};

use super::gloas::GLOAS;
use super::{Answer, Ask};
use crate::model::{Root, Slot};
use crate::sim::wire::{Aggregate, BlockWire, FORK, hex, payload_attestation, signature};
use crate::sim::world::{Mood, NOBODYS_ADDRESS};

fn header_json(ask: &Ask<'_>, root: Root) -> Result<Value, Answer> {
    let block = ask.world.tree.get(root).ok_or_else(|| Answer::error(404, "block not found"))?;
    let canonical = ask.world.tree.descends(ask.me().head, root);
    Ok(json!({
        "root": root,
        "canonical": canonical,
        "header": {
            "message": {
                "slot": block.slot.to_string(), "proposer_index": block.proposer.to_string(),
                "parent_root": block.parent, "state_root": block.state, "body_root": block.state,
            },
            "signature": hex(&signature(&[block.slot.0, block.proposer.0])),
        },
    }))
}

pub(super) fn header(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let root = ask.block_of(&ask.segments[0])?;
    let header = header_json(ask, root)?;
    Ok(ask.envelope(header))
}

/// With `slot` the header of that slot, with `parent_root` the children kept, else the head.
pub(super) fn headers(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let roots = if let Some(slot) = ask.request.query("slot") {
        ask.block_of(slot).into_iter().collect()
    } else if ask.request.query("parent_root").is_some() {
        let parent = ask.query_root("parent_root")?;
        ask.world.tree.iter().filter(|block| block.parent == parent).map(|block| block.root).collect()
    } else {
        vec![ask.me().head]
    };
    let headers: Vec<Value> = roots.into_iter().filter_map(|root| header_json(ask, root).ok()).collect();
    Ok(ask.envelope(headers))
}

pub(super) fn block_root(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let root = ask.block_of(&ask.segments[0])?;
    Ok(ask.envelope(json!({"root": root})))
}

pub(super) fn block(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let root = ask.block_of(&ask.segments[0])?;
    let block = ask.world.tree.get(root).cloned().ok_or_else(|| Answer::error(404, "block not found"))?;
    let paid = ask.world.ledger.proposals.get(&block.slot).into_iter().flatten().find(|p| p.root == root);
    let wire = BlockWire {
        slot: block.slot,
        proposer: block.proposer,
        parent: block.parent,
        state: block.state,
        fee_recipient: paid.map_or(NOBODYS_ADDRESS, |proposal| proposal.fee_recipient),
    };
    let signature = hex(&signature(&[block.slot.0, block.proposer.0]));
    // A block that says something of its parent's payload is one of Gloas.
    let of_payload = ask.world.payload_votes(root);
    let (mut message, fork) = if of_payload.is_empty() {
        (wire.to_json(false)["block"].take(), FORK)
    } else {
        (wire.to_gloas(root, false), GLOAS)
    };
    let before = Slot(block.slot.0.saturating_sub(1));
    let of_payload =
        of_payload.iter().map(|(says, bits)| payload_attestation(block.parent, before, *says, bits));
    if fork == GLOAS {
        message["body"]["payload_attestations"] = of_payload.collect::<Vec<Value>>().into();
    }
    let votes: Vec<Value> = ask.world.included(root).iter().map(Aggregate::to_json).collect();
    message["body"]["attestations"] = votes.into();
    message["body"]["sync_aggregate"]["sync_committee_bits"] = hex(&ask.world.sync_bits(root)).into();
    let data = json!({"message": message, "signature": signature});
    let optimistic = ask.me().mood == Mood::Optimistic;
    Ok(Answer::json(&json!({
        "version": fork, "execution_optimistic": optimistic, "finalized": false, "data": data,
    }))
    .with("eth-consensus-version", fork))
}
