//! Payload attestations (Gloas): who sits in the payload timeliness committee (PTC) of a slot, and what the block of the next
//! slot says of their messages. No other block can include them (gloas spec, `process_payload_attestation`).
//!
//! Duties name no place in the committee, so that the committee of a slot in which one of ours sits is read from a state.

use std::collections::{BTreeMap, HashMap};

use super::Ledger;
use super::roll::Number;
use super::rows::Fate;
use crate::duties::duty::PayloadDuty;
use crate::model::{BeaconId, ClientId, Epoch, Root, Slot, ValidatorIndex};

/// Members of ours kept of one slot; `PTC_SIZE` is 512.
const MOST: usize = 1_024;

/// Payload attestations that say the same, as a block includes them: for the slot before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadVotes {
    /// Whether they say that the payload was there in time.
    pub present: bool,
    /// Whether they say that its blobs were.
    pub blobs: bool,
    /// One bit a place in the committee.
    pub bits: Box<[u8]>,
}

impl PayloadVotes {
    fn has(&self, place: usize) -> bool {
        self.bits.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
    }

    fn says(&self) -> (bool, bool) {
        (self.present, self.blobs)
    }
}

/// What is known of the committees.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    /// Members of ours, and the beacon that told so.
    told: BTreeMap<Slot, HashMap<Number, Option<BeaconId>>>,
    /// Members by place, and the root that the committee depends on.
    committees: BTreeMap<Slot, (Root, Box<[ValidatorIndex]>)>,
}

impl Payloads {
    /// One of ours sits in a slot's committee.
    pub(super) fn tell(&mut self, slot: Slot, number: Number, by: Option<BeaconId>) {
        let told = self.told.entry(slot).or_default();
        if told.len() < MOST || told.contains_key(&number) {
            let known = told.entry(number).or_default();
            *known = by.or(*known);
        }
    }

    pub(super) fn prune(&mut self, first: Slot) {
        self.told = self.told.split_off(&first);
        self.committees = self.committees.split_off(&first);
    }

    /// Members of ours in a slot, and who told so.
    pub(super) fn told(&self, slot: Slot) -> impl Iterator<Item = (Number, Option<BeaconId>)> {
        self.told.get(&slot).into_iter().flatten().map(|(number, by)| (*number, *by))
    }
}

impl Ledger {
    /// Duties in payload timeliness committees were told.
    pub fn payload_duties(&mut self, duties: &[PayloadDuty], client: ClientId, by: Option<BeaconId>) {
        for duty in duties {
            if !self.keeps(duty.slot) {
                continue;
            }
            let seen = self.epoch(duty.slot).min(self.epoch(self.now));
            let Some(number) = self.see(duty.validator, client, seen) else { continue };
            self.payloads.tell(duty.slot, number, by);
        }
    }

    /// The payload timeliness committee of a slot, member by place, on branches whose shuffling depends on this root
    /// ([`Ledger::wanted_payload_committee`]).
    pub fn payload_committee(&mut self, slot: Slot, decided: Root, members: Vec<ValidatorIndex>) {
        if self.keeps(slot) {
            self.payloads.committees.insert(slot, (decided, members.into()));
        }
    }

    /// A slot whose payload timeliness committee is to be read from the state of [`Ledger::tip`], with the root it depends
    /// on: one of ours sits there, and the chain has told what became of it. A state knows those from the epoch before
    /// its own on.
    pub fn wanted_payload_committee(&self) -> Option<(Slot, Root)> {
        let head = self.branch.head()?.slot;
        let first = self.first(Epoch(self.epoch(head).0.saturating_sub(1)));
        let first = first.max(self.horizon()).min(head);
        self.payloads.told.range(first..head).find_map(|(slot, _)| {
            let slot = *slot;
            let decided = self.decided(self.epoch(slot))?;
            let known = self.payloads.committees.get(&slot).is_some_and(|(root, _)| *root == decided);
            (!known && self.branch.at(slot).is_some()).then_some((slot, decided))
        })
    }

    /// What became of a payload attestation.
    pub(super) fn payload_attested(&self, slot: Slot, number: Number) -> Fate {
        let next = Slot(slot.0 + 1);
        match self.has_block(slot) {
            // Who saw no block has no payload to attest to (gloas spec, validator).
            Some(false) => return Fate::Untold,
            None => return Fate::Unknown,
            Some(true) => {}
        }
        let Some(_) = self.has_block(next) else { return Fate::Unknown };
        let Some(block) = self.branch.at(next) else { return Fate::Missed };
        let decided = self.decided(self.epoch(slot));
        let known = self.payloads.committees.get(&slot).filter(|(root, _)| Some(*root) == decided);
        let Some((_, members)) = known else { return Fate::Unknown };
        let validator = self.roll.validator(number);
        let places = || members.iter().enumerate().filter(|(_, member)| **member == validator);
        let said = block.payload.iter().find(|votes| places().any(|(place, _)| votes.has(place)));
        let Some(said) = said.map(PayloadVotes::says) else { return Fate::Missed };
        let mut counts: BTreeMap<(bool, bool), usize> = BTreeMap::new();
        for votes in &block.payload {
            let members = (0..members.len()).filter(|place| votes.has(*place)).count();
            *counts.entry(votes.says()).or_default() += members;
        }
        let most = counts.values().max();
        Fate::PayloadAttested { agrees: counts.get(&said) == most }
    }
}
