//! Headers and blocks.

use serde_json::{Value, json};

use super::{Answer, Ask};
use crate::model::Root;
use crate::sim::wire::{Aggregate, BlockWire, FORK, hex, signature};
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
    let block = ask.world.tree.get(root).ok_or_else(|| Answer::error(404, "block not found"))?;
    let paid = ask.world.ledger.proposals.get(&block.slot).into_iter().flatten().find(|p| p.root == root);
    let wire = BlockWire {
        slot: block.slot,
        proposer: block.proposer,
        parent: block.parent,
        state: block.state,
        fee_recipient: paid.map_or(NOBODYS_ADDRESS, |proposal| proposal.fee_recipient),
    };
    let signature = hex(&signature(&[block.slot.0, block.proposer.0]));
    let mut message = wire.to_json(false)["block"].take();
    let votes: Vec<Value> = ask.world.included(root).iter().map(Aggregate::to_json).collect();
    message["body"]["attestations"] = votes.into();
    message["body"]["sync_aggregate"]["sync_committee_bits"] = hex(&ask.world.sync_bits(root)).into();
    let data = json!({"message": message, "signature": signature});
    let optimistic = ask.me().mood == Mood::Optimistic;
    Ok(Answer::json(&json!({
        "version": FORK, "execution_optimistic": optimistic, "finalized": false, "data": data,
    }))
    .with("eth-consensus-version", FORK))
}
