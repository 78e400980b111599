//! A client's duties: fetched once an epoch, one epoch ahead, then told to the beacon as subscriptions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::http::CallError;
use super::{Facts, Job, Worker};
use crate::model::{Epoch, Slot, UnixMs, ValidatorIndex};
use crate::sim::chain::{SYNC_COMMITTEE, SYNC_SUBNETS};
use crate::sim::wire::{hex, number, signature};
use crate::sim::world::expected_fee_recipient;

/// One attestation to make.
#[derive(Debug, Clone)]
pub(super) struct AttesterDuty {
    pub(super) validator: ValidatorIndex,
    pub(super) slot: Slot,
    pub(super) committee: u64,
    pub(super) committees_at_slot: u64,
    /// Whether this validator aggregates for its committee.
    pub(super) aggregator: bool,
}

/// A seat in the sync committee.
#[derive(Debug, Clone)]
pub(super) struct SyncDuty {
    pub(super) validator: ValidatorIndex,
    pub(super) places: Vec<usize>,
}

/// All of an epoch.
#[derive(Debug, Clone, Default)]
pub(super) struct Duties {
    pub(super) attester: Vec<AttesterDuty>,
    pub(super) proposer: BTreeMap<Slot, ValidatorIndex>,
    pub(super) sync: Vec<SyncDuty>,
    keys: Vec<String>,
}

impl Duties {
    /// Subcommittees of our seats, with the validator that aggregates for each.
    pub(super) fn subcommittees(&self) -> BTreeMap<u64, ValidatorIndex> {
        let mut found = BTreeMap::new();
        for duty in &self.sync {
            for place in &duty.places {
                found.entry((place * SYNC_SUBNETS / SYNC_COMMITTEE) as u64).or_insert(duty.validator);
            }
        }
        found
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.get("data").and_then(Value::as_array).into_iter().flatten()
}

fn attester_duty(item: &Value) -> Option<AttesterDuty> {
    Some(AttesterDuty {
        validator: ValidatorIndex(number(item, "validator_index")?),
        slot: Slot(number(item, "slot")?),
        committee: number(item, "committee_index")?,
        committees_at_slot: number(item, "committees_at_slot")?,
        aggregator: false,
    })
}

impl Worker {
    /// Keeps this and the next epoch's duties known and told; tries again each slot what failed.
    pub(super) async fn keep_duties(self: Arc<Self>, facts: Facts) {
        let mut told: BTreeMap<Epoch, bool> = BTreeMap::new();
        let (mut prepared, mut registered) = (None, None);
        loop {
            let now = self.clock.now();
            let epoch = facts.epoch(now);
            if prepared != Some(epoch) && self.prepare().await.is_ok() {
                prepared = Some(epoch);
            }
            for epoch in [epoch, Epoch(epoch.0 + 1)] {
                let known = match self.duties_of(epoch) {
                    Some(duties) => Some(duties),
                    None => self.fetch(epoch).await.ok().map(|duties| self.keep(epoch, duties)),
                };
                let Some(duties) = known else { continue };
                if told.get(&epoch) != Some(&true) {
                    told.insert(epoch, self.subscribe(epoch, &duties).await.is_ok());
                }
            }
            if registered != Some(epoch) && self.register(epoch, facts).await.is_ok() {
                registered = Some(epoch);
            }
            told.retain(|told, _| *told >= epoch);
            let next = facts.slot(self.clock.now()).map_or(0, |slot| slot.0 + 1);
            let middle = facts.start(Slot(next)).0 + facts.slot_ms / 2;
            let soon = self.clock.now().0 + facts.slot_ms;
            self.clock.until(UnixMs(middle.min(soon))).await;
        }
    }

