//! The JSON forms, by the names of the API's types.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Gather, Kind, Link, Votes};
use crate::chain::unhex;
use crate::duties::json::{Quoted, read};
use crate::duties::{Committees, ParseError};
use crate::model::{Epoch, Root, Slot, ValidatorIndex};

#[derive(Deserialize)]
struct Checkpoint {
    epoch: Quoted,
    root: Root,
}

#[derive(Deserialize)]
struct AttestationData {
    slot: Quoted,
    index: Quoted,
    beacon_block_root: Root,
    source: Checkpoint,
    target: Checkpoint,
}

impl AttestationData {
    fn votes(&self) -> Votes {
        let point = |point: &Checkpoint| (Epoch(point.epoch.0), point.root);
        let link = Link { source: point(&self.source), target: point(&self.target) };
        Votes { head: self.beacon_block_root, link: Some(link) }
    }
}

/// `SingleAttestation`, or the `Attestation` of before Electra.
#[derive(Deserialize)]
#[serde(untagged)]
enum Attestation {
    Single { attester_index: Quoted, data: AttestationData },
    Bits { aggregation_bits: String, data: AttestationData },
}

#[derive(Deserialize)]
struct Aggregate {
    data: AttestationData,
}

#[derive(Deserialize)]
struct AggregateAndProof {
    aggregator_index: Quoted,
    aggregate: Aggregate,
}

#[derive(Deserialize)]
struct SyncMessage {
    slot: Quoted,
    beacon_block_root: Root,
    validator_index: Quoted,
}

#[derive(Deserialize)]
struct Contribution {
    slot: Quoted,
    beacon_block_root: Root,
}

#[derive(Deserialize)]
struct ContributionAndProof {
    aggregator_index: Quoted,
    contribution: Contribution,
}

#[derive(Deserialize)]
struct PayloadAttestationData {
    slot: Quoted,
    beacon_block_root: Root,
}

#[derive(Deserialize)]
struct PayloadAttestation {
    validator_index: Quoted,
    data: PayloadAttestationData,
}

#[derive(Deserialize)]
struct Signed<T> {
    message: T,
}

/// Reads a list and adds, for each item, its slot, votes and validator.
fn each<T: DeserializeOwned>(
    what: &'static str,
    kind: Kind,
    body: &[u8],
    item: impl Fn(&T) -> (Slot, Votes, ValidatorIndex),
) -> Result<Gather, ParseError> {
    let mut gather = Gather::new(what, kind);
    for given in read::<Vec<T>>(what, body)? {
        let (slot, votes, validator) = item(&given);
        gather.add(slot, votes, Some(validator))?;
    }
    Ok(gather)
}

fn head(root: Root) -> Votes {
    Votes { head: root, link: None }
}

pub(super) fn attestations(body: &[u8], committees: &Committees) -> Result<Gather, ParseError> {
    let mut gather = Gather::new("attestations", Kind::Attestation);
    for given in read::<Vec<Attestation>>("attestations", body)? {
        match given {
            Attestation::Single { attester_index, data } => {
                gather.add(Slot(data.slot.0), data.votes(), Some(ValidatorIndex(attester_index.0)))?;
            }
            Attestation::Bits { aggregation_bits, data } => {
                let slot = Slot(data.slot.0);
                for place in places(&aggregation_bits) {
                    gather.add(slot, data.votes(), committees.member(slot, data.index.0, place))?;
                }
            }
        }
    }
    Ok(gather)
}

/// The places of a bitlist's votes, without the delimiting bit; none if it is not a bitlist.
fn places(bits: &str) -> Vec<u64> {
    let bytes = unhex(bits).unwrap_or_default();
    let set = |place: &usize| bytes[place / 8] & (1 << (place % 8)) != 0;
    let mut places: Vec<u64> = (0..bytes.len() * 8).filter(set).map(|place| place as u64).collect();
    places.pop();
    places
}

pub(super) fn aggregates(body: &[u8]) -> Result<Gather, ParseError> {
    each("aggregates", Kind::Aggregate, body, |signed: &Signed<AggregateAndProof>| {
        let data = &signed.message.aggregate.data;
        (Slot(data.slot.0), data.votes(), ValidatorIndex(signed.message.aggregator_index.0))
    })
}

pub(super) fn sync_messages(body: &[u8]) -> Result<Gather, ParseError> {
    each("sync messages", Kind::SyncMessage, body, |message: &SyncMessage| {
        (Slot(message.slot.0), head(message.beacon_block_root), ValidatorIndex(message.validator_index.0))
    })
}

pub(super) fn contributions(body: &[u8]) -> Result<Gather, ParseError> {
    each("contributions", Kind::Contribution, body, |signed: &Signed<ContributionAndProof>| {
        let Signed { message: ContributionAndProof { aggregator_index, contribution } } = signed;
        let votes = head(contribution.beacon_block_root);
        (Slot(contribution.slot.0), votes, ValidatorIndex(aggregator_index.0))
    })
}

pub(super) fn payload_attestations(body: &[u8]) -> Result<Gather, ParseError> {
    each("payload attestations", Kind::PayloadAttestation, body, |message: &PayloadAttestation| {
        let votes = head(message.data.beacon_block_root);
        (Slot(message.data.slot.0), votes, ValidatorIndex(message.validator_index.0))
    })
}
