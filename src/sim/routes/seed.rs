//! What a beacon is told and holds in memory: subscriptions, fee recipients, builder registrations.

use serde_json::Value;

use super::{Answer, Ask};
use crate::model::{Epoch, Slot, ValidatorIndex};
use crate::sim::chain::{SYNC_COMMITTEE, SYNC_SUBNETS};
use crate::sim::wire::{number, unhex};

/// Parses every item of the body, or refuses all of it.
fn parsed<T>(ask: &Ask<'_>, what: &str, parse: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, Answer> {
    let items: Option<Vec<T>> = ask.request.array()?.iter().map(parse).collect();
    items.ok_or_else(|| Answer::error(400, format!("not a list of {what}")))
}

pub(super) fn committees(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    let list = parsed(ask, "committee subscriptions", |item| {
        let of = (Slot(number(item, "slot")?), number(item, "committee_index")?);
        Some((of, item.get("is_aggregator")?.as_bool()?))
    })?;
    let memory = &mut ask.world.nodes[ask.node].memory;
    memory.first("committees");
    for (of, aggregator) in list {
        memory.subscribed.insert(of);
        if aggregator {
            memory.aggregator.insert(of);
        }
    }
    Ok(Answer::empty(200))
}

pub(super) fn sync_committees(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let list = parsed(ask, "sync committee subscriptions", |item| {
        let places = item.get("sync_committee_indices")?.as_array()?;
        let places: Option<Vec<usize>> = places.iter().map(|place| place.as_str()?.parse().ok()).collect();
        Some((places?, Epoch(number(item, "until_epoch")?)))
    })?;
    let memory = &mut ask.world.nodes[ask.node].memory;
    for (places, until) in list {
        for place in places.into_iter().filter(|place| *place < SYNC_COMMITTEE) {
            let subnet = (place * SYNC_SUBNETS / SYNC_COMMITTEE) as u64;
            let known = memory.sync_subnets.entry(subnet).or_default();
            *known = until.max(*known);
        }
    }
    Ok(Answer::empty(200))
}

pub(super) fn preparations(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let list = parsed(ask, "proposer preparations", |item| {
        let address = unhex(item.get("fee_recipient")?.as_str()?)?;
        Some((ValidatorIndex(number(item, "validator_index")?), <[u8; 20]>::try_from(address).ok()?))
    })?;
    let node = &mut ask.world.nodes[ask.node];
    if let Some((denied, _)) = list.iter().find(|(validator, _)| node.denied.contains(validator)) {
        return Err(Answer::error(400, format!("no validator {denied} is known here")));
    }
    let memory = &mut node.memory;
    memory.first("preparations");
    memory.preparations.extend(list);
    Ok(Answer::empty(200))
}

/// Bytes of a `SignedValidatorRegistration`: fee recipient 20, gas limit 8, time 8, key 48, signature 96.
const REGISTRATION: usize = 180;

pub(super) fn registrations(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let keys: Vec<Vec<u8>> = if ask.request.is_ssz()? {
        let chunks = ask.request.body.chunks_exact(REGISTRATION);
        if !chunks.remainder().is_empty() {
            return Err(Answer::error(400, "not a list of registrations"));
        }
        chunks.map(|chunk| chunk[36..84].to_vec()).collect()
    } else {
        parsed(ask, "registrations", |item| unhex(item.get("message")?.get("pubkey")?.as_str()?))?
    };
    ask.world.nodes[ask.node].memory.bodies.push(keys.len());
    let known: Vec<_> = keys.iter().filter_map(|key| ask.world.config.validator_of(key)).collect();
    ask.world.nodes[ask.node].memory.registrations.extend(known);
    Ok(Answer::empty(200))
}