    async fn fetch(&self, epoch: Epoch) -> Result<Duties, CallError> {
        let indices: Vec<String> = self.indices.iter().map(ToString::to_string).collect();
        let path = format!("/eth/v1/validator/duties/attester/{epoch}");
        let attester = self.post(Job::Duties, &path, json!(indices)).await?.json()?;
        let path = format!("/eth/v2/validator/duties/proposer/{epoch}");
        let proposer = match self.get(Job::Duties, &path).await {
            Err(CallError::Status(404)) => {
                self.get(Job::Duties, &format!("/eth/v1/validator/duties/proposer/{epoch}")).await?
            }
            other => other?,
        };
        let path = format!("/eth/v1/validator/duties/sync/{epoch}");
        let sync = self.post(Job::Duties, &path, json!(indices)).await?.json()?;
        let mut duties = Duties {
            attester: items(&attester).filter_map(attester_duty).collect(),
            keys: items(&attester)
                .filter_map(|item| Some(item.get("pubkey")?.as_str()?.to_owned()))
                .collect(),
            ..Duties::default()
        };
        // One aggregator of ours a committee: the first.
        let mut chosen = std::collections::HashSet::new();
        for duty in &mut duties.attester {
            duty.aggregator = chosen.insert((duty.slot, duty.committee));
        }
        for item in items(&proposer) {
            let (Some(slot), Some(index)) = (number(item, "slot"), number(item, "validator_index")) else {
                return Err(CallError::Shape);
            };
            if self.indices.contains(&ValidatorIndex(index)) {
                duties.proposer.insert(Slot(slot), ValidatorIndex(index));
            }
        }
        for item in items(&sync) {
            let validator = ValidatorIndex(number(item, "validator_index").ok_or(CallError::Shape)?);
            let places = item.get("validator_sync_committee_indices").and_then(Value::as_array);
            let places = places.into_iter().flatten().filter_map(|place| place.as_str()?.parse().ok());
            duties.sync.push(SyncDuty { validator, places: places.collect() });
        }
        Ok(duties)
    }

    async fn subscribe(&self, epoch: Epoch, duties: &Duties) -> Result<(), CallError> {
        let committees: Vec<Value> = duties
            .attester
            .iter()
            .map(|duty| {
                json!({
                    "validator_index": duty.validator.to_string(),
                    "committee_index": duty.committee.to_string(),
                    "committees_at_slot": duty.committees_at_slot.to_string(),
                    "slot": duty.slot.to_string(),
                    "is_aggregator": duty.aggregator,
                })
            })
            .collect();
        let path = "/eth/v1/validator/beacon_committee_subscriptions";
        self.post(Job::Subscribe, path, json!(committees)).await?;
        let sync: Vec<Value> = duties
            .sync
            .iter()
            .map(|duty| {
                let places: Vec<String> = duty.places.iter().map(ToString::to_string).collect();
                json!({
                    "validator_index": duty.validator.to_string(),
                    "sync_committee_indices": places,
                    "until_epoch": (epoch.0 + 1).to_string(),
                })
            })
            .collect();
        if !sync.is_empty() && !self.style.no_sync_subscriptions {
            let path = "/eth/v1/validator/sync_committee_subscriptions";
            self.post(Job::Subscribe, path, json!(sync)).await?;
        }
        Ok(())
    }

    async fn prepare(&self) -> Result<(), CallError> {
        let list: Vec<Value> = self
            .indices
            .iter()
            .map(|index| {
                json!({
                    "validator_index": index.to_string(),
                    "fee_recipient": hex(&expected_fee_recipient(*index)),
                })
            })
            .collect();
        let path = "/eth/v1/validator/prepare_beacon_proposer";
        self.post(Job::Prepare, path, json!(list)).await.map(|_| ())
    }

    /// Registers all keys with builders.
    async fn register(&self, epoch: Epoch, facts: Facts) -> Result<(), CallError> {
        let duties = self.duties_of(epoch).unwrap_or_default();
        let list: Vec<Value> = duties
            .keys
            .iter()
            .zip(&duties.attester)
            .map(|(key, duty)| {
                json!({
                    "message": {
                        "fee_recipient": hex(&expected_fee_recipient(duty.validator)),
                        "gas_limit": "60000000",
                        "timestamp": (facts.genesis / 1000).to_string(),
                        "pubkey": key,
                    },
                    "signature": hex(&signature(&[duty.validator.0])),
                })
            })
            .collect();
        let path = "/eth/v1/validator/register_validator";
        self.post(Job::Register, path, json!(list)).await.map(|_| ())
    }
}
