//! Sync committee messages and contributions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::http::CallError;
use super::{Facts, Job, Worker};
use crate::model::{Root, Slot, UnixMs};
use crate::sim::wire::{hex, root, signature};

impl Worker {
    /// Votes for the head at the head event or the due point, then contributes.
    pub(super) async fn sync(self: Arc<Self>, facts: Facts, slot: Slot) {
        let Some(duties) = self.duties_of(slot.epoch(facts.slots_per_epoch)) else { return };
        if duties.sync.is_empty() {
            return;
        }
        self.head_or_due(facts, slot).await;
        let Ok(head) = self.head_root().await else { return };
        let messages: Vec<Value> = duties
            .sync
            .iter()
            .map(|duty| {
                json!({
                    "slot": slot.to_string(),
                    "beacon_block_root": head,
                    "validator_index": duty.validator.to_string(),
                    "signature": hex(&signature(&[duty.validator.0, slot.0])),
                })
            })
            .collect();
        // Counted by the call.
        let _ = self.post(Job::SyncMessage, "/eth/v1/beacon/pool/sync_committees", json!(messages)).await;
        self.clock.until(UnixMs(facts.start(slot).0 + facts.aggregate_due)).await;
        let mut signed: Vec<Value> = Vec::new();
        for (subcommittee, aggregator) in duties.subcommittees() {
            let path = format!(
                "/eth/v1/validator/sync_committee_contribution?slot={slot}\
                 &subcommittee_index={subcommittee}&beacon_block_root={head}"
            );
            let Ok(answer) = self.get(Job::Contribution, &path).await else { continue };
            let proof = hex(&signature(&[aggregator.0, slot.0]));
            signed.push(json!({
                "message": {
                    "aggregator_index": aggregator.to_string(),
                    "contribution": answer["data"],
                    "selection_proof": proof,
                },
                "signature": proof,
            }));
        }
        if !signed.is_empty() {
            let path = "/eth/v1/validator/contribution_and_proofs";
            // Counted by the call.
            let _ = self.post(Job::PublishContribution, path, json!(signed)).await;
        }
    }

    /// The head's root; a head that is not verified is not voted for, as Lighthouse does.
    async fn head_root(&self) -> Result<Root, CallError> {
        let answer = self.get(Job::HeadRoot, "/eth/v1/beacon/blocks/head/root").await?;
        let head = if answer.get("execution_optimistic").and_then(Value::as_bool) == Some(false) {
            answer.get("data").and_then(|data| root(data, "root")).ok_or(CallError::Shape)
        } else {
            Err(CallError::Optimistic)
        };
        if let Err(error) = head {
            self.count(Job::HeadRoot, Err(error));
        }
        head
    }
}
