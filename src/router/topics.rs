//! The topics of the event stream: how each is merged, and what of an event decides. Pure.
//!
//! To add a topic, add its row; one that is not in the table is passed on as the leader tells it.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde_json::Value;

use crate::model::{Epoch, Quoted, Root, Slot};
use crate::pool::AgreedHead;

/// How a topic is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// First sighting for higher slots, else the leader's word.
    Head,
    /// First sighting of each event, told apart by its key.
    Union,
    /// Finality: upwards only, and never two blocks for one epoch.
    Checkpoint,
    /// The leader's alone, because views differ from beacon to beacon; what a lost leader no longer told is made up for
    /// by its successor.
    View,
    /// The leader's alone, because of its volume. A leader's loss leaves a gap, from its last event until it is noticed.
    Volume,
}

/// Every topic of the specification (beacon-APIs, `eventstream`), with its mode.
pub const TOPICS: &[(&str, Mode)] = &[
    ("head", Mode::Head),
    ("head_v2", Mode::Head),
    ("block", Mode::Union),
    ("block_gossip", Mode::Union),
    ("execution_payload", Mode::Union),
    ("execution_payload_gossip", Mode::Union),
    ("execution_payload_available", Mode::Union),
    ("attester_slashing", Mode::Union),
    ("proposer_slashing", Mode::Union),
    ("voluntary_exit", Mode::Union),
    ("bls_to_execution_change", Mode::Union),
    ("proposer_preferences", Mode::Union),
    ("execution_payload_bid", Mode::Union),
    ("data_column_sidecar", Mode::Union),
    ("blob_sidecar", Mode::Union),
    ("finalized_checkpoint", Mode::Checkpoint),
    ("chain_reorg", Mode::View),
    ("payload_attributes", Mode::View),
    ("fast_confirmation", Mode::View),
    ("light_client_finality_update", Mode::View),
    ("light_client_optimistic_update", Mode::View),
    ("attestation", Mode::Volume),
    ("single_attestation", Mode::Volume),
    ("contribution_and_proof", Mode::Volume),
    ("payload_attestation_message", Mode::Volume),
];

/// What beacons are asked for whether clients want it or not: health lives by heads, finality that differs is an alarm, and
/// a reorg decides duties anew.
pub const ALWAYS: [&str; 3] = ["head", "finalized_checkpoint", "chain_reorg"];

/// The mode of a topic; unknown ones, which will come, are the leader's.
pub fn mode(topic: &str) -> Mode {
    TOPICS.iter().find(|(name, _)| *name == topic).map_or(Mode::Volume, |(_, mode)| *mode)
}

/// What of an event decides whether it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A head.
    Head(Head),
    /// Something all beacons tell alike; equal keys are the same event.
    Union(u64),
    /// A finalized checkpoint.
    Checkpoint(Epoch, Root),
    /// A beacon's own view; equal keys are the same words.
    View(u64),
    /// One of very many.
    Volume,
}

/// A head as it is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// 0 for `head`, 1 for `head_v2`: two streams that do not know of each other.
    pub lane: usize,
    /// The block.
    pub block: AgreedHead,
    /// The block and, where it is told, the status of its payload (Gloas): equal keys are the same head.
    pub key: u64,
    /// Whether the execution client has not verified it.
    pub optimistic: bool,
}

/// Reads an event; none if it has not its topic's shape.
pub fn read(topic: &str, data: &[u8]) -> Option<Said> {
    match mode(topic) {
        Mode::Head => head(topic, data).map(Said::Head),
        Mode::Union => Some(Said::Union(union_key(topic, data))),
        Mode::Checkpoint => checkpoint(data),
        Mode::View => Some(Said::View(digest(topic, data))),
        Mode::Volume => Some(Said::Volume),
    }
}

#[derive(Deserialize)]
struct HeadShape {
    slot: Quoted,
    block: Root,
    payload_status: Option<String>,
    #[serde(default)]
    execution_optimistic: bool,
}

/// Gloas wraps the data of new topics together with the fork's name.
#[derive(Deserialize)]
struct Versioned<T> {
    data: T,
}

