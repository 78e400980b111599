//! Who is told of incidents outside this program: what is said to whom and when (pure), and the sending of it.
//!
//! Told are incidents that are open, of the notifier's least severity at least, and not silenced; each once, again when it
//! gets worse, and when it has ended. What failed is tried again until it is told or the incident has ended. Nothing here is
//! ever waited for by anybody else: each notifier has one task that looks at the newest status, so there is no queue to
//! fill, and a notifier that hangs holds up itself alone. No error and no log shows a URL's path or a key.
//!
//! | file | owns |
//! |---|---|
//! | `ledger` | what was told, what is due |
//! | `words` | an incident in sentences |
//! | `alertmanager`, `pagerduty`, `slack`, `webhook` | a message to one of them |
//! | `send` | one message on its way: time, tries, what was answered |
//! | `courier` | a notifier's task |
//!
//! To add a kind of notifier: a variant of [`Target`], its reader in `config::notify`, its file here, its line in
//! [`message`].

mod alertmanager;
mod courier;
mod ledger;
mod pagerduty;
mod send;
mod slack;
mod webhook;
mod words;

pub use courier::{Courier, Memory, Report};
pub use send::{Patience, SendError, Sender, SetupError};

use crate::model::{Incident, Notifier, Secret, Target, UnixMs};

/// What of an incident is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It is open.
    Opened,
    /// It is more severe than it was told.
    Worse,
    /// It goes on; for those who take silence for an end.
    Still,
    /// It has ended.
    Ended,
}

impl Event {
    /// The word of templates and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Worse => "worse",
            Self::Still => "still",
            Self::Ended => "ended",
        }
    }
}

/// One thing to tell.
#[derive(Debug, Clone, Copy)]
pub struct News<'a> {
    /// The fleet's name.
    pub fleet: &'a str,
    /// What of it.
    pub event: Event,
    /// The incident as it is.
    pub incident: &'a Incident,
    /// The same as it was told last.
    pub before: Option<&'a Incident>,
    /// The present.
    pub now: UnixMs,
}

impl News<'_> {
    /// The same for all that is told of one incident, over restarts too; no two incidents of a fleet share it, not even
    /// after its state was lost.
    pub fn key(&self) -> String {
        format!("beacondeck/{}/{}@{}", self.fleet, self.incident.id, self.incident.slot.0)
    }

    fn ended(&self) -> Option<UnixMs> {
        let ended = self.incident.ended.unwrap_or(self.now).min(self.now);
        (self.event == Event::Ended).then_some(ended)
    }
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it is posted.
    pub url: Secret,
    /// Its media type.
    pub content_type: &'static str,
    /// What is posted; may hold a key.
    pub body: Secret,
}

const JSON: &str = "application/json";

/// What this notifier is told.
pub fn message(notifier: &Notifier, news: &News<'_>) -> Message {
    let json = |url: Secret, body: serde_json::Value| Message {
        url,
        content_type: JSON,
        body: Secret::new(body.to_string()),
    };
    match &notifier.target {
        Target::Alertmanager(url) => {
            json(Secret::new(format!("{url}/api/v2/alerts")), alertmanager::body(news))
        }
        Target::PagerDuty { routing_key, url } => {
            json(Secret::new(url.as_str()), pagerduty::body(routing_key, news))
        }
        Target::Slack(url) => json(url.clone(), slack::body(news)),
        Target::Webhook { url, template } => match template {
            Some(template) => Message {
                url: url.clone(),
                content_type: if template.is_json() { JSON } else { "text/plain; charset=utf-8" },
                body: Secret::new(template.fill(|placeholder| webhook::value(placeholder, news))),
            },
            None => json(url.clone(), webhook::body(news)),
        },
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
