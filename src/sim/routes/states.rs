//! States: fork, checkpoints, validators, committees.

use serde_json::{Value, json};

use super::config::fork_version;
use super::{Answer, Ask};
use crate::model::{Epoch, Root, ValidatorIndex};
use crate::sim::wire::hex;
use crate::sim::world::Mood;

/// Everyone's balance in Gwei.
const BALANCE: &str = "32000000000";
/// `FAR_FUTURE_EPOCH`.
const FAR_FUTURE: &str = "18446744073709551615";

pub(super) fn root(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let block = ask.block_of(&ask.segments[0])?;
    let state = ask.world.tree.get(block).map(|block| block.state).unwrap_or_default();
    Ok(ask.envelope(json!({"root": state})))
}

pub(super) fn fork(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.block_of(&ask.segments[0])?;
    let foreign = ask.me().mood == Mood::Foreign;
    Ok(ask.envelope(json!({
        "previous_version": fork_version(5, foreign), "current_version": fork_version(6, foreign), "epoch": "0",
    })))
}

pub(super) fn finality_checkpoints(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let block = ask.block_of(&ask.segments[0])?;
    let epoch = ask.world.config.epoch_of(ask.world.tree.slot(block));
    let justified = ask.world.justified(block, epoch);
    let previous = ask.world.checkpoint(block, Epoch(justified.0.0.saturating_sub(1)));
    let point = |(epoch, root): (Epoch, Root)| json!({"epoch": epoch.to_string(), "root": root});
    Ok(ask.envelope(json!({
        "previous_justified": point(previous),
        "current_justified": point(justified),
        "finalized": point(ask.world.finalized(block, epoch)),
    })))
}

fn record(ask: &Ask<'_>, index: ValidatorIndex) -> Value {
    json!({
        "index": index.to_string(), "balance": BALANCE, "status": "active_ongoing",
        "validator": {
            "pubkey": hex(&ask.world.config.pubkey(index)), "withdrawal_credentials": hex(&[1; 32]),
            "effective_balance": BALANCE, "slashed": false, "activation_eligibility_epoch": "0",
            "activation_epoch": "0", "exit_epoch": FAR_FUTURE, "withdrawable_epoch": FAR_FUTURE,
        },
    })
}

fn records(ask: &mut Ask<'_>, ids: &[String], statuses: &[String]) -> Result<Answer, Answer> {
    ask.block_of(&ask.segments[0])?;
    let active = statuses.is_empty() || statuses.iter().any(|status| status.starts_with("active"));
    let mut indices: Vec<ValidatorIndex> = if ids.is_empty() {
        (0..ask.world.config.validators).map(ValidatorIndex).collect()
    } else {
        ids.iter().filter_map(|id| ask.validator_of(id)).collect()
    };
    if !active {
        indices.clear();
    }
    let records: Vec<Value> = indices.into_iter().map(|index| record(ask, index)).collect();
    Ok(ask.envelope(records))
}

pub(super) fn validators(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let (ids, statuses) = (ask.request.list("id"), ask.request.list("status"));
    records(ask, &ids, &statuses)
}

pub(super) fn validators_post(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let body = ask.request.json()?;
    let list = |key: &str| -> Vec<String> {
        let items = body.get(key).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    records(ask, &list("ids"), &list("statuses"))
}

pub(super) fn validator(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    ask.block_of(&ask.segments[0])?;
    let index =
        ask.validator_of(&ask.segments[1]).ok_or_else(|| Answer::error(404, "validator not found"))?;
    let record = record(ask, index);
    Ok(ask.envelope(record))
}

pub(super) fn committees(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let block = ask.block_of(&ask.segments[0])?;
    let of_state = ask.world.config.epoch_of(ask.world.tree.slot(block));
    let epoch = ask.query_number("epoch").map_or(of_state, Epoch);
    if epoch.0 > ask.epoch().0 + 1 {
        return Err(Answer::error(400, "epoch is too far ahead"));
    }
    let first = ask.world.config.first_slot(epoch).0;
    let duties = ask.world.duties(epoch);
    let mut list: Vec<Value> = Vec::new();
    for (slot, of_slot) in (first..).zip(&duties.committees) {
        for (index, members) in of_slot.iter().enumerate() {
            let members: Vec<String> = members.iter().map(ToString::to_string).collect();
            list.push(json!({"index": index.to_string(), "slot": slot.to_string(), "validators": members}));
        }
    }
    let wanted = |key: &str, value: &Value| ask.request.query(key).is_none_or(|text| value[key] == text);
    list.retain(|committee| wanted("index", committee) && wanted("slot", committee));
    Ok(ask.envelope(list))
}
