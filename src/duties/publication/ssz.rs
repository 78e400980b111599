//! The SSZ forms, by the offsets of their fields.

use super::{Gather, Kind, Link, Votes};
use crate::chain::Ssz;
use crate::duties::ParseError;
use crate::model::{Epoch, Slot, ValidatorIndex};

/// `SingleAttestation`: committee 8, attester 8, data 128, signature 96.
const SINGLE: usize = 240;
/// `SyncCommitteeMessage`: slot 8, root 32, validator 8, signature 96.
const SYNC_MESSAGE: usize = 144;
/// `SignedContributionAndProof` on mainnet's preset: aggregator 8, contribution 160, two signatures 96.
const CONTRIBUTION: usize = 360;
/// `PayloadAttestationMessage`: validator 8, data 42, signature 96.
const PAYLOAD: usize = 146;
/// Where the message of `SignedAggregateAndProof` starts: behind its offset and the signature.
const AGGREGATE_MESSAGE: usize = 100;
/// Where the aggregate starts in its message: behind aggregator 8, its offset 4 and the proof 96.
const AGGREGATE: usize = 108;

type Item = Option<(Slot, Votes, ValidatorIndex)>;

fn each<'b>(
    what: &'static str,
    kind: Kind,
    body: &[u8],
    items: Option<impl IntoIterator<Item = Ssz<'b>>>,
    item: impl Fn(Ssz<'b>) -> Item,
) -> Result<Gather, ParseError> {
    let refuse = || ParseError::ReadSsz { what, length: body.len() };
    let mut gather = Gather::new(what, kind);
    for bytes in items.ok_or_else(refuse)? {
        let (slot, votes, validator) = item(bytes).ok_or_else(refuse)?;
        gather.add(slot, votes, Some(validator))?;
    }
    Ok(gather)
}

/// `AttestationData`: slot 8, index 8, head 32, source 40, target 40.
fn data(bytes: Ssz<'_>, validator: u64) -> Item {
    let point = |at: usize| Some((Epoch(bytes.number(at)?), bytes.root(at + 8)?));
    let link = Link { source: point(48)?, target: point(88)? };
    let votes = Votes { head: bytes.root(16)?, link: Some(link) };
    Some((Slot(bytes.number(0)?), votes, ValidatorIndex(validator)))
}

fn head(bytes: Ssz<'_>, slot: usize, root: usize, validator: usize) -> Item {
    let votes = Votes { head: bytes.root(root)?, link: None };
    Some((Slot(bytes.number(slot)?), votes, ValidatorIndex(bytes.number(validator)?)))
}

pub(super) fn attestations(body: &[u8]) -> Result<Gather, ParseError> {
    each("attestations", Kind::Attestation, body, Ssz(body).fixed(SINGLE), |item| {
        data(item.from(16)?, item.number(8)?)
    })
}

pub(super) fn aggregates(body: &[u8]) -> Result<Gather, ParseError> {
    each("aggregates", Kind::Aggregate, body, Ssz(body).variable(), |item| {
        let message = item.from(AGGREGATE_MESSAGE)?;
        let offsets = (item.offset(0)? as usize, message.offset(8)? as usize);
        if offsets != (AGGREGATE_MESSAGE, AGGREGATE) {
            return None;
        }
        // Every fork's aggregate starts with the offset of its bits, then its data.
        data(message.from(AGGREGATE + 4)?, message.number(0)?)
    })
}

pub(super) fn sync_messages(body: &[u8]) -> Result<Gather, ParseError> {
    each("sync messages", Kind::SyncMessage, body, Ssz(body).fixed(SYNC_MESSAGE), |item| head(item, 0, 8, 40))
}

pub(super) fn contributions(body: &[u8]) -> Result<Gather, ParseError> {
    each("contributions", Kind::Contribution, body, Ssz(body).fixed(CONTRIBUTION), |item| {
        head(item, 8, 16, 0)
    })
}

pub(super) fn payload_attestations(body: &[u8]) -> Result<Gather, ParseError> {
    each("payload attestations", Kind::PayloadAttestation, body, Ssz(body).fixed(PAYLOAD), |item| {
        head(item, 40, 8, 0)
    })
}
