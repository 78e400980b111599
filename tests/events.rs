//! Events through the router: many readers at few streams, topics that not every beacon knows, beacons that come and go.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;
#[path = "events/fan_out.rs"]
mod fan_out;
#[path = "door/house.rs"]
mod house;
#[path = "events/own.rs"]
mod own;
#[path = "events/reader.rs"]
mod reader;
#[path = "door/stub.rs"]
mod stub;
#[path = "events/topics.rs"]
mod topics;
#[path = "door/wire.rs"]
mod wire;
