//! `notify`: who is told of incidents. URLs that hold a secret are given by reference; no complaint repeats one.

use super::headers::{REFERENCE, reference};
use super::problem::{Complaint, nearest};
use super::reader::{Field, Reader, Section};
use super::tree::Value;
use super::{Outside, beacons, defaults, scalar, schema};
use crate::model::{Notifier, Placeholder, Secret, Severity, Target, Template, TemplateError};

const NOTIFY: &str = "write a list of notifiers, each with `name` and where it tells";
const ONE: &str = "give it one of `alertmanager: URL`, `pagerduty: {routing-key: {file: /path}}`, \
     `slack: {file: /path}`, `webhook: {url: …}`";
const TARGETS: [&str; 4] = ["alertmanager", "pagerduty", "slack", "webhook"];
const SEVERITIES: [Severity; 3] = [Severity::Notice, Severity::Warning, Severity::Critical];

/// The notifiers, names unique.
pub fn read(reader: &mut Reader, root: &Section<'_>, outside: &dyn Outside) -> Vec<Notifier> {
    let Some(list) = root.get("notify").filter(|field| !field.is_null()) else { return Vec::new() };
    let mut notifiers: Vec<(Notifier, usize)> = Vec::new();
    for field in reader.items(list, NOTIFY).unwrap_or_default() {
        // A URL may hold a secret: what must not stand here is hidden before the first complaint.
        hide(reader, &field);
        let Some(section) = reader.section(&field, &schema::NOTIFY) else { continue };
        let name = reader.required(&section, "name", "give the notifier a unique name");
        let read = name.as_ref().and_then(|field| reader.read(field, scalar::name));
        if let (Some(field), Some(name)) = (&name, &read)
            && let Some((_, line)) = notifiers.iter().find(|(other, _)| other.name == *name)
        {
            let hint = format!("the other one is at line {line}");
            reader.complain(field, Complaint::new(format!("`{name}` names two notifiers"), hint));
        }
        let target = target(reader, &section, outside);
        let least = section.get("severity").and_then(|field| reader.read(field, severity));
        if let (Some(name), Some(target)) = (read, target) {
            let least = least.unwrap_or(defaults::NOTIFIED);
            notifiers.push((Notifier { name, target, least }, field.at.line));
        }
    }
    notifiers.into_iter().map(|(notifier, _)| notifier).collect()
}

