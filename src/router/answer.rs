//! Answers of the router's own: errors in the Beacon API's shape, and nothing else.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::body::Answer;
use super::head::{ATTEMPTS, BEACON};

const ROUTER: HeaderValue = HeaderValue::from_static("router");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Serialize)]
struct ErrorMessage<'a> {
    code: u16,
    message: &'a str,
}

/// An error (`ErrorMessage`, Beacon API `types/http`). `code` equals the status: Lighthouse takes the status from it.
pub fn error(status: StatusCode, message: &str) -> Response<Answer> {
    let body = serde_json::to_vec(&ErrorMessage { code: status.as_u16(), message }).unwrap_or_default();
    own(status, body.into())
}

/// An answer of the router's own in JSON.
pub fn own(status: StatusCode, body: Bytes) -> Response<Answer> {
    let mut response = Response::new(Answer::of(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(BEACON, ROUTER);
    response
}

/// An answer of the router's own without a body.
pub fn bare(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::of(Bytes::new()));
    *response.status_mut() = status;
    response.headers_mut().insert(BEACON, ROUTER);
    response
}

/// Says how many attempts were made before the router gave up.
pub fn after(mut response: Response<Answer>, attempts: usize) -> Response<Answer> {
    response.headers_mut().insert(ATTEMPTS, HeaderValue::from(attempts));
    response
}
