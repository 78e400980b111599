//! The event of a reorg (beacon-APIs, `eventstream`, topic `chain_reorg`).

use serde::Deserialize;

use super::sse::SseEvent;
use crate::chain::wire::quoted;
use crate::model::Slot;

/// Topic of reorgs.
pub const CHAIN_REORG: &str = "chain_reorg";

/// A beacon left a branch for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ReorgEvent {
    /// Slot of the new head.
    #[serde(deserialize_with = "quoted::deserialize")]
    slot: u64,
    /// Slots from the old head back to the last block both branches have.
    #[serde(deserialize_with = "quoted::deserialize")]
    depth: u64,
}

impl ReorgEvent {
    /// Reads an event of topic [`CHAIN_REORG`]; none for any other topic.
    ///
    /// # Errors
    /// When the data does not have the topic's shape.
    pub fn read(event: &SseEvent) -> Option<Result<Self, serde_json::Error>> {
        (event.topic == CHAIN_REORG).then(|| serde_json::from_slice(&event.data))
    }

    /// The branches parted about here. The slot of the old head is not told: they may have parted earlier by as much as it
    /// lies behind the new one.
    pub fn parted(&self) -> Slot {
        Slot(self.slot.saturating_sub(self.depth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_branches_parted_is_read() {
        let read = |topic: &str, data: &str| {
            let event = SseEvent { topic: topic.to_owned(), data: data.to_owned().into() };
            ReorgEvent::read(&event).map(|reorg| reorg.ok().map(|reorg| reorg.parted()))
        };
        let data = r#"{"slot":"200","depth":"50","epoch":"2","execution_optimistic":false}"#;
        assert_eq!(read(CHAIN_REORG, data), Some(Some(Slot(150))));
        assert_eq!(read(CHAIN_REORG, r#"{"slot":"2","depth":"50"}"#), Some(Some(Slot(0))));
        assert_eq!(read(CHAIN_REORG, "{}"), Some(None));
        assert_eq!(read("head", data), None);
    }
}
