//! Proposing: one block asked for at the slot's start, signed, published the way it was produced.

use std::sync::Arc;

use super::http::{CallError, Payload, Reply};
use super::{Facts, Job, Worker};
use crate::model::Slot;
use crate::sim::wire::{hex, sign_json, sign_ssz, signature};

/// How often a block is offered before it is given up, as Lighthouse does.
const PUBLISH_TRIES: usize = 3;

impl Worker {
    /// Proposes, if this slot is ours.
    pub(super) async fn propose(self: Arc<Self>, facts: Facts, slot: Slot) {
        let Some(duties) = self.duties_of(slot.epoch(facts.slots_per_epoch)) else { return };
        let Some(proposer) = duties.proposer.get(&slot).copied() else { return };
        let reveal = hex(&signature(&[proposer.0, slot.0]));
        let path = format!("/eth/v3/validator/blocks/{slot}?randao_reveal={reveal}&builder_boost_factor=100");
        let Ok(reply) = self.call_twice(Job::Produce, &path, self.accept(), None).await else { return };
        let (blinded, payload) = match signed(&reply) {
            Ok(signed) => signed,
            Err(error) => return self.count(Job::Produce, Err(error)),
        };
        if !self.protect(|memory| memory.block(proposer, slot)) {
            return self.tally(|tally| tally.double_blocks_refused += 1);
        }
        let path = if blinded { "/eth/v2/beacon/blinded_blocks" } else { "/eth/v2/beacon/blocks" };
        for _ in 0..PUBLISH_TRIES {
            if self.call(Job::Publish, path, "application/json", Some(&payload)).await.is_ok() {
                return self.tally(|tally| tally.proposed += 1);
            }
        }
    }
}

/// The signed form of what block production answered, and whether it is blinded.
fn signed(reply: &Reply) -> Result<(bool, Payload), CallError> {
    let blinded = match reply.header("eth-execution-payload-blinded") {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(CallError::Shape),
    };
    if reply.is_ssz() {
        let block = sign_ssz(&reply.body, blinded).ok_or(CallError::Shape)?;
        return Ok((blinded, Payload::Ssz(block)));
    }
    let answer = reply.json()?;
    let block = answer.get("data").and_then(|data| sign_json(data, blinded)).ok_or(CallError::Shape)?;
    Ok((blinded, Payload::Json(block)))
}
