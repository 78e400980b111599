//! `headers` of a beacon. Owns the rule that no secret stands in a fleet file; complaints never repeat a value.

use hyper::header::{HeaderName, HeaderValue};

use super::Outside;
use super::problem::Complaint;
use super::reader::{Field, Reader};
use super::redact::names_secret;
use super::schema::{self, Shape};
use super::tree::Value;
use crate::model::{Header, Secret};

/// How a secret is given.
pub const REFERENCE: &str = "write `{file: /path}` or `{env: VARIABLE}`";
/// Headers the router sets itself, or that end at a connection (RFC 9110, 7.6.1).
const OWN: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// Headers added to each request.
pub fn read(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for (key, field) in reader.entries(field, "write `Name: value` lines") {
        // Values are hidden before the first complaint about any of them.
        if matches!(field.node.value, Value::Scalar { .. }) {
            reader.secrets.push(field.at);
        }
        let Some(name) = name(reader, key, &field) else { continue };
        if headers.iter().any(|other| other.name == name) {
            let hint = "header names do not differ by case; keep one";
            reader.complain_at_key(&field, Complaint::new("this header is given twice", hint));
            continue;
        }
        let Some(value) = value(reader, &name, &field, outside) else { continue };
        if HeaderValue::from_str(&value).is_err() || value.is_empty() {
            let hint = "use printable text on one line, not empty";
            reader.complain_at_key(&field, Complaint::new("the value is not valid in HTTP", hint));
            continue;
        }
        headers.push(Header { name, value: Secret::new(value) });
    }
    headers
}

fn name(reader: &mut Reader, key: &str, field: &Field<'_>) -> Option<String> {
    let Ok(name) = HeaderName::from_bytes(key.as_bytes()) else {
        reader.complain_at_key(field, Complaint::new("not a header name", "use letters, digits and `-`"));
        return None;
    };
    if OWN.contains(&name.as_str()) {
        let hint = "the router sets this header itself; remove it";
        reader.complain_at_key(field, Complaint::new("this header cannot be added", hint));
        return None;
    }
    Some(name.as_str().to_owned())
}

fn value(reader: &mut Reader, name: &str, field: &Field<'_>, outside: &dyn Outside) -> Option<String> {
    if !matches!(field.node.value, Value::Scalar { .. } | Value::Map(_)) {
        reader.complain_at_key(field, Complaint::new("no value", format!("write a text, or {REFERENCE}")));
        return None;
    }
    if let Value::Scalar { text, .. } = &field.node.value {
        if names_secret(name) {
            let complaint =
                Complaint::new(format!("the value of `{name}` may not stand in this file"), REFERENCE);
            reader.complain_at_key(field, complaint);
            return None;
        }
        return Some(text.clone());
    }
    reference(reader, field, &schema::HEADER, outside)
}

/// The text behind `{file: …}` or `{env: …}`; nothing of it is shown.
pub fn reference(
    reader: &mut Reader,
    field: &Field<'_>,
    shape: &Shape,
    outside: &dyn Outside,
) -> Option<String> {
    let section = reader.section(field, shape)?;
    match (section.get("file"), section.get("env")) {
        (Some(file), None) => {
            let path = outside.resolve(reader.text(file, REFERENCE)?);
            let read = outside.read(&path).map_err(|error| {
                let hint = "the file must be readable by the user that runs beacondeck";
                Complaint::new(format!("cannot read {}: {error}", path.display()), hint)
            });
            let text = reader.keep(file, read)?;
            let text = text.strip_suffix('\n').unwrap_or(&text);
            Some(text.strip_suffix('\r').unwrap_or(text).to_owned())
        }
        (None, Some(env)) => {
            let variable = reader.text(env, REFERENCE)?;
            if !is_variable(variable) {
                reader.secrets.push(env.at);
                reader.complain(env, Complaint::new("not the name of a variable", REFERENCE));
                return None;
            }
            let read = outside.env(variable).ok_or_else(|| {
                let hint = "set it where beacondeck runs, for instance by `EnvironmentFile=`, or use `{file: /path}`";
                Complaint::new(format!("the variable `{variable}` is not set, or is not UTF-8"), hint)
            });
            reader.keep(env, read)
        }
        _ => {
            reader.complain_at_key(field, Complaint::new("either `file` or `env` is needed", REFERENCE));
            None
        }
    }
}

/// A portable name (POSIX, 8.1), so that a secret pasted here by mistake is not repeated as one.
fn is_variable(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_')
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}
