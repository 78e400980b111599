//! Why a request went where it went: traces joined with the tables they were decided on. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use super::journal::Labels;
use crate::duties::{DutyRecord, Records};
use crate::endpoint::{RowId, Strategy, Verb, row};
use crate::metrics;
use crate::model::{
    BeaconId, BeaconName, ClientId, Explanation, Outcome, Publication, Served, Shared, Skipped, Slot, Trace,
    Tried,
};
use crate::pool::{GOOD, Table};

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only requests about this slot.
    pub slot: Option<Slot>,
    /// Only requests of the client of this name.
    pub client: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// The names behind the ids of traces.
#[derive(Debug, Clone)]
pub struct Names {
    /// By beacon.
    pub beacons: Vec<BeaconName>,
    /// By client; the first is for those the fleet file does not name.
    pub clients: Vec<String>,
}

impl Names {
    /// As the metrics want them.
    pub fn for_metrics(&self) -> metrics::Names<'_> {
        metrics::Names { beacons: &self.beacons, clients: &self.clients }
    }

    fn beacon(&self, id: BeaconId) -> BeaconName {
        self.beacons.get(id.index()).cloned().unwrap_or_else(|| BeaconName::new("?"))
    }

    fn client(&self, id: ClientId) -> String {
        self.clients.get(usize::from(id.0)).cloned().unwrap_or_default()
    }
}

/// A request that passed.
pub struct Passed {
    /// Its trace.
    pub trace: Trace,
    /// What the ids in it stand for.
    pub labels: Arc<Labels>,
}

/// The newest matching requests, newest first.
pub fn explain(
    asked: &Asked,
    traces: &VecDeque<Passed>,
    tables: &VecDeque<Arc<Table>>,
    records: &Records,
) -> Vec<Explanation> {
    traces
        .iter()
        .rev()
        .filter(|Passed { trace, .. }| asked.slot.is_none_or(|slot| trace.slot == slot))
        .filter(|Passed { trace, labels }| {
            asked.client.as_ref().is_none_or(|client| labels.names.client(trace.client) == *client)
        })
        .take(asked.limit)
        .map(|Passed { trace, labels }| one(trace, &labels.names, tables, records))
        .collect()
}

fn one(trace: &Trace, names: &Names, tables: &VecDeque<Arc<Table>>, records: &Records) -> Explanation {
    let row = row(RowId(trace.row));
    let place = tables.partition_point(|table| table.seq < trace.table);
    let table = tables.get(place).filter(|table| table.seq == trace.table).map(Arc::as_ref);
    let kept = usize::from(trace.attempts).min(trace.tried.len());
    let attempts: Vec<Tried> = trace.tried[..kept]
        .iter()
        .map(|attempt| Tried {
            beacon: names.beacon(attempt.beacon),
            outcome: attempt.outcome,
            status: attempt.status,
            start_ms: f64::from(attempt.start_us) / 1_000.0,
            took_ms: f64::from(attempt.took_us) / 1_000.0,
        })
        .collect();
    Explanation {
        id: trace.id,
        at: trace.at,
        slot: trace.slot,
        client: names.client(trace.client),
        endpoint: row.name.to_owned(),
        method: match row.verb {
            Verb::Get => Some("GET".to_owned()),
            Verb::Post => Some("POST".to_owned()),
            Verb::Delete => Some("DELETE".to_owned()),
            Verb::Any => None,
        },
        due_ms: trace.due_ms,
        status: trace.status,
        served_by: match trace.served {
            Served::Beacon(id) => names.beacon(id).to_string(),
            Served::Local => "router".to_owned(),
            Served::Nobody => "nobody".to_owned(),
        },
        shared: trace.shared,
        took_ms: f64::from(trace.took_us) / 1_000.0,
        why: why(trace, row.strategy, names, table),
        skipped: table.map_or_else(Vec::new, |table| skipped(trace, table, names)),
        attempts,
        publication: publication(records.by_trace(trace.id)),
    }
}

