//! Duties in the words people are told them in. Pure.

use super::names::Names;
use crate::duties::{Ask, Fate, Ledger, Row, Sums};
use crate::model::{DutiesAsked, DutyFate, DutyStatus, DutySums, DutyTold, PayloadSums, Slot, VotesRight};

/// Rows looked through for one answer.
const MOST: usize = 200_000;

/// What is asked for, newest first; the error says what is not known.
pub fn duties(ledger: &Ledger, names: &Names, asked: &DutiesAsked) -> Result<Vec<DutyTold>, String> {
    let client = match &asked.client {
        None => None,
        Some(name) => Some(names.client_of(name).ok_or_else(|| format!("there is no client `{name}`"))?),
    };
    let beacon = match &asked.beacon {
        None => None,
        Some(name) => Some(names.beacon_of(name).ok_or_else(|| format!("there is no beacon `{name}`"))?),
    };
    let limit = asked.limit as usize;
    let ask = Ask {
        validator: asked.validator,
        client,
        beacon,
        slot: asked.slot,
        epoch: asked.epoch,
        limit: if asked.bad { MOST } else { limit.min(MOST) },
    };
    let rows = ledger.duties(&ask);
    let wanted = rows.iter().filter(|row| !asked.bad || is_bad(row));
    Ok(wanted.take(limit).map(|row| told(row, names)).collect())
}

/// Whether it did not go as it should.
fn is_bad(row: &Row) -> bool {
    match row.fate {
        Fate::Missed | Fate::Orphaned => true,
        Fate::PayloadAttested { agrees } => !agrees,
        Fate::Attested(verdict) => !verdict.timely_head() || !verdict.timely_target(),
        Fate::Unknown | Fate::Untold | Fate::Proposed | Fate::Synced => false,
    }
}

fn told(row: &Row, names: &Names) -> DutyTold {
    let verdict = match row.fate {
        Fate::Attested(verdict) => Some(verdict),
        _ => None,
    };
    let payload_right = match row.fate {
        Fate::PayloadAttested { agrees } => Some(agrees),
        _ => None,
    };
    let beacon = |id| names.beacon_name(id).cloned();
    DutyTold {
        validator: row.validator,
        slot: row.slot,
        kind: row.kind.plural().to_owned(),
        client: row.path.client.and_then(|id| names.client_name(id)).map(str::to_owned),
        duties_by: row.path.duties.and_then(beacon),
        data_by: row.path.data.and_then(|data| beacon(data.beacon)),
        data_ms: row.path.data.map(|data| data.after_due_ms),
        published_ms: row.path.published_ms,
        via: names.names_of(row.path.via),
        fate: match row.fate {
            Fate::Unknown => DutyFate::Unknown,
            Fate::Untold => DutyFate::Untold,
            Fate::Attested(_) | Fate::PayloadAttested { .. } => DutyFate::Included,
            Fate::Missed => DutyFate::Missed,
            Fate::Proposed => DutyFate::Proposed,
            Fate::Orphaned => DutyFate::Orphaned,
            Fate::Synced => DutyFate::Synced,
        },
        distance: verdict.map(|verdict| verdict.distance),
        votes: verdict.map(|verdict| VotesRight {
            source: verdict.timely_source(),
            target: verdict.timely_target(),
            head: verdict.head(),
        }),
        payload_right,
    }
}

/// The sums of the slots from `from` to `to`; none while nothing is counted.
pub fn status(ledger: &Ledger, names: &Names, (from, to): (Slot, Slot)) -> Option<DutyStatus> {
    let sums = ledger.sums(from, to);
    if sums.clients.is_empty() {
        return None;
    }
    let labels = names.in_force()?;
    let client = |name: &String| {
        let of = sums.clients.get(&names.client_of(name)?)?;
        Some(row(name.clone(), of))
    };
    let beacon = |name: &crate::model::BeaconName| {
        let of = sums.beacons.get(&Some(names.beacon_of(name)?))?;
        Some(row(name.to_string(), of))
    };
    let payloads = ledger.payload_sums(from, to);
    let payload = |name: &String| {
        let of = payloads.get(&names.client_of(name)?)?;
        let due = of.included + of.missed;
        let (included, missed, disagree) = (of.included, of.missed, of.disagree);
        Some(PayloadSums { name: name.clone(), due, included, missed, disagree })
    };
    let unknown = sums.beacons.get(&None).map(|of| row(String::new(), of));
    Some(DutyStatus {
        from,
        to,
        validators: ledger.validators() as u32,
        clients: labels.names.clients.iter().filter_map(client).collect(),
        beacons: labels.names.beacons.iter().filter_map(beacon).chain(unknown).collect(),
        payloads: labels.names.clients.iter().filter_map(payload).collect(),
    })
}

fn row(name: String, of: &Sums) -> DutySums {
    DutySums {
        name,
        due: of.due,
        served: Some(of.served),
        published: Some(of.published),
        included: of.included,
        missed: of.due - of.included,
        late: of.late,
        wrong_head: of.wrong_head,
        wrong_target: Some(of.wrong_target),
        distance: (of.included > 0).then(|| of.distance as f32 / of.included as f32),
        p50_ms: of.quantile(50),
        p99_ms: of.quantile(99),
    }
}