fn head(topic: &str, data: &[u8]) -> Option<Head> {
    let wrapped = topic == "head_v2";
    let shape = if wrapped {
        serde_json::from_slice::<Versioned<HeadShape>>(data).ok()?.data
    } else {
        serde_json::from_slice::<HeadShape>(data).ok()?
    };
    let block = AgreedHead { slot: Slot(shape.slot.0), root: shape.block };
    let key = hash(&(block.slot, block.root, shape.payload_status));
    Some(Head { lane: usize::from(wrapped), block, key, optimistic: shape.execution_optimistic })
}

#[derive(Deserialize)]
struct CheckpointShape {
    epoch: Quoted,
    block: Root,
}

fn checkpoint(data: &[u8]) -> Option<Said> {
    let shape = serde_json::from_slice::<CheckpointShape>(data).ok()?;
    Some(Said::Checkpoint(Epoch(shape.epoch.0), shape.block))
}

/// Blocks and payloads are the same whatever else a beacon says of them, its own optimism above all; the rest is the same
/// if all of it is.
fn union_key(topic: &str, data: &[u8]) -> u64 {
    let names: &[&str] = match topic {
        "block" | "block_gossip" => &["block"],
        "execution_payload" | "execution_payload_gossip" => &["block_root", "builder_index"],
        "execution_payload_available" => &["block_root"],
        _ => return digest(topic, data),
    };
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return digest(topic, data) };
    let parts: Option<Vec<String>> = names.iter().map(|name| Some(value.get(name)?.to_string())).collect();
    parts.map_or_else(|| digest(topic, data), |parts| hash(&(topic, parts)))
}

/// The same event with other spacing, or its members in another order, is the same event.
pub fn digest(topic: &str, data: &[u8]) -> u64 {
    match serde_json::from_slice::<Value>(data) {
        Ok(value) => hash(&(topic, value.to_string())),
        Err(_) => hash(&(topic, data)),
    }
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(n: u8) -> String {
        format!("0x{}", format!("{n:02x}").repeat(32))
    }

    #[test]
    fn the_payloads_status_is_part_of_a_head_and_nothing_else_that_is_said_of_it() {
        let v2 = |status: &str, transition: bool| {
            let data = format!(
                r#"{{"version":"gloas","data":{{"slot":"5","block":"{}","payload_status":"{status}","epoch_transition":{transition},"execution_optimistic":false}}}}"#,
                root(1)
            );
            match read("head_v2", data.as_bytes()) {
                Some(Said::Head(head)) => head,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(v2("empty", false), v2("empty", true));
        assert_ne!(v2("empty", false).key, v2("full", false).key);
        assert_eq!((v2("full", false).block.slot, v2("full", false).lane), (Slot(5), 1));
    }

    #[test]
    fn what_has_not_the_shape_of_its_topic_is_nothing() {
        for (topic, data) in [
            ("head", "{}"),
            ("head", r#"{"slot":"5","block":"0x12"}"#),
            ("head", "not json"),
            ("head_v2", r#"{"slot":"5"}"#),
            ("finalized_checkpoint", r#"{"epoch":"x"}"#),
        ] {
            assert_eq!(read(topic, data.as_bytes()), None, "{topic} {data}");
        }
        assert_eq!(read("things_to_come", b"whatever"), Some(Said::Volume));
    }

    #[test]
    fn the_same_event_is_the_same_however_it_is_written() {
        let same = |topic: &str, a: &str, b: &str| read(topic, a.as_bytes()) == read(topic, b.as_bytes());
        let (one, two) = (root(1), root(2));
        let block = |root: &str, optimistic: bool| {
            format!(r#"{{"slot":"1","block":"{root}","execution_optimistic":{optimistic}}}"#)
        };
        assert!(same("block", &block(&one, true), &block(&one, false)));
        assert!(!same("block", &block(&one, true), &block(&two, true)));
        assert!(same("voluntary_exit", r#"{"a":"1","b":"2"}"#, r#"{ "b": "2", "a": "1" }"#));
        let payload = |builder: u8| {
            format!(r#"{{"block_root":"{one}","builder_index":"{builder}","slot":"1","x":{builder}}}"#)
        };
        assert!(same("execution_payload", &payload(1), &payload(1).replace("\"x\":1", "\"x\":2")));
        assert!(!same("execution_payload", &payload(1), &payload(2)));
        assert!(same("execution_payload_available", &payload(1), &payload(2)));
        assert_ne!(digest("block", b"{}"), digest("block_gossip", b"{}"));
    }
}
