//! Sync subscriptions on behalf of clients that post none.
//!
//! Prysm's validator client over REST asks for sync duties and never posts `sync_committee_subscriptions`: a beacon of
//! another make then has nothing to make its contributions from. What its duties say is enough to make them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::When;
use super::book::Book;
use super::client::Client;
use super::item::{Form, Key, Seed};
use crate::chain::Spec;
use crate::model::{Epoch, Quoted, SeedKind, Slot};

/// A client that posts subscriptions does so right after it has its duties. One that has not after so many slots is
/// helped; should its own come later they say the same.
const PATIENCE_SLOTS: u64 = 2;
/// Clients whose duties are remembered.
const CLIENTS: usize = 1_024;
/// `SYNC_COMMITTEE_SIZE`: more members a committee does not have.
const MEMBERS: usize = 512;
/// `EPOCHS_PER_SYNC_COMMITTEE_PERIOD` of mainnet.
const PERIOD: u64 = 256;

/// One validator's seats, as `getSyncCommitteeDuties` tells them.
#[derive(Debug, Deserialize)]
pub struct SyncDuty {
    /// Who.
    #[serde(deserialize_with = "Quoted::plain")]
    pub validator_index: u64,
    /// Places in the committee, as text or numbers.
    pub validator_sync_committee_indices: Vec<SyncPlace>,
}

/// A place in the sync committee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SyncPlace(#[serde(deserialize_with = "Quoted::plain")] pub u64);

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// The duties of an answer; none if it is no such answer.
pub fn sync_duties(answer: &[u8]) -> Option<Vec<SyncDuty>> {
    serde_json::from_slice::<Data<Vec<SyncDuty>>>(answer).ok().map(|answer| answer.data)
}

#[derive(Debug)]
struct Duties {
    asked: Slot,
    /// Of a period that has begun or begins with the next epoch.
    epoch: Epoch,
    seats: BTreeMap<u64, Vec<u64>>,
}

/// Sync duties that were asked for and not yet seen to be subscribed.
#[derive(Debug, Default)]
pub struct Asked {
    by: BTreeMap<(Client, Epoch), Duties>,
    period: Option<u64>,
}

impl Asked {
    /// The chain's constants.
    pub(super) fn learn(&mut self, spec: &Spec) {
        self.period = spec.get_u64("EPOCHS_PER_SYNC_COMMITTEE_PERIOD").filter(|period| *period > 0);
    }

    /// The end of the period an epoch lies in: the first epoch after it.
    fn end_of(&self, epoch: Epoch) -> Epoch {
        let period = self.period.unwrap_or(PERIOD);
        Epoch((epoch.0 / period + 1).saturating_mul(period))
    }
}

impl Book {
    /// A client was told its sync duties of an epoch.
    pub fn sync_duties(&mut self, client: &Client, epoch: Epoch, duties: &[SyncDuty], when: When) {
        if duties.is_empty() || epoch.0 > when.epoch.0 + 1 {
            return;
        }
        let key = (client.clone(), self.sync.end_of(epoch));
        if self.sync.by.len() >= CLIENTS && !self.sync.by.contains_key(&key) {
            return;
        }
        let fresh = || Duties { asked: when.slot, epoch, seats: BTreeMap::new() };
        let known = self.sync.by.entry(key).or_insert_with(fresh);
        known.epoch = known.epoch.min(epoch);
        for duty in duties.iter().take(MEMBERS) {
            let seats = duty.validator_sync_committee_indices.iter().map(|place| place.0).collect();
            known.seats.insert(duty.validator_index, seats);
        }
    }

    /// Makes the subscriptions that are still missing. Returns whose.
    pub fn help(&mut self, when: When) -> Vec<Client> {
        let mut helped = Vec::new();
        let due: Vec<(Client, Epoch)> = self
            .sync
            .by
            .iter()
            .filter(|(_, duties)| when.slot.0 >= duties.asked.0 + PATIENCE_SLOTS)
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            let Some(duties) = self.sync.by.remove(&key) else { continue };
            let (client, until) = key;
            let missing: Vec<String> = duties
                .seats
                .iter()
                .filter(|(validator, _)| !self.subscribes(&client, **validator, duties.epoch.max(when.epoch)))
                .map(|(validator, seats)| {
                    let seats: Vec<String> = seats.iter().map(|seat| format!("\"{seat}\"")).collect();
                    format!(
                        r#"{{"validator_index":"{validator}","sync_committee_indices":[{}],"until_epoch":"{until}"}}"#,
                        seats.join(",")
                    )
                })
                .collect();
            let body = format!("[{}]", missing.join(","));
            let seed = Seed::read(SeedKind::Sync, Form::default(), body.as_bytes());
            if let Some(seed) = seed.filter(|_| !missing.is_empty()) {
                self.give(&client, &seed, when);
                helped.push(client);
            }
        }
        helped
    }

    /// Whether a client has subscribed a validator for an epoch.
    fn subscribes(&self, client: &Client, validator: u64, epoch: Epoch) -> bool {
        let from = Key::Sync(validator, Epoch(epoch.0 + 1));
        let to = Key::Sync(validator, Epoch(u64::MAX));
        self.group(client, SeedKind::Sync)
            .is_some_and(|group| group.entries.range(from..=to).next().is_some())
    }
}
