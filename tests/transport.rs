//! What passes through the door and how: bytes, headers, versions of HTTP, streams, copies.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "transport/bytes.rs"]
mod bytes_through;
mod common;
#[path = "transport/copies.rs"]
mod copies;
#[path = "door/house.rs"]
mod house;
#[path = "transport/modern.rs"]
mod modern;
#[path = "transport/streams.rs"]
mod streams;
#[path = "door/stub.rs"]
mod stub;
#[path = "transport/versions.rs"]
mod versions;
#[path = "door/wire.rs"]
mod wire;
