//! `PagerDuty`, Events API v2: `trigger` and `resolve`, joined by `dedup_key`.

use serde_json::{Value, json};

use super::{Event, News, words};
use crate::model::{Secret, Severity};

/// Most characters of a summary (Events API v2, `payload.summary`).
const SUMMARY: usize = 1_024;

/// The event.
pub fn body(routing_key: &Secret, news: &News<'_>) -> Value {
    let incident = news.incident;
    let mut event = json!({
        "routing_key": routing_key.reveal(),
        "event_action": if news.event == Event::Ended { "resolve" } else { "trigger" },
        "dedup_key": news.key(),
    });
    if news.event != Event::Ended {
        event["client"] = "beacondeck".into();
        event["payload"] = json!({
            "summary": words::summary(news).chars().take(SUMMARY).collect::<String>(),
            "source": news.fleet,
            "severity": severity(incident.severity),
            "timestamp": incident.since.utc(),
            "component": incident.who(),
            "group": news.fleet,
            "class": incident.kind(),
            "custom_details": {
                "description": words::description(incident),
                "evidence": incident.evidence,
                "next": incident.next,
                "ruled out": incident.ruled_out,
                "done": incident.done,
            },
        });
    }
    event
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}
