//! What locks a door: `listen.tls` and `listen.token`. A complaint names files and never their content.

use std::path::PathBuf;

use super::headers::{REFERENCE, reference};
use super::problem::Complaint;
use super::reader::{Field, Reader, Section};
use super::tree::Value;
use super::{Outside, knobs, schema};
use crate::model::{ListenTls, Secret};
use crate::tls::{Part, Pem, server};

const TLS: &str =
    "write `tls: {certificate: FILE, key: FILE}`, and `client-ca: FILE` if clients need certificates";
/// Shorter tokens are guessed: 16 random letters are 95 bits.
const ADVISED: usize = 16;

/// `tls`: files that were read and fit together.
pub fn tls(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<ListenTls> {
    if field.is_null() {
        reader.complain(field, Complaint::new("no value", TLS));
        return None;
    }
    let section = reader.section(field, &schema::LISTEN_TLS)?;
    let certificate = reader.required(&section, "certificate", TLS);
    let certificate = certificate.and_then(|field| text(reader, &field, outside));
    let key = reader.required(&section, "key", TLS).and_then(|field| text(reader, &field, outside));
    let client_ca = section.get("client-ca").map(|field| text(reader, field, outside));
    // A file that cannot be read is complained of already.
    let (certificate, key, client_ca) =
        (certificate?, key?, client_ca.map_or(Some(None), |read| read.map(Some))?);
    let pem = Pem {
        certificate: &certificate.text,
        key: &key.text,
        client_ca: client_ca.as_ref().map(|file| file.text.as_str()),
    };
    let files = ListenTls {
        certificate: certificate.path.clone(),
        key: key.path.clone(),
        client_ca: client_ca.as_ref().map(|file| file.path.clone()),
    };
    match server(pem) {
        Ok(server) => {
            let field = place(&section, Part::Certificate);
            if let Some(fault) = server.life.fault(outside.now()) {
                reader.warn(
                    field,
                    Complaint::new(fault, "clients refuse it: renew it, the file is read again by itself"),
                );
            } else if let Some(oddity) = server.oddity {
                let hint = "make one for a server (serverAuth) that is no authority itself (CA:FALSE)";
                reader.warn(
                    field,
                    Complaint::new(format!("strict clients refuse the certificate: {oddity}"), hint),
                );
            }
        }
        Err(error) => {
            let file = match error.part() {
                Part::Certificate => &files.certificate,
                Part::Key => &files.key,
                Part::ClientCa => files.client_ca.as_ref().unwrap_or(&files.certificate),
            };
            let source =
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            let message = format!("{}: {error}{source}", file.display());
            reader.complain_at_key(place(&section, error.part()), Complaint::new(message, error.hint()));
            return None;
        }
    }
    Some(files)
}

fn place<'s, 'a>(section: &'s Section<'a>, part: Part) -> &'s Field<'a> {
    let key = match part {
        Part::Certificate => "certificate",
        Part::Key => "key",
        Part::ClientCa => "client-ca",
    };
    section.get(key).unwrap_or(section.field())
}

struct File {
    path: PathBuf,
    text: String,
}

fn text(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<File> {
    let path = knobs::path(reader, field, outside)?;
    match outside.read(&path) {
        Ok(text) => Some(File { path, text }),
        Err(error) => {
            let hint = "a PEM file, readable by the user that runs beacondeck, is needed";
            let message = format!("cannot read {}: {error}", path.display());
            reader.complain_at_key(field, Complaint::new(message, hint));
            None
        }
    }
}

/// `token`: what every request must carry.
pub fn token(reader: &mut Reader, field: &Field<'_>, outside: &dyn Outside) -> Option<Secret> {
    if !matches!(field.node.value, Value::Map(_)) {
        let message = if field.is_null() { "no value" } else { "the token may not stand in this file" };
        if !field.is_null() {
            reader.secrets.push(field.at);
        }
        reader.complain_at_key(field, Complaint::new(message, REFERENCE));
        return None;
    }
    let token = reference(reader, field, &schema::TOKEN, outside)?;
    // RFC 6750, 2.1: `b64token`.
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(fits) {
        let hint =
            "letters, digits and `-._~+/=` on one line, for instance what `openssl rand -hex 32` prints";
        reader.complain_at_key(field, Complaint::new("the token cannot be sent as a bearer token", hint));
        return None;
    }
    if token.len() < ADVISED {
        let hint = "make one with `openssl rand -hex 32`";
        reader.warn_at_key(
            field,
            Complaint::new(format!("the token is shorter than {ADVISED} characters"), hint),
        );
    }
    Some(Secret::new(token))
}
