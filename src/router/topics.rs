//! Which events pass to clients when several beacons announce them. Pure.
//!
//! `head` passes at its first sighting for a higher slot, and otherwise only from the leader: a plain seen-set would
//! swallow the second A of a reorg A, B, A, and without it a slow beacon's late A would pull clients back. A leader that
//! only catches up with what clients have heard pulls nobody back either.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use crate::model::BeaconId;

/// Events remembered as seen.
const SEEN: usize = 16_384;

/// How a topic is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// First sighting for higher slots, else the leader's word.
    Head,
    /// First sighting of each event.
    Union,
    /// The leader's alone: views that differ from beacon to beacon, and volume.
    Leader,
}

/// Topics every client may ask for, with their mode; always subscribed are those marked so.
pub const TOPICS: &[(&str, Mode, bool)] = &[
    ("head", Mode::Head, true),
    ("head_v2", Mode::Head, false),
    ("block", Mode::Union, false),
    ("block_gossip", Mode::Union, false),
    ("execution_payload", Mode::Union, false),
    ("execution_payload_gossip", Mode::Union, false),
    ("execution_payload_available", Mode::Union, false),
    ("finalized_checkpoint", Mode::Union, false),
    ("attester_slashing", Mode::Union, false),
    ("proposer_slashing", Mode::Union, false),
    ("voluntary_exit", Mode::Union, false),
    ("bls_to_execution_change", Mode::Union, false),
    ("proposer_preferences", Mode::Union, false),
    ("execution_payload_bid", Mode::Union, false),
    ("data_column_sidecar", Mode::Union, false),
    ("blob_sidecar", Mode::Union, false),
    ("chain_reorg", Mode::Leader, false),
    ("payload_attributes", Mode::Leader, false),
    ("fast_confirmation", Mode::Leader, false),
    ("light_client_finality_update", Mode::Leader, false),
    ("light_client_optimistic_update", Mode::Leader, false),
    ("attestation", Mode::Leader, false),
    ("single_attestation", Mode::Leader, false),
    ("contribution_and_proof", Mode::Leader, false),
    ("payload_attestation_message", Mode::Leader, false),
];

/// The mode of a topic; unknown ones, which will come, are the leader's.
pub fn mode(topic: &str) -> Mode {
    TOPICS.iter().find(|(name, ..)| *name == topic).map_or(Mode::Leader, |(_, mode, _)| *mode)
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    slot: std::borrow::Cow<'a, str>,
    #[serde(default)]
    execution_optimistic: bool,
}

/// Decides event by event.
#[derive(Debug, Default)]
pub struct Merger {
    leader: Option<BeaconId>,
    last_slot: [u64; 2],
    last_head: [u64; 2],
    /// The slot of each beacon's own head.
    own: HashMap<(BeaconId, usize), u64>,
    seen: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Merger {
    /// Whose word counts where views differ.
    pub fn lead(&mut self, leader: Option<BeaconId>) {
        self.leader = leader;
    }

    /// Whether this event passes to the clients.
    pub fn passes(&mut self, from: BeaconId, topic: &str, data: &[u8]) -> bool {
        match mode(topic) {
            Mode::Leader => self.leader.is_none_or(|leader| leader == from),
            Mode::Union => self.first_sighting(digest(topic, data)),
            Mode::Head => self.head(from, topic, data),
        }
    }

    fn head(&mut self, from: BeaconId, topic: &str, data: &[u8]) -> bool {
        let Ok(head) = serde_json::from_slice::<Head<'_>>(data) else { return false };
        let Ok(slot) = head.slot.parse::<u64>() else { return false };
        let lane = usize::from(topic == "head_v2");
        let key = digest(topic, data);
        if head.execution_optimistic {
            return false;
        }
        let before = self.own.insert((from, lane), slot);
        if key == self.last_head[lane] {
            return false;
        }
        let last = self.last_slot[lane];
        // One whose head rises to a slot that is behind still is late: it was told already, or will be overtaken.
        let late = slot < last && before.is_none_or(|before| before < slot);
        if slot <= last && (self.leader != Some(from) || late) {
            return false;
        }
        self.last_slot[lane] = slot;
        self.last_head[lane] = key;
        true
    }

    fn first_sighting(&mut self, key: u64) -> bool {
        if !self.seen.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

/// The same event serialised with other spacing is the same event.
fn digest(topic: &str, data: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    topic.hash(&mut hasher);
    match serde_json::from_slice::<serde_json::Value>(data) {
        Ok(value) => value.to_string().hash(&mut hasher),
        Err(_) => data.hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(slot: u64, block: &str) -> Vec<u8> {
        format!(r#"{{"slot":"{slot}","block":"{block}","execution_optimistic":false}}"#).into_bytes()
    }

    #[test]
    fn a_reorg_and_back_passes_and_a_late_echo_does_not() {
        let (leader, slow) = (BeaconId(0), BeaconId(1));
        let mut merger = Merger::default();
        merger.lead(Some(leader));
        assert!(merger.passes(slow, "head", &head(5, "a")), "first sighting, whoever tells");
        assert!(!merger.passes(leader, "head", &head(5, "a")), "told already");
        assert!(merger.passes(leader, "head", &head(5, "b")), "reorg within the slot");
        assert!(!merger.passes(slow, "head", &head(5, "a")), "a late echo");
        assert!(merger.passes(leader, "head", &head(5, "a")), "and back");
        assert!(!merger.passes(slow, "head", &head(4, "z")), "never back in time by a follower");
    }

    #[test]
    fn a_leader_that_is_late_repeats_nothing_and_one_that_goes_back_is_followed() {
        let (leader, quick) = (BeaconId(0), BeaconId(1));
        let mut merger = Merger::default();
        merger.lead(Some(leader));
        for slot in [4, 5, 6] {
            assert!(merger.passes(quick, "head", &head(slot, "a")));
        }
        for slot in [4, 5, 6] {
            assert!(!merger.passes(leader, "head", &head(slot, "a")), "{slot} was told already");
        }
        assert!(merger.passes(leader, "head", &head(5, "b")), "a reorg to a lower slot");
    }

    #[test]
    fn optimistic_heads_and_garbage_do_not_pass() {
        let mut merger = Merger::default();
        let optimistic = br#"{"slot":"5","block":"a","execution_optimistic":true}"#;
        assert!(!merger.passes(BeaconId(0), "head", optimistic));
        assert!(!merger.passes(BeaconId(0), "head", b"{}"));
    }

    #[test]
    fn union_topics_pass_once_whatever_the_spacing() {
        let mut merger = Merger::default();
        assert!(merger.passes(BeaconId(0), "block", br#"{"slot":"1","block":"a"}"#));
        assert!(!merger.passes(BeaconId(1), "block", br#"{ "slot": "1", "block": "a" }"#));
        assert!(merger.passes(BeaconId(1), "block", br#"{"slot":"2","block":"b"}"#));
    }

    #[test]
    fn views_are_the_leaders_alone() {
        let mut merger = Merger::default();
        merger.lead(Some(BeaconId(2)));
        assert!(!merger.passes(BeaconId(1), "chain_reorg", b"{}"));
        assert!(merger.passes(BeaconId(2), "chain_reorg", b"{}"));
    }
}
