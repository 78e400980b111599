//! An incident in sentences, the same for all who are told of it.

use super::{Event, News};
use crate::model::{Cost, Incident};

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
    words.extend(cost(&incident.cost));
    if !incident.ambiguous_with.is_empty() {
        let names: Vec<String> = incident.ambiguous_with.iter().map(ToString::to_string).collect();
        words.push(format!("cannot be told apart from {}", names.join(", ")));
    }
    words.join("; ")
}

fn cost(cost: &Cost) -> Vec<String> {
    let mut words = Vec::new();
    if cost.validators > 0 {
        words.push(format!("{} validators", cost.validators));
    }
    if cost.due > 0 {
        let Cost { due, missed, late, wrong_head, .. } = cost;
        words.push(format!("of {due} attestations {missed} missed, {late} late, {wrong_head} wrong head"));
    }
    words.extend(cost.eth_per_hour.map(|eth| format!("{eth:.4} ETH/h")));
    words
}

/// What speaks for it.
pub fn evidence(incident: &Incident) -> String {
    incident.evidence.join("; ")
}
