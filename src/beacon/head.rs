//! Head events: topics, and one shape for both of their generations.

use serde::Deserialize;

use super::sse::SseEvent;
use crate::chain::wire::quoted;
use crate::model::{Root, Slot};

/// Topic of head events; deprecated by Gloas in favour of [`HEAD_V2`], still the one every client serves.
pub const HEAD: &str = "head";
/// Topic of head events that tell the payload's status (beacon-APIs #590, Gloas).
pub const HEAD_V2: &str = "head_v2";

/// Whether the head block's payload was seen (Gloas).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// Not, or not yet.
    Empty,
    /// Seen and imported.
    Full,
    /// A word this release does not know.
    #[serde(other)]
    Other,
}

/// A beacon has a new head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadEvent {
    /// Slot of the head block.
    pub slot: Slot,
    /// Root of the head block.
    pub block: Root,
    /// State root of the head block.
    pub state: Root,
    /// Whether the head is the first of its epoch.
    pub epoch_transition: bool,
    /// Whether the execution client has not verified it. Beacons of before the merge do not say: false.
    pub optimistic: bool,
    /// The root the next epoch's attester duties depend on: `current_duty_dependent_root` of `head`,
    /// `next_epoch_dependent_root` of `head_v2` (same value, renamed).
    pub current_dependent: Option<Root>,
    /// The root this epoch's attester duties depend on: `previous_duty_dependent_root` of `head`,
    /// `current_epoch_dependent_root` of `head_v2` (same value, renamed).
    pub previous_dependent: Option<Root>,
    /// Payload status; only `head_v2` tells it.
    pub payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Shape {
    #[serde(deserialize_with = "quoted::deserialize")]
    slot: u64,
    block: Root,
    state: Root,
    #[serde(default)]
    epoch_transition: bool,
    #[serde(default)]
    execution_optimistic: bool,
    #[serde(alias = "next_epoch_dependent_root")]
    current_duty_dependent_root: Option<Root>,
    #[serde(alias = "current_epoch_dependent_root")]
    previous_duty_dependent_root: Option<Root>,
    payload_status: Option<Payload>,
}

#[derive(Deserialize)]
struct Versioned {
    data: Shape,
}

impl HeadEvent {
    /// Reads an event of topic [`HEAD`] or [`HEAD_V2`]; none for any other topic.
    ///
    /// # Errors
    /// When the data does not have the topic's shape.
    pub fn read(event: &SseEvent) -> Option<Result<HeadEvent, serde_json::Error>> {
        let shape = match event.topic.as_str() {
            HEAD => serde_json::from_slice::<Shape>(&event.data),
            HEAD_V2 => serde_json::from_slice::<Versioned>(&event.data).map(|versioned| versioned.data),
            _ => return None,
        };
        Some(shape.map(|shape| HeadEvent {
            slot: Slot(shape.slot),
            block: shape.block,
            state: shape.state,
            epoch_transition: shape.epoch_transition,
            optimistic: shape.execution_optimistic,
            current_dependent: shape.current_duty_dependent_root,
            previous_dependent: shape.previous_duty_dependent_root,
            payload: shape.payload_status,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(topic: &str, data: &str) -> SseEvent {
        let data = data.replace("AA", &"aa".repeat(32)).replace("BB", &"bb".repeat(32));
        let data = data.replace("CC", &"cc".repeat(32)).replace("DD", &"dd".repeat(32));
        SseEvent { topic: topic.to_owned(), data: data.into() }
    }

    #[test]
    fn both_generations_read_alike() {
        let old = event(
            "head",
            r#"{"slot":"10","block":"0xAA","state":"0xBB","epoch_transition":false,"previous_duty_dependent_root":"0xCC","current_duty_dependent_root":"0xDD","execution_optimistic":true}"#,
        );
        let new = event(
            "head_v2",
            r#"{"version":"gloas","data":{"slot":"10","block":"0xAA","state":"0xBB","payload_status":"empty","epoch_transition":false,"current_epoch_dependent_root":"0xCC","next_epoch_dependent_root":"0xDD","execution_optimistic":true}}"#,
        );
        let old = HeadEvent::read(&old).unwrap().unwrap();
        let new = HeadEvent::read(&new).unwrap().unwrap();
        assert_eq!((old.slot, old.block, old.optimistic), (Slot(10), Root([0xaa; 32]), true));
        assert_eq!(old.previous_dependent, Some(Root([0xcc; 32])));
        assert_eq!(old.current_dependent, Some(Root([0xdd; 32])));
        assert_eq!((old.payload, new.payload), (None, Some(Payload::Empty)));
        assert_eq!(HeadEvent { payload: None, ..new }, old);
    }

    #[test]
    fn what_is_left_out_is_not_made_up() {
        let read = HeadEvent::read(&event("head", r#"{"slot":"1","block":"0xAA","state":"0xBB"}"#));
        let read = read.unwrap().unwrap();
        assert_eq!((read.current_dependent, read.previous_dependent, read.optimistic), (None, None, false));
        let odd =
            r#"{"version":"x","data":{"slot":"1","block":"0xAA","state":"0xBB","payload_status":"half"}}"#;
        assert_eq!(HeadEvent::read(&event("head_v2", odd)).unwrap().unwrap().payload, Some(Payload::Other));
    }

    #[test]
    fn other_topics_are_none_and_other_shapes_an_error() {
        assert!(HeadEvent::read(&event("block", r#"{"slot":"1","block":"0xAA"}"#)).is_none());
        assert!(HeadEvent::read(&event("head", "{}")).unwrap().is_err());
        assert!(
            HeadEvent::read(&event("head_v2", r#"{"slot":"1","block":"0xAA","state":"0xBB"}"#))
                .unwrap()
                .is_err()
        );
    }
}
