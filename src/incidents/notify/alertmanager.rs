//! Alertmanager, API v2: `POST /api/v2/alerts` (its `openapi.yaml`, `postableAlerts`).
//!
//! An alert is its labels: one whose labels change is another alert, and the old one must be ended. One that is not sent
//! again ends by itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{News, words};
use crate::model::{Incident, UnixMs};

/// How often a live alert is sent again.
pub const AGAIN: Duration = Duration::from_secs(60);
/// How long an alert lives without being sent again: four tries, as Prometheus gives its own.
const LIVES: Duration = Duration::from_secs(240);

/// The alert, and the end of the one it takes the place of.
pub fn body(news: &News<'_>) -> Value {
    let labels = labels(news.fleet, news.incident);
    let mut alerts = vec![alert(&labels, news, news.ended())];
    if let Some(old) = news.before.map(|before| self::labels(news.fleet, before))
        && old != labels
    {
        alerts.push(alert(&old, news, Some(news.now)));
    }
    Value::Array(alerts)
}

fn labels(fleet: &str, incident: &Incident) -> Value {
    json!({
        "alertname": "BeacondeckIncident",
        "fleet": fleet,
        "culprit": incident.who(),
        "kind": incident.kind(),
        "severity": incident.severity.word(),
        "incident": incident.id.to_string(),
    })
}

fn alert(labels: &Value, news: &News<'_>, ended: Option<UnixMs>) -> Value {
    let incident = news.incident;
    let ends = ended.unwrap_or(UnixMs(news.now.0 + LIVES.as_millis() as u64));
    json!({
        "labels": labels,
        "annotations": {
            "summary": words::summary(news),
            "description": words::description(incident),
            "evidence": words::evidence(incident),
            "next": incident.next,
        },
        "startsAt": incident.since.min(ends).utc(),
        "endsAt": ends.utc(),
    })
}
