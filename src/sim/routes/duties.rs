//! Duties and liveness.

use serde_json::{Value, json};

use super::{Answer, Ask};
use crate::model::{Epoch, ValidatorIndex};
use crate::sim::wire::hex;
use crate::sim::world::Mood;

/// Epoch of the path; refused when further ahead than `ahead`.
pub(super) fn epoch_of(ask: &Ask<'_>, ahead: u64) -> Result<Epoch, Answer> {
    let epoch = Epoch(ask.number(0)?);
    if epoch.0 > ask.epoch().0 + ahead {
        return Err(Answer::error(400, format!("epoch {epoch} is too far ahead")));
    }
    Ok(epoch)
}

/// Indices of the body that exist.
pub(super) fn indices(ask: &Ask<'_>) -> Result<Vec<ValidatorIndex>, Answer> {
    let list = ask.request.array()?;
    Ok(list.iter().filter_map(|item| ask.validator_of(item.as_str()?)).collect())
}

pub(super) fn with_dependent_root(ask: &Ask<'_>, epoch: Epoch, duties: &[Value]) -> Answer {
    let root = ask.world.dependent_root(ask.me().head, epoch);
    let optimistic = ask.me().mood == Mood::Optimistic;
    Answer::json(&json!({"dependent_root": root, "execution_optimistic": optimistic, "data": duties}))
}

pub(super) fn attester(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    let (epoch, indices) = (epoch_of(ask, 1)?, indices(ask)?);
    let duties = ask.world.duties(epoch);
    let per_slot = ask.world.config.committees_per_slot();
    let list: Vec<Value> = indices
        .into_iter()
        .filter_map(|index| {
            let place = duties.place(index)?;
            Some(json!({
                "pubkey": hex(&ask.world.config.pubkey(index)),
                "validator_index": index.to_string(),
                "committee_index": place.committee.to_string(),
                "committee_length": place.length.to_string(),
                "committees_at_slot": per_slot.to_string(),
                "validator_committee_index": place.position.to_string(),
                "slot": place.slot.to_string(),
            }))
        })
        .collect();
    Ok(with_dependent_root(ask, Epoch(epoch.0.saturating_sub(1)), &list))
}

fn proposer(ask: &mut Ask<'_>, lookahead: u64) -> Result<Answer, Answer> {
    ask.synced()?;
    let epoch = epoch_of(ask, 1)?;
    let first = ask.world.config.first_slot(epoch).0;
    let duties = ask.world.duties(epoch);
    let list: Vec<Value> = (first..)
        .zip(&duties.proposers)
        .map(|(slot, index)| {
            json!({
                "pubkey": hex(&ask.world.config.pubkey(*index)),
                "validator_index": index.to_string(), "slot": slot.to_string(),
            })
        })
        .collect();
    Ok(with_dependent_root(ask, Epoch(epoch.0.saturating_sub(lookahead)), &list))
}

/// Depends on the last block before the epoch.
pub(super) fn proposer_v1(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    proposer(ask, 0)
}

/// Depends on the last block before the epoch before: Fulu's lookahead.
pub(super) fn proposer_v2(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    proposer(ask, 1)
}

pub(super) fn sync(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    let (epoch, indices) = (epoch_of(ask, 256)?, indices(ask)?);
    let committee = ask.world.sync_committee(epoch);
    let list: Vec<Value> = indices
        .into_iter()
        .filter_map(|index| {
            let places: Vec<String> = committee
                .iter()
                .enumerate()
                .filter(|(_, member)| **member == index)
                .map(|(place, _)| place.to_string())
                .collect();
            (!places.is_empty()).then(|| {
                json!({
                    "pubkey": hex(&ask.world.config.pubkey(index)),
                    "validator_index": index.to_string(),
                    "validator_sync_committee_indices": places,
                })
            })
        })
        .collect();
    Ok(ask.envelope(list))
}

pub(super) fn liveness(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.synced()?;
    let (epoch, indices) = (epoch_of(ask, 0)?, indices(ask)?);
    if epoch.0 + 1 < ask.epoch().0 {
        return Err(Answer::error(400, format!("epoch {epoch} is too old")));
    }
    let list: Vec<Value> = indices
        .into_iter()
        .map(|index| json!({"index": index.to_string(), "is_live": ask.world.live(ask.node, epoch, index)}))
        .collect();
    Ok(Answer::data(list))
}
