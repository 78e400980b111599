//! Liveness is the OR of what all say who are up for two epochs: one beacon's silence about a validator is no evidence, and
//! a freshly started one's least of all (Beacon API, `getLiveness`). Those are not asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::afterwards::Afterwards;
use super::body::Answer;
use super::flow::{Case, Flowed};
use super::run::{self, Plan};
use super::upstream::{Ask, Reply, ReplyBody};
use super::{Router, answer, tenure};
use crate::model::{BeaconId, UnixMs};
use crate::pool::Table;

#[derive(Deserialize)]
struct Told {
    data: Vec<BTreeMap<String, Value>>,
}

/// Asks those of `healthy` that are up long enough.
pub async fn ask(
    router: &Arc<Router>,
    ask: &Arc<Ask>,
    case: Case,
    healthy: &[BeaconId],
    plan: Plan,
    table: &Table,
) -> Flowed {
    let now = (router.clock())().wall;
    let since = |id: BeaconId| router.tenures.since(&router.lane.upstreams[id.index()].name);
    // Without a clock nobody is healthy.
    let bound = table.clock.as_ref().map_or(UnixMs(0), |clock| tenure::bound(clock, now));
    let (up, young): (Vec<BeaconId>, Vec<BeaconId>) =
        healthy.iter().partition(|id| since(**id).is_some_and(|since| since <= bound));
    if is_too_few(up.len(), healthy.len()) {
        let young: Vec<_> = young.iter().map(|id| (router.name(*id), since(*id))).collect();
        let response = answer::error(StatusCode::SERVICE_UNAVAILABLE, &too_young(&young, healthy.len(), now));
        return Flowed::own(response);
    }
    let (replies, refusal, tried) = run::either(&router.lane, ask, &up, plan, |_| false).await;
    let by = replies.first().map(|(id, _)| *id);
    let merged = merge(&replies, refusal, healthy.len());
    let told = merged.as_ref().ok().zip(by);
    let afterwards =
        told.map(|(body, by)| Afterwards::of_answer(router, ask, case, by, (body.clone(), false)));
    let response = merged.map_or_else(|error| *error, |body| answer::own(StatusCode::OK, body));
    let response = answer::after(response, usize::from(tried.count));
    Flowed { afterwards, ..Flowed::fetched(response, by, tried) }
}

fn is_too_few(voices: usize, of: usize) -> bool {
    voices == 0 || voices * 2 < of
}

fn too_young(young: &[(String, Option<UnixMs>)], of: usize, now: UnixMs) -> String {
    let each = young.iter().map(|(name, since)| match since {
        Some(since) => format!("{name} (known for {} s)", now.since(*since).max(0) / 1_000),
        None => format!("{name} (not known)"),
    });
    let each: Vec<String> = each.collect();
    format!(
        "only {} of {of} healthy beacons are known to be up for two epochs, and the silence of the others is no evidence: \
         {}; ask again in two epochs",
        of - young.len(),
        each.join(", ")
    )
}

/// The body of the usable replies merged; fewer than half of the healthy beacons, or none, is a 503: doppelganger protection
/// must fail closed.
fn merge(
    replies: &[(BeaconId, Reply)],
    refusal: Option<(BeaconId, Reply)>,
    healthy: usize,
) -> Result<Bytes, Box<Response<Answer>>> {
    let told: Vec<Told> =
        replies.iter().filter_map(|(_, reply)| serde_json::from_slice(reply.bytes()?).ok()).collect();
    if told.is_empty()
        && let Some((_, Reply { status, body: ReplyBody::Whole(bytes), .. })) = refusal
        && status.is_client_error()
    {
        return Err(Box::new(answer::own(status, bytes)));
    }
    if is_too_few(told.len(), healthy) {
        let why = format!(
            "only {} of {healthy} healthy beacons said who is live; their silence is no evidence",
            told.len()
        );
        return Err(Box::new(answer::error(StatusCode::SERVICE_UNAVAILABLE, &why)));
    }
    let mut live: BTreeMap<u64, BTreeMap<String, Value>> = BTreeMap::new();
    for entry in told.into_iter().flat_map(|told| told.data) {
        let Some(index) = entry.get("index").and_then(|index| index.as_str()?.parse().ok()) else { continue };
        let is_live = entry.get("is_live").and_then(Value::as_bool) == Some(true);
        let merged = live.entry(index).or_insert(entry);
        if is_live {
            merged.insert("is_live".to_owned(), Value::Bool(true));
        }
    }
    let data: Vec<_> = live.into_values().collect();
    Ok(json!({ "data": data }).to_string().into())
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;

    fn reply(id: u16, body: &'static str) -> (BeaconId, Reply) {
        let body = ReplyBody::Whole(Bytes::from_static(body.as_bytes()));
        (BeaconId(id), Reply { status: StatusCode::OK, headers: HeaderMap::new(), body })
    }

    #[test]
    fn one_sighting_is_enough_and_silence_is_not() {
        let a = r#"{"data":[{"index":"1","is_live":false},{"index":"2","is_live":false}]}"#;
        let b = r#"{"data":[{"index":"1","is_live":true},{"index":"2","is_live":false}]}"#;
        let body = merge(&[reply(0, a), reply(1, b)], None, 2).ok().unwrap();
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["data"][0], json!({"index": "1", "is_live": true}));
        assert_eq!(value["data"][1], json!({"index": "2", "is_live": false}));
    }

    #[test]
    fn those_who_are_too_young_are_named() {
        let young = [("b1".to_owned(), Some(UnixMs(60_000))), ("b2".to_owned(), None)];
        assert_eq!(
            too_young(&young, 3, UnixMs(100_000)),
            "only 1 of 3 healthy beacons are known to be up for two epochs, and the silence of the others is no evidence: \
             b1 (known for 40 s), b2 (not known); ask again in two epochs"
        );
        assert!(is_too_few(0, 0) && is_too_few(0, 1) && is_too_few(1, 3));
        assert!(!is_too_few(1, 1) && !is_too_few(1, 2) && !is_too_few(2, 3));
    }

    #[test]
    fn too_few_voices_fail_closed() {
        let a = r#"{"data":[{"index":"1","is_live":false}]}"#;
        assert_eq!(merge(&[reply(0, a)], None, 3).err().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(merge(&[], None, 0).err().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
