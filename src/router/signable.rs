//! Attestation data at the door: questions no beacon should be asked, and answers no validator should be given.
//!
//! The rules are the guard's; here they meet the clock and the fork of the slot. While no beacon has told the chain there
//! is neither, and no beacon is used for what gets signed.

use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};

use super::body::Answer;
use super::upstream::{Ask, Reply};
use super::{Router, answer, head};
use crate::endpoint::{Found, find};
use crate::guard::{self, AttestationData};
use crate::model::{BeaconId, Moment};
use crate::pool::Table;

/// The row of attestation data.
pub const ROW: &str = "produceAttestationData";

fn committee(found: &Found<'_>) -> Option<u64> {
    found.query("committee_index")?.parse().ok()
}

/// A refusal, if this is a question about attestation data that must not be answered.
pub fn refuse(found: &Found<'_>, table: &Table, now: Moment) -> Option<Response<Answer>> {
    if found.row.name != ROW {
        return None;
    }
    let (clock, slot) = (table.clock.as_ref()?, found.slot()?);
    let present = clock.slot_at(now.wall).unwrap_or_default();
    let refusal = guard::question(slot, committee(found), present, clock.era_of(slot)).err()?;
    Some(answer::error(StatusCode::BAD_REQUEST, &refusal.to_string()))
}

/// Whether a beacon's answer may be given to a validator client; what is no attestation data may not.
pub fn may_be_given(router: &Router, ask: &Ask, by: BeaconId, reply: &Reply, table: &Table) -> bool {
    let (Some(clock), true) = (&table.clock, ask.row.name == ROW) else { return true };
    let found = find(&ask.method, ask.path.as_str());
    let (Some(slot), Some(body)) = (found.slot(), reply.bytes()) else { return true };
    let data = AttestationData::of(body, head::is_ssz(&reply.headers, &CONTENT_TYPE));
    let why = match data {
        None => "it is no attestation data".to_owned(),
        Some(data) => {
            let at = (slot, clock.epoch_of(slot));
            match guard::answer(&data, at, committee(&found), clock.era_of(slot)) {
                Ok(()) => return true,
                Err(refusal) => refusal.to_string(),
            }
        }
    };
    tracing::warn!(beacon = router.name(by), %slot, why, "attestation data refused");
    false
}
