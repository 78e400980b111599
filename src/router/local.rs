//! What the router answers itself: health and version of itself, and the chain's constants as all beacons tell them.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::answer;
use super::body::Answer;
use crate::endpoint::Found;
use crate::model::{UnixMs, Use};
use crate::pool::{GOOD, Table};

/// The router's name for itself; no client's name is in it, so that it triggers nobody's special mode.
pub const VERSION: &str = concat!("beacondeck/v", env!("CARGO_PKG_VERSION"));

/// Bodies learned from beacons, answered from memory. Each is absent until a beacon has told it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LocalFacts {
    /// `/eth/v1/beacon/genesis`.
    pub genesis: Option<Bytes>,
    /// `/eth/v1/config/spec`.
    pub spec: Option<Bytes>,
    /// `/eth/v1/config/fork_schedule`.
    pub fork_schedule: Option<Bytes>,
    /// `/eth/v1/config/deposit_contract`.
    pub deposit_contract: Option<Bytes>,
    /// The most peers a healthy beacon has.
    pub peers: Option<u32>,
}

/// Answers, or none when a beacon must be asked.
pub fn local(found: &Found<'_>, facts: &LocalFacts, table: &Table, now: UnixMs) -> Option<Response<Answer>> {
    let told = |body: &Option<Bytes>| body.clone().map(|body| answer::own(StatusCode::OK, body));
    let say = |value: serde_json::Value| Some(answer::own(StatusCode::OK, value.to_string().into()));
    match found.row.name {
        "getGenesis" => told(&facts.genesis),
        "getSpec" => told(&facts.spec),
        "getForkSchedule" => told(&facts.fork_schedule),
        "getDepositContract" => told(&facts.deposit_contract),
        "getHealth" => Some(health(found, table)),
        "getSyncingStatus" => say(syncing(table, now)),
        "getNodeVersion" => say(json!({"data": {"version": VERSION}})),
        "getNodeVersionV2" => say(version_v2()),
        "getPeerCount" => facts.peers.map(|peers| {
            let body = json!({"data": {"disconnected": "0", "connecting": "0", "connected": peers.to_string(),
                "disconnecting": "0"}});
            answer::own(StatusCode::OK, body.to_string().into())
        }),
        "lighthouse_staking" => say(serde_json::Value::Null),
        "nimbus_timesync" | "metrics" => {
            Some(answer::error(StatusCode::NOT_FOUND, "not served at this door"))
        }
        "submitBeaconCommitteeSelections" | "submitSyncCommitteeSelections" => Some(answer::error(
            StatusCode::NOT_IMPLEMENTED,
            "selections are for distributed validator middleware; none is here",
        )),
        _ => None,
    }
}

/// Whether some beacon may answer what gets signed.
pub fn healthy(table: &Table) -> bool {
    table.entries.iter().any(|entry| entry.ranks[Use::Sign as usize] <= GOOD + 2)
}

/// 200 while some beacon may answer what gets signed, else 503 or what the client asked for (`syncing_status`).
fn health(found: &Found<'_>, table: &Table) -> Response<Answer> {
    if healthy(table) {
        return answer::bare(StatusCode::OK);
    }
    let wished = found
        .query("syncing_status")
        .and_then(|text| text.parse::<u16>().ok())
        .filter(|code| (200..600).contains(code))
        .and_then(|code| StatusCode::from_u16(code).ok());
    answer::bare(wished.unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
}

fn syncing(table: &Table, now: UnixMs) -> serde_json::Value {
    let head = table.agreed.map_or(0, |agreed| agreed.slot.0);
    let present = table.clock.as_ref().and_then(|clock| clock.slot_at(now)).map_or(head, |slot| slot.0);
    let ready = healthy(table);
    json!({"data": {
        "head_slot": head.to_string(),
        "sync_distance": present.saturating_sub(head).to_string(),
        "is_syncing": !ready,
        "is_optimistic": false,
        "el_offline": false,
    }})
}

fn version_v2() -> serde_json::Value {
    json!({"data": {"beacon_node": {
        "code": "BD", "name": "beacondeck", "version": concat!("v", env!("CARGO_PKG_VERSION")), "commit": "0x00000000",
    }}})
}
