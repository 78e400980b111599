//! Blocks and committees as beacons answer them (JSON), reduced to what the ledger counts.

use serde::Deserialize;

use super::{Block, Committee, Included, PayloadVotes};
use crate::chain::unhex;
use crate::duties::ParseError;
use crate::duties::json::{Answer, Quoted, read};
use crate::model::{Root, Slot, ValidatorIndex};

#[derive(Deserialize)]
struct Signed {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    slot: Quoted,
    proposer_index: Quoted,
    parent_root: Root,
    state_root: Root,
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    attestations: Vec<Attestation>,
    #[serde(default)]
    sync_aggregate: Option<SyncAggregate>,
    /// Since Gloas.
    #[serde(default)]
    payload_attestations: Vec<PayloadAttestation>,
}

#[derive(Deserialize)]
struct SyncAggregate {
    sync_committee_bits: String,
}

#[derive(Deserialize)]
struct Attestation {
    aggregation_bits: String,
    /// Since Electra.
    #[serde(default)]
    committee_bits: Option<String>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    slot: Quoted,
    index: Quoted,
    beacon_block_root: Root,
    target: Checkpoint,
}

#[derive(Deserialize)]
struct Checkpoint {
    root: Root,
}

#[derive(Deserialize)]
struct PayloadAttestation {
    aggregation_bits: String,
    data: PayloadData,
}

#[derive(Deserialize)]
struct PayloadData {
    payload_present: bool,
    blob_data_available: bool,
}

#[derive(Deserialize)]
struct PayloadCommitteeJson {
    validators: Vec<Quoted>,
}

#[derive(Deserialize)]
struct CommitteeJson {
    slot: Quoted,
    index: Quoted,
    validators: Vec<Quoted>,
}

/// Reads an answer to `/eth/v2/beacon/blocks/{root}`. Bits that are none are left out.
///
/// # Errors
/// It is not a block.
pub fn read_block(root: Root, body: &[u8]) -> Result<Block, ParseError> {
    let Answer { data: Signed { message }, .. } = read("a block", body)?;
    let sync = message.body.sync_aggregate.and_then(|sync| unhex(&sync.sync_committee_bits));
    Ok(Block {
        root,
        slot: Slot(message.slot.0),
        proposer: ValidatorIndex(message.proposer_index.0),
        parent: message.parent_root,
        state: message.state_root,
        votes: message.body.attestations.iter().filter_map(included).collect(),
        sync: sync.unwrap_or_default().into(),
        payload: message.body.payload_attestations.iter().filter_map(payload_votes).collect(),
    })
}

fn included(attestation: &Attestation) -> Option<Included> {
    let mut bits = unhex(&attestation.aggregation_bits)?;
    let last = bits.last_mut()?;
    let delimiter = 7_u32.checked_sub(last.leading_zeros())?;
    *last ^= 1 << delimiter;
    let members = (bits.len() as u32 - 1) * 8 + delimiter;
    let committees = match &attestation.committee_bits {
        Some(text) => u64::from_le_bytes(*unhex(text)?.first_chunk()?),
        None => 1_u64.checked_shl(u32::try_from(attestation.data.index.0).ok()?)?,
    };
    Some(Included {
        slot: Slot(attestation.data.slot.0),
        committees,
        bits: bits.into(),
        members,
        head: attestation.data.beacon_block_root,
        target: attestation.data.target.root,
    })
}

fn payload_votes(attestation: &PayloadAttestation) -> Option<PayloadVotes> {
    let PayloadData { payload_present: present, blob_data_available: blobs } = attestation.data;
    Some(PayloadVotes { present, blobs, bits: unhex(&attestation.aggregation_bits)?.into() })
}

/// Reads an answer to `/eth/v1/beacon/states/{id}/ptc`: member by place.
///
/// # Errors
/// It is no payload timeliness committee.
pub fn read_payload_committee(body: &[u8]) -> Result<Vec<ValidatorIndex>, ParseError> {
    let answer: Answer<PayloadCommitteeJson> = read("payload timeliness committee", body)?;
    Ok(answer.data.validators.iter().map(|member| ValidatorIndex(member.0)).collect())
}

/// Reads an answer to `/eth/v1/beacon/states/{id}/committees`.
///
/// # Errors
/// It is no list of committees.
pub fn read_committees(body: &[u8]) -> Result<Vec<Committee>, ParseError> {
    let answer: Answer<Vec<CommitteeJson>> = read("committees", body)?;
    let committee = |row: CommitteeJson| Committee {
        slot: Slot(row.slot.0),
        index: row.index.0,
        members: row.validators.iter().map(|member| ValidatorIndex(member.0)).collect(),
    };
    Ok(answer.data.into_iter().map(committee).collect())
}
