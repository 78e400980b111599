//! Duties through the router: one read for all who ask the same, what was told told again, nothing put together that
//! rests on different blocks.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "duties/beacon.rs"]
mod beacon;
mod common;
#[path = "door/house.rs"]
mod house;
#[path = "duties/lists.rs"]
mod lists;
#[path = "duties/simulated.rs"]
mod simulated;
#[path = "duties/stand.rs"]
mod stand;
#[path = "door/stub.rs"]
mod stub;
#[path = "door/wire.rs"]
mod wire;