/// Hides every text that stands where a secret belongs.
fn hide(reader: &mut Reader, field: &Field<'_>) {
    for (key, field) in entries(reader, field) {
        match (key, &field.node.value) {
            ("slack", Value::Scalar { .. }) => reader.secrets.push(field.at),
            ("pagerduty" | "webhook", Value::Map(_)) => {
                for (key, field) in entries(reader, &field) {
                    if key != "template" && matches!(field.node.value, Value::Scalar { .. }) {
                        reader.secrets.push(field.at);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a mapping holds; another value is complained of by whoever reads it.
fn entries<'a>(reader: &mut Reader, field: &Field<'a>) -> Vec<(&'a str, Field<'a>)> {
    match field.node.value {
        Value::Map(_) => reader.entries(field, NOTIFY),
        _ => Vec::new(),
    }
}

fn target(reader: &mut Reader, section: &Section<'_>, outside: &dyn Outside) -> Option<Target> {
    let given: Vec<(&str, &Field<'_>)> =
        TARGETS.iter().filter_map(|key| Some((*key, section.get(key)?))).collect();
    match given.as_slice() {
        [("alertmanager", field)] => reader.read(field, alertmanager).map(Target::Alertmanager),
        [("pagerduty", field)] => pagerduty(reader, field, outside),
        [("slack", field)] => secret_url(reader, field, outside).map(Target::Slack),
        [(_, field)] => webhook(reader, field, outside),
        [] => {
            reader.complain(section.field(), Complaint::new("nobody is told by this notifier", ONE));
            None
        }
        [(first, _), (second, field), ..] => {
            let message = format!("both `{first}` and `{second}`");
            reader.complain_at_key(field, Complaint::new(message, "write two notifiers"));
            None
        }
    }
}

/// The base URL of an Alertmanager.
fn alertmanager(text: &str) -> Result<String, Complaint> {
    let url = beacons::url(text).map_err(|complaint| {
        Complaint::new(complaint.message, "write for instance `http://10.0.0.9:9093`")
    })?;
    if url.contains("/api/") {
        let hint = "write it without the path of the API: `/api/v2/alerts` is added";
        return Err(Complaint::new("not the base URL of an Alertmanager", hint));
    }
    Ok(url)
}

fn pagerduty(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<Target> {
    let section = reader.section(field, &schema::PAGERDUTY)?;
    let key = reader.required(&section, "routing-key", REFERENCE);
    let routing_key = key.and_then(|field| secret(reader, &field, outside));
    let url = match section.get("url") {
        Some(field) => {
            plain_url(reader, field, "write for instance `https://events.eu.pagerduty.com/v2/enqueue`")?
        }
        None => defaults::PAGERDUTY.to_owned(),
    };
    Some(Target::PagerDuty { routing_key: routing_key?, url })
}

fn webhook(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<Target> {
    let section = reader.section(field, &schema::WEBHOOK)?;
    let hint =
        "write `url: https://host/path`, or `url: {file: /path}` if it holds a secret or more than that";
    let url = reader.required(&section, "url", hint).and_then(|field| match field.node.value {
        Value::Scalar { .. } => plain_url(reader, &field, hint).map(Secret::new),
        _ => secret_url(reader, &field, outside),
    });
    let template = match section.get("template") {
        Some(field) => {
            let text = reader.text(field, "write a text with `{summary}`, `{next}` and others")?;
            let read = Template::parse(text).map_err(|error| complaint(&error));
            Some(read.map_err(|complaint| reader.complain_at_key(field, complaint)).ok()?)
        }
        None => None,
    };
    Some(Target::Webhook { url: url?, template })
}

fn complaint(error: &TemplateError) -> Complaint {
    let words = Placeholder::ALL.map(|(word, _)| word);
    let hint = match error {
        TemplateError::Unknown(word) => match nearest(word, words) {
            Some(near) => format!("did you mean `{{{near}}}`?"),
            None => format!("there are {}", words.map(|word| format!("`{{{word}}}`")).join(", ")),
        },
        TemplateError::NotJson(_) => "values stand within quotes: `{\"text\": \"{summary}\"}`".to_owned(),
        TemplateError::Empty | TemplateError::TooLong => {
            "remove it to have the whole incident sent as JSON".to_owned()
        }
    };
    Complaint::new(error.to_string(), hint)
}

/// A URL that may stand in the file: nothing in it can be a secret.
fn plain_url(reader: &mut Reader, field: &Field<'_>, hint: &str) -> Option<String> {
    let url = beacons::url(reader.text(field, hint)?);
    // What is wrong with it is not repeated: it may be the secret.
    let complaint = || Complaint::new("not a URL of scheme, host and path alone", hint);
    url.map_err(|_| reader.complain_at_key(field, complaint())).ok()
}

/// A secret by reference only.
fn secret(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<Secret> {
    if !matches!(field.node.value, Value::Map(_)) {
        let message = if field.is_null() { "no value" } else { "this secret may not stand in this file" };
        reader.complain_at_key(field, Complaint::new(message, REFERENCE));
        return None;
    }
    let text = reference(reader, field, &schema::TOKEN, outside)?;
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        let hint = "one line of printable characters without blanks is needed";
        reader.complain_at_key(field, Complaint::new("the secret is empty or not plain text", hint));
        return None;
    }
    Some(Secret::new(text))
}

fn secret_url(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<Secret> {
    let secret = secret(reader, field, outside)?;
    let valid = reqwest::Url::parse(secret.reveal())
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.port() != Some(0));
    if !valid {
        let hint = "it must hold the whole URL, from `https://` on";
        reader.complain_at_key(field, Complaint::new("the secret is not a URL", hint));
        return None;
    }
    Some(secret)
}

fn severity(text: &str) -> Result<Severity, Complaint> {
    let known = SEVERITIES.into_iter().find(|severity| severity.word() == text);
    known.ok_or_else(|| Complaint::new("not a severity", "one of `notice`, `warning`, `critical`"))
}
