//! Attestation data at the door: questions no beacon should be asked, and answers no validator should be given.
//!
//! The rules are the guard's; here they meet the clock and the fork of the slot. While no beacon has told the chain there
//! is neither, and no beacon is used for what gets signed.

use hyper::header::CONTENT_TYPE;

use super::upstream::Reply;
use super::{Router, head};
use crate::chain::Era;
use crate::endpoint::Found;
use crate::guard::{self, AttestationData, Refusal};
use crate::model::{BeaconId, Epoch, Moment, Slot};
use crate::pool::Table;

/// The row of attestation data.
pub const ROW: &str = "produceAttestationData";

/// A question about attestation data, read once.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    slot: Slot,
    epoch: Epoch,
    committee: Option<u64>,
    era: Era,
}

impl Question {
    /// Reads it; none if this is another one, or no chain is known yet.
    ///
    /// # Errors
    /// It must not be answered.
    pub fn read(found: &Found<'_>, table: &Table, now: Moment) -> Result<Option<Self>, Refusal> {
        let (Some(clock), Some(slot), ROW) = (&table.clock, found.slot(), found.row.name) else {
            return Ok(None);
        };
        let committee = found.query("committee_index").and_then(|text| text.parse().ok());
        let era = clock.era_of(slot);
        guard::question(slot, committee, clock.slot_at(now.wall).unwrap_or_default(), era)?;
        Ok(Some(Self { slot, epoch: clock.epoch_of(slot), committee, era }))
    }

    /// Whether a beacon's answer may be given to a validator client; what is no attestation data may not.
    pub fn takes(self, router: &Router, by: BeaconId, reply: &Reply) -> bool {
        let Some(body) = reply.bytes() else { return true };
        let Self { slot, epoch, committee, era } = self;
        let why = match AttestationData::of(body, head::is_ssz(&reply.headers, &CONTENT_TYPE)) {
            None => "it is no attestation data".to_owned(),
            Some(data) => match guard::answer(&data, (slot, epoch), committee, era) {
                Ok(()) => return true,
                Err(refusal) => refusal.to_string(),
            },
        };
        tracing::warn!(beacon = router.name(by), %slot, why, "attestation data refused");
        false
    }
}
