//! Publications: signed messages on their way out, read into who voted for what.
//!
//! One body may hold thousands of messages that say the same: they become one [`Publication`]. Signatures are never
//! looked at. To read another kind, give it a [`Kind`], an arm in [`parse`], and its form in `json` and `ssz`.

mod json;
mod ssz;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use serde::Serialize;

use super::{Committees, ParseError};
use crate::chain::BlockKey;
use crate::endpoint::Inspect;
use crate::model::{Epoch, Root, Slot, ValidatorIndex};

/// How many validators a publication names; the rest is counted.
pub const MAX_VALIDATORS: usize = 1 << 16;
/// How many different votes one body may hold; an honest client's hold a handful.
pub const MAX_GROUPS: usize = 1 << 10;

/// What was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Attestations.
    Attestation,
    /// Aggregates with proofs; the validators are the aggregators.
    Aggregate,
    /// Sync committee messages.
    SyncMessage,
    /// Contributions with proofs; the validators are the aggregators.
    Contribution,
    /// Payload attestation messages.
    PayloadAttestation,
    /// A block; the validator is its proposer.
    Block,
    /// Attester duties that were served.
    AttesterDuties,
    /// Proposer duties that were served.
    ProposerDuties,
    /// Sync committee duties that were served.
    SyncDuties,
    /// Payload timeliness committee duties that were served.
    PayloadDuties,
}

impl Kind {
    /// One of them in words, for people.
    pub fn singular(self) -> &'static str {
        self.words().0
    }

    /// In words, for people.
    pub fn plural(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Attestation => ("attestation", "attestations"),
            Kind::Aggregate => ("aggregate", "aggregates"),
            Kind::SyncMessage => ("sync message", "sync messages"),
            Kind::Contribution => ("contribution", "contributions"),
            Kind::PayloadAttestation => ("payload attestation", "payload attestations"),
            Kind::Block => ("block", "blocks"),
            Kind::AttesterDuties => ("attester duty", "attester duties"),
            Kind::ProposerDuties => ("proposer duty", "proposer duties"),
            Kind::SyncDuties => ("sync duty", "sync duties"),
            Kind::PayloadDuties => ("payload duty", "payload duties"),
        }
    }
}

/// The checkpoints an attestation links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Link {
    /// Source epoch and root.
    pub source: (Epoch, Root),
    /// Target epoch and root.
    pub target: (Epoch, Root),
}

/// What was voted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Votes {
    /// Head block root.
    pub head: Root,
    /// Source and target; attestations and aggregates alone have them.
    pub link: Option<Link>,
}

/// Messages of one kind and slot with the same votes, from one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The slot voted in.
    pub slot: Slot,
    /// What it is.
    pub kind: Kind,
    /// Who, as far as known, in the order of the body; [`MAX_VALIDATORS`] at most.
    pub validators: Vec<ValidatorIndex>,
    /// How many messages or votes, those of unknown validators included.
    pub count: u32,
    /// What was voted for; none for blocks.
    pub votes: Option<Votes>,
    /// The block, if it is one.
    pub block: Option<BlockKey>,
}

/// Collects messages into publications by slot and votes.
struct Gather {
    what: &'static str,
    kind: Kind,
    out: Vec<Publication>,
    places: HashMap<(Slot, Votes), usize>,
}

impl Gather {
    fn new(what: &'static str, kind: Kind) -> Self {
        Self { what, kind, out: Vec::new(), places: HashMap::new() }
    }

    fn add(&mut self, slot: Slot, votes: Votes, validator: Option<ValidatorIndex>) -> Result<(), ParseError> {
        let place = match self.places.entry((slot, votes)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if self.out.len() == MAX_GROUPS => {
                return Err(ParseError::GroupVotes { what: self.what, limit: MAX_GROUPS });
            }
            Entry::Vacant(new) => {
                let kind = self.kind;
                self.out.push(Publication {
                    slot,
                    kind,
                    validators: Vec::new(),
                    count: 0,
                    votes: Some(votes),
                    block: None,
                });
                *new.insert(self.out.len() - 1)
            }
        };
        let publication = &mut self.out[place];
        publication.count = publication.count.saturating_add(1);
        if let Some(validator) = validator
            && publication.validators.len() < MAX_VALIDATORS
        {
            publication.validators.push(validator);
        }
        Ok(())
    }
}

/// Reads what was published. `committees` resolves votes that name a committee place instead of a validator
/// (attestations before Electra).
///
/// # Errors
/// When the body is not what the endpoint takes, or `inspect` is not a publication.
pub fn parse(
    inspect: Inspect,
    body: &Bytes,
    ssz: bool,
    committees: &Committees,
) -> Result<Vec<Publication>, ParseError> {
    let gather = match inspect {
        Inspect::Attestations if ssz => ssz::attestations(body),
        Inspect::Attestations => json::attestations(body, committees),
        Inspect::Aggregates if ssz => ssz::aggregates(body),
        Inspect::Aggregates => json::aggregates(body),
        Inspect::SyncMessages if ssz => ssz::sync_messages(body),
        Inspect::SyncMessages => json::sync_messages(body),
        Inspect::Contributions if ssz => ssz::contributions(body),
        Inspect::Contributions => json::contributions(body),
        Inspect::PayloadAttestations if ssz => ssz::payload_attestations(body),
        Inspect::PayloadAttestations => json::payload_attestations(body),
        Inspect::SignedBlock => return block(body, ssz).map(|block| vec![block]),
        other => return Err(ParseError::NoPublication(other)),
    };
    gather.map(|gather| gather.out)
}

fn block(body: &[u8], ssz: bool) -> Result<Publication, ParseError> {
    let key = BlockKey::of_signed(body, ssz).ok_or(ParseError::FindBlock { length: body.len() })?;
    let (slot, kind, validators) = (key.slot, Kind::Block, vec![key.proposer]);
    Ok(Publication { slot, kind, validators, count: 1, votes: None, block: Some(key) })
}
