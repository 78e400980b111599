//! Attestation data at the door: questions no beacon should be asked, and answers no validator should be given.
//!
//! The rules are the guard's; here they meet the clock and the fork of the slot. While no beacon has told the chain there
//! is neither, and no beacon is used for what gets signed.

use hyper::header::CONTENT_TYPE;

use super::upstream::Reply;
use super::{Router, head};
use crate::chain::Era;
use crate::endpoint::Found;
use crate::guard::{self, AttestationData, Refusal, Topic};
use crate::model::{BeaconId, Epoch, Moment, Slot, Step, UnixMs};
use crate::pool::{AgreedHead, Table};

/// The row of attestation data.
const ROW: &str = "produceAttestationData";

/// A question about attestation data, read once.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The slot.
    pub slot: Slot,
    /// When slot 0 of its chain starts.
    pub genesis: UnixMs,
    /// From then on its answer stays.
    pub closes: UnixMs,
    epoch: Epoch,
    committee: Option<u64>,
    era: Era,
}

/// The answer stays from this part of a slot after its due point on.
const CLOSES: u64 = 12;

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
        let closes = UnixMs(clock.due(slot, Step::Attest).0 + clock.slot_ms(slot) / CLOSES);
        let (genesis, epoch) = (clock.genesis(), clock.epoch_of(slot));
        Ok(Some(Self { slot, genesis, closes, epoch, committee, era }))
    }

    /// What it shares with other questions: since Electra all committees have the same data.
    pub fn topic(self) -> Topic {
        Topic { slot: self.slot, committee: self.committee.filter(|_| self.era == Era::Committee) }
    }

    /// Whether the answer changes by the head alone. Since Gloas it tells of the payload, too, of a block before its slot.
    pub fn is_steady(self, head: Option<AgreedHead>) -> bool {
        self.era != Era::Payload || head.is_some_and(|head| head.slot == self.slot)
    }

    /// Whether a beacon's answer may be given to a validator client; what is no attestation data may not.
    pub fn takes(self, router: &Router, by: BeaconId, reply: &Reply) -> bool {
        let Some(body) = reply.bytes() else { return true };
        let Self { slot, epoch, committee, era, .. } = self;
        let why = match AttestationData::of(body, head::is_ssz(&reply.headers, &CONTENT_TYPE)) {
            None => "it is no attestation data".to_owned(),
            Some(data) => match guard::answer(&data, (slot, epoch), committee, era)
                .and_then(|()| router.memory.decided().allows(&data))
            {
                Ok(()) => return true,
                Err(refusal) => refusal.to_string(),
            },
        };
        tracing::warn!(beacon = router.name(by), %slot, why, "attestation data refused");
        false
    }
}
