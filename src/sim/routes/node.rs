//! What a beacon says of itself.

#![expect(clippy::unnecessary_wraps, reason = "handlers of the table have one signature")]

use serde_json::json;

use super::{Answer, Ask};
use crate::sim::wire::hex;
use crate::sim::world::Mood;

/// Peers a connected beacon claims beyond the simulated ones.
const PEERS: usize = 50;

pub(super) fn version_v1(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    Ok(Answer::data(json!({"version": ask.me().version})))
}

pub(super) fn version_v2(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let mut parts = ask.me().version.splitn(3, '/');
    let (name, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let code: String = name.chars().filter(char::is_ascii_alphabetic).take(2).collect();
    Ok(Answer::data(json!({
        "beacon_node": {
            "code": code.to_uppercase(), "name": name, "version": version, "commit": "0x00000051",
        },
        "execution_client": {
            "code": "SE", "name": "SimExecution", "version": "v1.0.0", "commit": "0x00000051",
        },
    })))
}

pub(super) fn identity(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    Ok(Answer::data(json!({
        "peer_id": format!("16Uiu2HA-sim-{}", ask.me().name),
        "enr": format!("enr:-sim-{}", ask.me().name),
        "p2p_addresses": [], "discovery_addresses": [],
        "metadata": {
            "seq_number": (ask.me().past + 1).to_string(), "attnets": hex(&[0xff; 8]), "syncnets": "0x0f", "custody_group_count": "4",
        },
    })))
}

/// Lighthouse's own: how long its process has been up.
pub(super) fn ui_health(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    if !ask.me().version.starts_with("Lighthouse/") {
        return Err(Answer::error(404, "not found"));
    }
    Ok(Answer::data(json!({"app_uptime": ask.now.since(ask.me().born).max(0) / 1_000})))
}

/// Its own metrics, at the same door.
pub(super) fn metrics(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let started = ask.me().born.0 as f64 / 1_000.0;
    let page = format!(
        "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.\n\
         # TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started:e}\n"
    );
    Ok(Answer {
        status: 200,
        kind: Some("text/plain; version=0.0.4"),
        headers: Vec::new(),
        body: page.into(),
    })
}

/// Processors of a simulated machine, and the share of their time in use, in percent.
const PROCESSORS: u64 = 100;
const IN_USE: u64 = 40;

/// Lighthouse's own: processor time of its machine.
pub(super) fn health_of_machine(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    if !ask.me().version.starts_with("Lighthouse/") {
        return Err(Answer::error(404, "not found"));
    }
    let total = ask.now.0 / 1_000 * PROCESSORS;
    let idle = total * (100 - IN_USE) / 100;
    Ok(Answer::data(json!({
        "cpu_time_total": total, "user_seconds_total": total - idle, "system_seconds_total": 0,
        "iowait_seconds_total": idle / 10, "idle_seconds_total": idle - idle / 10,
    })))
}

pub(super) fn syncing(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let (me, head) = (ask.me(), ask.world.tree.slot(ask.me().head));
    // Without peers a beacon has nobody to tell it that it is behind: it calls itself synced.
    let distance = if me.mood == Mood::Syncing { ask.slot().0.saturating_sub(head.0).max(1) } else { 0 };
    Ok(Answer::data(json!({
        "head_slot": head.to_string(),
        "sync_distance": distance.to_string(),
        "is_syncing": me.mood == Mood::Syncing,
        "is_optimistic": me.mood == Mood::Optimistic,
        "el_offline": me.mood == Mood::ElOffline,
    })))
}

pub(super) fn health(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let mood = ask.me().mood;
    let ready = matches!(mood, Mood::Well | Mood::Foreign);
    Ok(Answer::empty(if ready { 200 } else { 206 }))
}

pub(super) fn peer_count(ask: &mut Ask<'_>) -> Result<Answer, Answer> {
    let alone = ask.world.is_cut(ask.node) && ask.me().mood != Mood::Syncing;
    let connected = if alone { 0 } else { PEERS + ask.world.nodes.len() - 1 };
    Ok(Answer::data(json!({
        "disconnected": "0", "connecting": "0", "connected": connected.to_string(), "disconnecting": "0",
    })))
}
