//! Liveness is the OR of what all say: one beacon's silence about a validator is no evidence (Beacon API, `getLiveness`).

use std::collections::BTreeMap;

use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer;
use super::body::Answer;
use super::upstream::{Reply, ReplyBody};
use crate::model::BeaconId;

#[derive(Deserialize)]
struct Told {
    data: Vec<BTreeMap<String, Value>>,
}

/// Merges the usable replies; fewer than half of those asked, or none, is a 503: doppelganger protection must fail closed.
pub fn merge(
    replies: &[(BeaconId, Reply)],
    refusal: Option<(BeaconId, Reply)>,
    asked: usize,
) -> Response<Answer> {
    let told: Vec<Told> =
        replies.iter().filter_map(|(_, reply)| serde_json::from_slice(reply.bytes()?).ok()).collect();
    if told.is_empty()
        && let Some((_, Reply { status, body: ReplyBody::Whole(bytes), .. })) = refusal
        && status.is_client_error()
    {
        return answer::own(status, bytes);
    }
    if told.len() * 2 < asked || told.is_empty() {
        let why =
            format!("only {} of {asked} beacons said who is live; their silence is no evidence", told.len());
        return answer::error(StatusCode::SERVICE_UNAVAILABLE, &why);
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
    answer::own(StatusCode::OK, json!({ "data": data }).to_string().into())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use hyper::HeaderMap;

    use super::*;

    fn reply(id: u16, body: &'static str) -> (BeaconId, Reply) {
        let body = ReplyBody::Whole(Bytes::from_static(body.as_bytes()));
        (BeaconId(id), Reply { status: StatusCode::OK, headers: HeaderMap::new(), body })
    }

    #[tokio::test]
    async fn one_sighting_is_enough_and_silence_is_not() {
        let a = r#"{"data":[{"index":"1","is_live":false},{"index":"2","is_live":false}]}"#;
        let b = r#"{"data":[{"index":"1","is_live":true},{"index":"2","is_live":false}]}"#;
        let merged = merge(&[reply(0, a), reply(1, b)], None, 2);
        let body = merged.into_body().collect().await.unwrap().to_bytes();
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["data"][0], json!({"index": "1", "is_live": true}));
        assert_eq!(value["data"][1], json!({"index": "2", "is_live": false}));
    }

    #[test]
    fn too_few_voices_fail_closed() {
        let a = r#"{"data":[{"index":"1","is_live":false}]}"#;
        assert_eq!(merge(&[reply(0, a)], None, 3).status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(merge(&[], None, 0).status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
