//! Attesting and aggregating.

use std::sync::Arc;

use serde_json::{Value, json};

use super::duties::AttesterDuty;
use super::http::{CallError, Payload};
use super::protect::Refused;
use super::{Facts, Job, Worker};
use crate::model::{Slot, UnixMs};
use crate::sim::wire::{AttestationData, SingleAttestation, hex, signature};

impl Worker {
    /// Attests at the head event or the due point, then aggregates.
    pub(super) async fn attest(self: Arc<Self>, facts: Facts, slot: Slot) {
        let Some(duties) = self.duties_of(slot.epoch(facts.slots_per_epoch)) else { return };
        let mine: Vec<AttesterDuty> =
            duties.attester.iter().filter(|duty| duty.slot == slot).cloned().collect();
        if mine.is_empty() {
            return;
        }
        self.head_or_due(facts, slot).await;
        let Ok(data) = self.attestation_data(slot).await else { return };
        let votes = self.sign(&mine, data);
        self.publish(&votes).await;
        self.clock.until(UnixMs(facts.start(slot).0 + facts.aggregate_due)).await;
        self.aggregate(&mine, data).await;
    }

    async fn attestation_data(&self, slot: Slot) -> Result<AttestationData, CallError> {
        let path = format!("/eth/v1/validator/attestation_data?slot={slot}&committee_index=0");
        let reply = self.call_twice(Job::AttestationData, &path, self.accept(), None).await?;
        let data = if reply.is_ssz() {
            AttestationData::from_ssz(&reply.body)
        } else {
            reply.json()?.get("data").and_then(AttestationData::from_json)
        };
        let data = data.filter(|data| data.slot == slot).ok_or(CallError::Shape);
        if let Err(error) = data {
            self.count(Job::AttestationData, Err(error));
        }
        data
    }

    fn sign(&self, duties: &[AttesterDuty], data: AttestationData) -> Vec<SingleAttestation> {
        let mut votes = Vec::new();
        for duty in duties {
            match self.protect(|memory| memory.vote(duty.validator, &data)) {
                Ok(()) => {
                    votes.push(SingleAttestation {
                        committee: duty.committee,
                        attester: duty.validator,
                        data,
                    });
                }
                Err(Refused::Double) => self.tally(|tally| tally.double_votes_refused += 1),
                Err(Refused::Surround) => self.tally(|tally| tally.surround_votes_refused += 1),
            }
        }
        votes
    }

    async fn publish(&self, votes: &[SingleAttestation]) {
        let size = if self.style.one_by_one { 1 } else { votes.len().max(1) };
        for chunk in votes.chunks(size) {
            let payload = if self.style.ssz {
                Payload::Ssz(chunk.iter().flat_map(|vote| vote.to_ssz()).collect())
            } else {
                Payload::Json(chunk.iter().map(|vote| vote.to_json()).collect())
            };
            let path = "/eth/v2/beacon/pool/attestations";
            if self.call_twice(Job::Attest, path, "application/json", Some(&payload)).await.is_ok() {
                self.tally(|tally| tally.attested += chunk.len() as u64);
            }
        }
    }

    async fn aggregate(&self, duties: &[AttesterDuty], data: AttestationData) {
        let mut signed: Vec<Value> = Vec::new();
        for duty in duties.iter().filter(|duty| duty.aggregator) {
            let path = format!(
                "/eth/v2/validator/aggregate_attestation?attestation_data_root={}&slot={}&committee_index={}",
                data.root(),
                duty.slot,
                duty.committee
            );
            let Ok(answer) = self.get(Job::Aggregate, &path).await else { continue };
            let proof = hex(&signature(&[duty.validator.0, duty.slot.0]));
            signed.push(json!({
                "message": {
                    "aggregator_index": duty.validator.to_string(),
                    "aggregate": answer["data"],
                    "selection_proof": proof,
                },
                "signature": proof,
            }));
        }
        if !signed.is_empty() {
            let path = "/eth/v2/validator/aggregate_and_proofs";
            // Counted by the call; there is nothing else to do about a lost aggregate.
            let _ = self.post(Job::PublishAggregate, path, json!(signed)).await;
        }
    }
}
