//! Typed reads, probes and event streams of one beacon node.
//!
//! Owns the way from a fleet file's beacon to values: connections, deadlines, shapes of answers, errors in one sentence. It
//! never judges a beacon's health (the pool does), never retries elsewhere (the router does) and never keeps what it read.
//! To add a read, add its shape to `shape` and a method to `client`; to add an event, add its shape beside `head`.

mod client;
mod error;
mod events;
mod family;
mod head;
mod http;
mod lag;
mod reorg;
mod shape;
mod sse;
#[cfg(test)]
mod tests;

pub use client::BeaconClient;
pub use error::{DecodeError, ReadError};
pub use events::EventStream;
pub use family::{Family, client_family};
pub use head::{HEAD, HEAD_V2, HeadEvent, Payload};
pub use reorg::{CHAIN_REORG, ReorgEvent};
pub use shape::{CpuTime, HeaderInfo, Metadata, NodeRecord, NodeVersion, Probe, ProcessStart, Syncing};
pub use sse::{EVENT_MAX, SseEvent, SseParser, TooLong};
