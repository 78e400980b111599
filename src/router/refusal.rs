//! Requests this door does not take, and the words they are refused with: what is wrong, and what would be right.
//!
//! It judges the request's head only. To add a reason, add it to [`refuse`].

use hyper::header::{ALLOW, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};

use super::answer;
use super::body::Answer;
use crate::endpoint::{Found, Namespace};
use crate::model::Opened;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");

/// The answer to a request that goes no further; none if it may.
pub fn refuse(parts: &Parts, found: &Found<'_>, open: &[Opened]) -> Option<Response<Answer>> {
    if parts.version == Version::HTTP_11 && parts.headers.get_all(HOST).iter().count() != 1 {
        // RFC 9112, section 3.2: a server must.
        let why = "an HTTP/1.1 request has one Host header, this one has none or several";
        return Some(answer::error(StatusCode::BAD_REQUEST, why));
    }
    if found.is_open(open) {
        return None;
    }
    if !known(&parts.method, found) {
        let why = format!("{} is no method of the Beacon API here; use GET, HEAD or POST", parts.method);
        let mut response = answer::error(StatusCode::METHOD_NOT_ALLOWED, &why);
        response.headers_mut().insert(ALLOW, METHODS);
        return Some(response);
    }
    Some(match word(found) {
        Closed::By(word) => answer::error(
            StatusCode::FORBIDDEN,
            &format!(
                "{} is closed at this router; list `{word}` under routing: open: in the fleet file to open it",
                found.row.name
            ),
        ),
        Closed::Always => answer::error(
            StatusCode::FORBIDDEN,
            "this path is not of the Beacon API, and nothing in the fleet file opens it",
        ),
        Closed::Unclear => answer::error(
            StatusCode::BAD_REQUEST,
            "servers may read this path in different ways; write it plainly: no empty or dot segments, no percent \
             signs, no slash at the end",
        ),
    })
}

/// Key managers and clients' own namespaces have methods of their own.
fn known(method: &Method, found: &Found<'_>) -> bool {
    match *method {
        Method::GET | Method::HEAD | Method::POST => true,
        Method::CONNECT | Method::OPTIONS | Method::TRACE => false,
        _ => found.row.namespace == Namespace::Keymanager || found.vendor().is_some(),
    }
}

enum Closed<'a> {
    /// This word of `routing: open:` would open it.
    By(&'a str),
    /// Nothing would.
    Always,
    /// It is not even clear what it is.
    Unclear,
}

fn word<'a>(found: &Found<'a>) -> Closed<'a> {
    match found.row.namespace {
        Namespace::Debug => Closed::By("debug"),
        Namespace::Keymanager => Closed::By("keymanager"),
        Namespace::Exits => Closed::By("exits"),
        Namespace::CredentialChanges => Closed::By("credential-changes"),
        Namespace::Vendor(_) | Namespace::Standard => match found.vendor() {
            Some(vendor) => Closed::By(vendor),
            None if found.is_malformed() => Closed::Unclear,
            None => Closed::Always,
        },
    }
}