fn why(trace: &Trace, strategy: Strategy, names: &Names, table: Option<&Table>) -> String {
    let asked = &trace.tried[..usize::from(trace.attempts).min(trace.tried.len())];
    let not_fetched = match trace.shared {
        Some(Shared::InFlight) => {
            "not fetched for this request: another that asked the same was waiting for it"
        }
        Some(Shared::Decided) => {
            "not fetched for this request: decided before, one answer for all who ask this"
        }
        Some(Shared::Cached) => "not fetched for this request: kept from an earlier one, and no reorg since",
        None => "",
    };
    if asked.is_empty() && trace.shared.is_some() {
        return not_fetched.to_owned();
    }
    let rule = match strategy {
        Strategy::Any => "a read: the best ranked beacon at the agreed head, by zone, then by weight",
        Strategy::One => "block production: one beacon at the agreed head at a time, never two at once",
        Strategy::Pinned => "what only its producer can finish: the producer first",
        Strategy::Broadcast => {
            "signed bytes: several beacons on different hosts at once, the first success answers"
        }
        Strategy::Subscribed => "only beacons that hold the subscription: the most bits win",
        Strategy::Seed => "state: told to this client's seed set",
        Strategy::Or => "liveness: all healthy beacons that are up for two epochs, their answers or-ed",
        Strategy::Stream => "events: merged from all beacons",
        Strategy::Local => "answered by the router itself",
        Strategy::Deny => "closed unless the fleet file opens it",
    };
    let head =
        table.zip(asked.first()).map_or("", |(table, first)| match table.entries.get(first.beacon.index()) {
            Some(entry) if entry.at_agreed => "; the first asked was at the agreed head",
            Some(_) if table.agreed.is_some() => "; the first asked was not at the agreed head",
            _ => "",
        });
    let failed: Vec<String> = asked
        .iter()
        .filter(|a| {
            matches!(a.outcome, Outcome::Failed | Outcome::Unreachable | Outcome::Broken | Outcome::TimedOut)
        })
        .map(|a| names.beacon(a.beacon).to_string())
        .collect();
    let after = if failed.is_empty() { String::new() } else { format!("; {} failed", failed.join(", ")) };
    let asked = format!("{rule}{head}{after}");
    // Its own read came too late to be what stands.
    if not_fetched.is_empty() { asked } else { format!("{not_fetched}; asked as {asked}") }
}

fn skipped(trace: &Trace, table: &Table, names: &Names) -> Vec<Skipped> {
    if trace.attempts == 0 && (trace.served == Served::Local || trace.shared.is_some()) {
        return Vec::new();
    }
    let row = row(RowId(trace.row));
    let asked = |id: BeaconId| {
        trace.tried[..usize::from(trace.attempts).min(trace.tried.len())].iter().any(|a| a.beacon == id)
    };
    table
        .entries
        .iter()
        .filter(|entry| !asked(entry.id))
        .map(|entry| {
            let lacks = row.role.is_some_and(|role| entry.roles & role.bit() == 0);
            let reason = if lacks {
                "lacks the role".to_owned()
            } else if entry.rank(row.needs, row.role) != GOOD {
                let unseeded = || "not yet told what it must know".to_owned();
                entry.reasons.first().map_or_else(unseeded, |reason| reason.words().to_owned())
            } else if row.step.is_some() && !entry.at_agreed {
                "not at the agreed head".to_owned()
            } else {
                "not needed".to_owned()
            };
            Skipped { beacon: names.beacon(entry.id), reason }
        })
        .collect()
}

fn publication<'a>(mut records: impl Iterator<Item = &'a DutyRecord>) -> Option<Publication> {
    let first = records.next()?;
    let more: u32 = records.map(|record| record.count).sum();
    Some(Publication {
        kind: first.kind.plural().to_owned(),
        validators: first.count + more,
        sample: first.sample.as_slice().to_vec(),
    })
}
