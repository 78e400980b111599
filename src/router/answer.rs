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
    own(status, body(status, message).into())
}

/// An error as the bytes of HTTP/1.1, for a connection that is not served.
pub fn raw(status: StatusCode, message: &str) -> Vec<u8> {
    let body = body(status, message);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{BEACON}: router\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

fn body(status: StatusCode, message: &str) -> Vec<u8> {
    serde_json::to_vec(&ErrorMessage { code: status.as_u16(), message }).unwrap_or_default()
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
