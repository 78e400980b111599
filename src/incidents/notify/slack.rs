//! Slack's incoming webhook, and those that take the same: `{"text": …}`.

use serde_json::{Value, json};

use super::{Event, News, words};

/// Most characters of a text; Slack cuts longer ones off.
const TEXT: usize = 3_000;

/// The message.
pub fn body(news: &News<'_>) -> Value {
    let incident = news.incident;
    let head = match news.event {
        Event::Ended => "OVER".to_owned(),
        _ => incident.severity.word().to_uppercase(),
    };
    let mut lines = vec![format!(
        "*[{head}] {}*",
        escaped(&format!("{}: {}: {}", news.fleet, incident.who(), incident.cause))
    )];
    lines.push(escaped(&words::description(incident)));
    if news.event != Event::Ended {
        lines.extend(incident.evidence.iter().map(|line| format!("• {}", escaped(line))));
        if !incident.next.is_empty() {
            lines.push(format!("Next: {}", escaped(&incident.next)));
        }
    }
    json!({ "text": lines.join("\n").chars().take(TEXT).collect::<String>() })
}

/// The three characters that mean something in a text (Slack, "Escaping text").
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
