//! An incident in sentences, the same for all who are told of it.

use super::{Event, News};
use crate::model::Incident;

/// One line.
pub fn summary(news: &News<'_>) -> String {
    let (fleet, incident) = (news.fleet, news.incident);
    let over = if news.event == Event::Ended { "over: " } else { "" };
    format!("{over}{fleet}: {}: {}", incident.who(), incident.cause)
}

/// How sure it is, since when, what it costs.
pub fn description(incident: &Incident) -> String {
    let mut words = vec![
        format!("incident {}, {}", incident.id, incident.state.word()),
        format!("{:.0} % sure", incident.confidence * 100.0),
        format!("since slot {} ({})", incident.slot.0, incident.since.utc()),
    ];
    words.push(incident.cost.words());
    if !incident.ambiguous_with.is_empty() {
        let names: Vec<String> = incident.ambiguous_with.iter().map(ToString::to_string).collect();
        words.push(format!("cannot be told apart from {}", names.join(", ")));
    }
    words.join("; ")
}

/// What speaks for it.
pub fn evidence(incident: &Incident) -> String {
    incident.evidence.join("; ")
}
