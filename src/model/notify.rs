//! Who is told of incidents: the words of `notify:` in the fleet file, and templates of messages.

use super::{Secret, Severity};

/// Longest template, in bytes.
pub const TEMPLATE_MAX: usize = 16 << 10;

/// Somebody who is told of incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notifier {
    /// Unique name.
    pub name: String,
    /// What is told, and where.
    pub target: Target,
    /// The least severe incidents it is told of; default warning.
    pub least: Severity,
}

/// Where a notifier's messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Base URL of an Alertmanager, without trailing slash; `/api/v2/alerts` follows.
    Alertmanager(String),
    /// `PagerDuty` Events v2.
    PagerDuty {
        /// Integration key of the service.
        routing_key: Secret,
        /// Where events go; default `https://events.pagerduty.com/v2/enqueue`.
        url: String,
    },
    /// An incoming webhook that takes `{"text": …}`, as Slack, Mattermost and others do.
    Slack(Secret),
    /// Any other place.
    Webhook {
        /// Where to.
        url: Secret,
        /// What is sent; none: the whole incident as JSON.
        template: Option<Template>,
    },
}

impl Target {
    /// The key of the fleet file that makes it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Alertmanager(_) => "alertmanager",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Slack(_) => "slack",
            Self::Webhook { .. } => "webhook",
        }
    }
}

/// What a `{placeholder}` of a template stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `opened`, `worse` or `ended`.
    Event,
    /// The fleet's name.
    Fleet,
    /// The incident's number.
    Incident,
    /// The same for all messages of one incident.
    Key,
    /// Its state.
    State,
    /// Its severity.
    Severity,
    /// Who is to blame.
    Culprit,
    /// What kind of thing that is.
    Kind,
    /// One line.
    Summary,
    /// Why, how sure, what it costs.
    Description,
    /// What speaks for it.
    Evidence,
    /// What to do next.
    Next,
    /// When it was known first, UTC.
    Since,
    /// When it ended, UTC; empty while it goes on.
    Ended,
}

impl Placeholder {
    /// Every one and its word.
    pub const ALL: [(&'static str, Placeholder); 14] = [
        ("event", Self::Event),
        ("fleet", Self::Fleet),
        ("incident", Self::Incident),
        ("key", Self::Key),
        ("state", Self::State),
        ("severity", Self::Severity),
        ("culprit", Self::Culprit),
        ("kind", Self::Kind),
        ("summary", Self::Summary),
        ("description", Self::Description),
        ("evidence", Self::Evidence),
        ("next", Self::Next),
        ("since", Self::Since),
        ("ended", Self::Ended),
    ];
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

/// A message with placeholders. One that begins as a JSON object, or a list of them, is JSON whatever its values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    json: bool,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing would be sent.
    #[error("the template is empty")]
    Empty,
    /// It is longer than [`TEMPLATE_MAX`].
    #[error("the template is longer than 16 KiB")]
    TooLong,
    /// There is no such placeholder.
    #[error("there is no placeholder `{{{0}}}`")]
    Unknown(String),
    /// It begins as JSON and is none once the placeholders are filled in.
    #[error("the template begins as JSON and is none: {0}")]
    NotJson(String),
}

impl Template {
    /// Reads a text. `{word}` of lower-case letters is a placeholder, all other braces are text.
    ///
    /// # Errors
    /// There is an unknown placeholder, or it is JSON that would not be valid.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.len() > TEMPLATE_MAX {
            return Err(TemplateError::TooLong);
        }
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(open) = rest.find('{') {
            let word = &rest[open + 1..];
            let length = word.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(word.len());
            if length == 0 || !word[length..].starts_with('}') {
                plain.push_str(&rest[..=open]);
                rest = word;
                continue;
            }
            let word = &word[..length];
            let known = Placeholder::ALL.iter().find(|(known, _)| *known == word);
            let (_, value) = known.ok_or_else(|| TemplateError::Unknown(word.to_owned()))?;
            plain.push_str(&rest[..open]);
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Value(*value));
            rest = &rest[open + length + 2..];
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        let template = Self { pieces, json: begins_as_json(text) };
        if template.json {
            let sample = template.fill(|_| "0".to_owned());
            serde_json::from_str::<serde::de::IgnoredAny>(&sample)
                .map_err(|error| TemplateError::NotJson(error.to_string()))?;
        }
        Ok(template)
    }

    /// Whether it is JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The message with these values; in JSON they are escaped.
    pub fn fill(&self, value: impl Fn(Placeholder) -> String) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(placeholder) if self.json => {
                    let quoted = serde_json::Value::String(value(*placeholder)).to_string();
                    out.push_str(&quoted[1..quoted.len() - 1]);
                }
                Piece::Value(placeholder) => out.push_str(&value(*placeholder)),
            }
        }
        out
    }
}

/// `{"`, or `[{"`, whatever blanks are between: a text may begin with a placeholder or a bracket.
fn begins_as_json(text: &str) -> bool {
    let text = text.trim_start();
    let text = text.strip_prefix('[').map_or(text, str::trim_start);
    text.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("{severity}: {summary}", Ok("<severity>: <summary>"))]
    #[case("{\"text\": \"{summary}\", \"n\": {\"a\": [{incident}]}}", Err("JSON"))]
    #[case("{\"text\": \"{summary}\"}", Ok("{\"text\": \"<summary>\"}"))]
    #[case("[{severity}] {summary}", Ok("[<severity>] <summary>"))]
    #[case("[ {\n\"text\": \"{summary}\"}]", Ok("[ {\n\"text\": \"<summary>\"}]"))]
    #[case("a { b {} {Next} {next", Ok("a { b {} {Next} {next"))]
    #[case("{sumary}", Err("`{sumary}`"))]
    #[case("  ", Err("empty"))]
    #[case("{\"text\": \"{summary}\"", Err("JSON"))]
    fn templates(#[case] text: &str, #[case] filled: Result<&str, &str>) {
        let value = |placeholder| {
            let word = Placeholder::ALL.iter().find(|(_, known)| *known == placeholder).unwrap().0;
            format!("<{word}>")
        };
        let template = Template::parse(text);
        match filled {
            // `0` stands for a number too; words do not.
            Err("JSON") if text.contains("incident") => {
                let filled = template.unwrap().fill(value);
                assert!(serde_json::from_str::<serde_json::Value>(&filled).is_err());
            }
            Err(words) => assert!(template.unwrap_err().to_string().contains(words)),
            Ok(filled) => assert_eq!(template.unwrap().fill(value), filled),
        }
    }

    proptest! {
        #[test]
        fn json_stays_json_whatever_the_values_say(value in "\\PC{0,20}|[\"\\\\\n{}]{1,9}") {
            let template = Template::parse("{\"a\": \"{summary} of {fleet}\"}").unwrap();
            let filled: serde_json::Value = serde_json::from_str(&template.fill(|_| value.clone())).unwrap();
            prop_assert_eq!(filled["a"].as_str().unwrap(), format!("{value} of {value}"));
        }

        #[test]
        fn no_text_panics(text in "[a-z{}\\[\": é]{0,30}") {
            let _ = Template::parse(&text);
        }
    }
}
