//! Any other place: the whole incident as JSON, or the values of a template.

use serde_json::{Value, json};

use super::{News, words};
use crate::model::Placeholder;

/// The form of the JSON; a later one may add keys.
const VERSION: u32 = 1;

/// The message without a template.
pub fn body(news: &News<'_>) -> Value {
    json!({
        "version": VERSION,
        "event": news.event.word(),
        "key": news.key(),
        "fleet": news.fleet,
        "summary": words::summary(news),
        "description": words::description(news.incident),
        "incident": news.incident,
    })
}

/// What a placeholder stands for.
pub fn value(placeholder: Placeholder, news: &News<'_>) -> String {
    let incident = news.incident;
    match placeholder {
        Placeholder::Event => news.event.word().to_owned(),
        Placeholder::Fleet => news.fleet.to_owned(),
        Placeholder::Incident => incident.id.to_string(),
        Placeholder::Key => news.key(),
        Placeholder::State => incident.state.word().to_owned(),
        Placeholder::Severity => incident.severity.word().to_owned(),
        Placeholder::Culprit => incident.who(),
        Placeholder::Kind => incident.kind(),
        Placeholder::Summary => words::summary(news),
        Placeholder::Description => words::description(incident),
        Placeholder::Evidence => words::evidence(incident),
        Placeholder::Next => incident.next.clone(),
        Placeholder::Since => incident.since.utc(),
        Placeholder::Ended => news.ended().map(crate::model::UnixMs::utc).unwrap_or_default(),
    }
}
